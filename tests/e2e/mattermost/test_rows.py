"""What mmetl drops, damages or aborts on, on the real server: one hostile export, and what became of each row."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.base import Kind, Limits
from migrator.adapters.bulk import Move
from migrator.adapters.mattermost import delivery
from migrator.adapters.mattermost.adapter import Mattermost
from migrator.adapters.mattermost.book import Book
from migrator.adapters.mattermost.delivery import Deliveries
from migrator.adapters.mattermost.package import write
from migrator.adapters.mattermost.read import read
from migrator.adapters.mattermost.rest import Rest
from migrator.directory import Names
from migrator.model import CustomEmoji, Local, Workspace
from migrator.progress import Progress
from migrator.secret import Secret
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.arrived import Arrived
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.rows import ROWS, TEXTS, Row
from tests.e2e.mattermost.server import Server
from tests.worlds import World

FACTS = Path(__file__).parents[4] / "shared" / "facts" / "mattermost.md"


@pytest.fixture(scope="module")
def arrived(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Arrived:
    folder = tmp_path_factory.mktemp("rows")
    export = exports.write(folder / "export")
    moved = move(server, "rows", export, folder / "run")
    bring_emoji(server, folder / "emoji")
    return Arrived(server, moved, folder / "run", "rows")


def bring_emoji(server: Server, folder: Path) -> None:
    """No export holds the images of emoji; a source that has them gives them to the same writer."""
    emoji = {"party parrot!": CustomEmoji("party_parrot", Local("parrot", 0))}
    emoji = {one.name: one for one in emoji.values()}
    source = World(Workspace("T9", "Emoji", "emoji", {}, {}, {}, emoji), [], {"parrot": exports.picture(900)})
    nothing: Any = lambda *_: None  # noqa: E731
    quiet = Progress(quiet=True)
    one = Move(source, Names(source.workspace), None, folder, quiet, nothing, nothing, {})
    package = write(one, Book(source.workspace, team="rows"), Mattermost({}).compose, folder, limits=Limits())
    rest, known = Rest(server.url, Secret(server.token)), Deliveries(folder / "deliveries.json")
    for part in package.parts:
        delivery.deliver(rest, part.path, known.of(part.path), save=known.save)
    rest.close()


def test_it_all_verifies(arrived: Arrived) -> None:
    """Also what stops mmetl, or the server's import of what it writes: those rows are in the same export."""
    assert not arrived.moved.told
    assert arrived.moved.verdict.messages >= 100
    assert sum(row.aborts for row in ROWS) == 7


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title[:60])
def test_a_row_of_things(arrived: Arrived, row: Row) -> None:
    assert row.check(arrived), f"mmetl: {row.mmetl}; ours should be: {row.ours}"


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=[title for title, _ in exports.TEXTS])
def test_a_row_of_texts(arrived: Arrived, number: int) -> None:
    """The words a reader sees are Slack's, and what mmetl writes is not there."""
    source = arrived.post("C10", number)["message"]
    row = TEXTS[number]
    seen = read(source, lambda name: name)
    assert " ".join(seen.split()).startswith(" ".join(row.words.split())), source
    assert row.must in source
    assert not row.mmetl or row.mmetl not in source


@pytest.mark.parametrize("kind", exports.DROPPED)
def test_a_kind_of_message_that_mmetl_drops_is_there_with_its_reply(arrived: Arrived, kind: str) -> None:
    second = 2 * exports.DROPPED.index(kind)
    root, reply = arrived.post("C9", second), arrived.post("C9", second + 1)
    assert root["message"]
    assert reply["message"] == f"reply to {kind}"
    assert reply["root_id"] == root["id"]


@pytest.mark.parametrize(
    ("place", "second", "kind"),
    [
        ("C1", 1, ""),
        ("C7", 5, ""),  # file_share
        ("C7", 6, ""),  # file_comment
        ("C8", 3, ""),  # thread_broadcast
        ("C1", 3, ""),  # bot_message
        ("C1", 14, "system_join_channel"),
        ("C1", 15, "system_header_change"),
        ("C1", 17, "me"),
        ("C8", 8, "custom_calls"),
        ("C9", 14, "system_leave_channel"),
        ("C9", 18, "system_purpose_change"),
        ("C9", 20, "system_displayname_change"),
        ("C9", 0, "system_channel_deleted"),
        ("C9", 200, ""),  # by nobody at all
    ],
)
def test_a_kind_of_message_has_its_type(arrived: Arrived, place: str, second: int, kind: str) -> None:
    """Joins and the like do not count as unread and are no one's words."""
    assert arrived.post(place, second)["type"] == kind


def test_no_remains_of_the_sources_markup_are_in_any_post(arrived: Arrived) -> None:
    """Special mentions, links to ids, raw brackets: in no post of any conversation."""
    for conversation in arrived.ids[Kind.CONVERSATION]:
        for post in arrived.posts(conversation):
            for remains in ("<!", "<@", "<#", "](!", "](@", "](#", "&amp;"):
                assert remains not in post["message"], post["message"][:200]


def test_the_servers_own_export_shows_what_the_format_can_carry(arrived: Arrived) -> None:
    """Its export_process job is the oracle that owes nothing to our reading."""
    server = arrived.server
    job = server.post("/jobs", {"type": "export_process", "data": {"include_archived_channels": "true"}})
    while (state := server.get(f"/jobs/{job['id']}"))["status"] not in delivery.ENDED:
        time.sleep(0.5)
    assert state["status"] == "success"
    with zipfile.ZipFile(io.BytesIO(server.call("GET", f"/exports/{job['id']}_export.zip").content)) as archive:
        lines = [
            json.loads(line) for name in archive.namelist() if name.endswith(".jsonl") for line in archive.open(name)
        ]
    posts = [line[line["type"]] for line in lines if line["type"] in ("post", "direct_post")]
    mine = {p["props"]["slack_key"]: p for post in posts for p in (post, *(post.get("replies") or ()))
            if "slack_key" in (p.get("props") or {}) and (post.get("team") or "rows") == "rows"}  # fmt: skip
    users = {line["user"]["username"]: line["user"] for line in lines if line["type"] == "user"}

    def at(place: str, second: int) -> Any:
        return mine[arrived.post(place, second)["props"]["slack_key"]]

    assert at("C1", 1)["is_pinned"] is True
    assert at("C8", 4)["edit_at"] == (exports.BASE + 60) * 1000
    assert at("C1", 17)["type"] == "me"
    assert at("C8", 2)["props"]["slack_key"]
    assert at("C8", 7)["props"]["override_username"] == "Night Build"
    assert {f["user"] for f in at("C8", 1)["thread_followers"]} == {"alice", "bob"}
    assert {r["emoji_name"] for r in at("C1", 1)["reactions"]} == {"tada", "+1_light_skin_tone"}
    assert (users["alice"]["locale"], users["alice"]["nickname"]) == ("it", "Ali")
    headers = {line["direct_channel"].get("header") for line in lines if line["type"] == "direct_channel"}
    assert "lunch" in headers


def test_every_row_is_here() -> None:
    """The table is the list of our tests; without it at hand its length as it was counted."""
    titles = [row.title for row in ROWS]
    if FACTS.exists():
        text = FACTS.read_text(encoding="utf-8")
        assert titles == rows_of(text, "### 1.1")
        assert len(TEXTS) == len(exports.TEXTS) == len(rows_of(text, "### 1.3"))
    assert (len(titles), len(TEXTS)) == (65, 24)


def rows_of(text: str, heading: str) -> list[str]:
    """The first cells of the table below a heading."""
    section = text[text.index(heading) :].split("\n###", maxsplit=1)[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [line.split(" | ")[0].removeprefix("| ") for line in table]
