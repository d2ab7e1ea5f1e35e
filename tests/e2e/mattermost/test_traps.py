"""What a server takes and suffers from, or stops at (facts 10.1): seen on the real one, and refused by our check.

Two import files that the server calls a success do the quiet damage; each of the others ends its job with an error.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.mattermost import delivery
from migrator.adapters.mattermost.delivery import Deliveries
from migrator.adapters.mattermost.present import Account, Place, Present
from migrator.adapters.mattermost.rest import Rest
from migrator.adapters.mattermost.validate import check
from migrator.secret import Secret
from tests.e2e.mattermost import exports, zips
from tests.e2e.mattermost.server import PASSWORD, Server

Line = dict[str, Any]
CROWD = [f"crowd{n}" for n in range(9)]
SHUT = zips.channel("shut", deleted_at=zips.T0 + 1)
ROOT = {"replies": [{"user": "ben", "message": "early", "create_at": zips.T0 + 5}]}
# the server's word on these is "success"
FIRST: list[Line] = [
    {"type": "emoji", "emoji": {"name": "smile", "image": "smile.png"}},
    zips.channel("traps"),
    SHUT,
    zips.user("ben", "traps"),
    *[zips.user(name, "traps") for name in CROWD],
    zips.post("traps", "ann", "same", 1),
    zips.post("traps", "ann", "root", 10, attachments=[{"path": "a.txt"}], **ROOT),
    zips.post("traps", "ann", "before", 20),
    zips.post("traps", "ann", "its file is not in the zip", 30, attachments=[{"path": "nowhere.txt"}]),
    {"type": "direct_channel", "direct_channel": {"members": CROWD}},
]
AGAIN: list[Line] = [
    {"type": "user", "user": {"username": "ann", "email": "ann@example.invalid"}},
    zips.post("traps", "ben", "same", 1),
    zips.post("traps", "ann", "root", 10, **ROOT),
    zips.post("traps", "ann", "after", 20),
]


def _direct(*members: str) -> Line:
    post = {"channel_members": list(members), "user": members[0], "message": "x", "create_at": zips.T0}
    return {"type": "direct_post", "direct_post": post}


NOBODYS = {"user": "nobody", "emoji_name": "smile", "create_at": zips.T0 + 43}
DAN = zips.user("dan", "traps")
# each of these stops an import: its lines, what our check says, and whether the server names the line
FATAL: dict[str, tuple[list[Line], str, bool]] = {
    "an archived channel again": ([SHUT], "archived on the server already", True),
    "a taken address": ([zips.user("cyd", "traps", email="BEN@example.invalid")], "address of somebody else", True),
    "NUL": ([zips.post("traps", "ann", "a\0b", 40)], "NUL", False),
    "an unknown author": ([DAN, zips.post("traps", "nobody", "x", 41)], "is nobody", False),
    "an unknown reactor": ([DAN, zips.post("traps", "ann", "it stays", 43, reactions=[NOBODYS])], "is nobody", True),
    "a direct post to nine": ([_direct(*CROWD)], "2 to 8", True),
    "an emoji over half a mebibyte": (
        [{"type": "emoji", "emoji": {"name": "huge", "image": "huge.png"}}], "over 524288 bytes", True),
}  # fmt: skip


class Suffered:
    """A server after both files and all the others; `problems` is what our check said of each."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.rest = Rest(server.url, Secret(server.token))
        ann = server.new_user("ann")
        team = server.get("/teams/name/moved")["id"]
        server.post(f"/teams/{team}/members", {"team_id": team, "user_id": ann["id"]})
        self.problems: dict[str, list[str]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self._run(folder, {"first": FIRST}, Present())
        there = Present(
            {
                "ann": Account(ann["id"], "ann", "ann@example.invalid"),
                "ben": Account("b", "ben", "ben@example.invalid"),
            },
            {"shut": Place("s", "shut", archived=True), "traps": Place("t", "traps")},
        )
        # the server runs one job in 15 s: all are asked for, then watched
        self._run(folder, {"again": AGAIN, **{name: lines for name, (lines, _, _) in FATAL.items()}}, there)

    def _run(self, folder: Path, files: dict[str, list[Line]], present: Present) -> None:
        data = {"a.txt": b"a", "smile.png": exports.picture(8), "huge.png": bytes((512 << 10) + 1)}
        known = Deliveries(folder / "deliveries.json")
        asked = {}
        for number, (name, lines) in enumerate(files.items()):
            file = zips.pack(folder / f"{len(self.jobs) + number}.zip", lines, data)
            self.problems[name] = check(file, present)
            mine = known.of(file)
            delivery.send(self.rest, file, mine, save=known.save)
            asked[name] = delivery._start(self.rest, mine, 0)
        for name, job in asked.items():
            while (state := self.rest.get(f"/jobs/{job}"))["status"] not in delivery.ENDED:
                time.sleep(0.5)
            self.jobs[name] = state

    def posts(self) -> list[dict[str, Any]]:
        """Of the channel "traps", oldest first."""
        place = self.server.get("/teams/name/moved/channels/name/traps")["id"]
        page = self.server.get(f"/channels/{place}/posts", per_page=200)
        return sorted((p for p in page["posts"].values() if not p["type"]), key=lambda p: p["create_at"])


@pytest.fixture(scope="module")
def suffered(lone_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suffered]:
    made = Suffered(lone_server, tmp_path_factory.mktemp("traps"))
    yield made
    made.rest.close()


def refused(suffered: Suffered, name: str, why: str) -> bool:
    """Our check would not have let it through."""
    return any(why in problem for problem in suffered.problems[name])


def test_a_user_line_for_somebody_takes_their_password(suffered: Suffered) -> None:
    assert suffered.jobs["again"]["status"] == "success"
    with pytest.raises(AssertionError, match="401"):
        suffered.server.login("ann", PASSWORD)
    assert refused(suffered, "again", "the line would take their password and rights")


def test_equal_time_and_text_takes_another_ones_post(suffered: Suffered) -> None:
    (post,) = [post for post in suffered.posts() if post["message"] == "same"]
    assert suffered.server.get(f"/users/{post['user_id']}")["username"] == "ben"
    # in one file it is refused; across files our own posts differ by their times, which Held keeps
    lines = [zips.post("traps", "ann", "same", 1), zips.post("traps", "ben", "same", 1)]
    file = zips.pack(Path(suffered.server.folder) / "twice.zip", lines)
    assert any("another one's author" in problem for problem in check(file))


def test_another_text_at_the_same_time_is_a_second_post(suffered: Suffered) -> None:
    """Why a line that repeats a post carries what the server holds, never a fresh rendering."""
    assert {"before", "after"} <= {post["message"] for post in suffered.posts()}


def test_a_root_without_its_files_loses_them(suffered: Suffered) -> None:
    (root,) = [post for post in suffered.posts() if post["message"] == "root"]
    assert not root["metadata"].get("files")


def test_a_reply_before_its_root_doubles(suffered: Suffered) -> None:
    assert len([post for post in suffered.posts() if post["message"] == "early"]) == 2
    assert refused(suffered, "first", "before its root: each import would add one more copy")


def test_a_file_that_is_not_in_the_zip_is_left_out_without_a_word(suffered: Suffered) -> None:
    assert suffered.jobs["first"]["status"] == "success"
    (post,) = [post for post in suffered.posts() if post["message"].startswith("its file")]
    assert not post["metadata"].get("files")
    assert refused(suffered, "first", "data/nowhere.txt is not in the zip")


def test_a_group_of_nine_and_an_emoji_of_the_servers_are_skipped_without_a_word(suffered: Suffered) -> None:
    who = suffered.server.post("/users/usernames", CROWD[:1])[0]["id"]
    channels = suffered.server.get(f"/users/{who}/channels")
    assert "G" not in {channel["type"] for channel in channels}
    assert refused(suffered, "first", "9 members; a direct channel has 2 to 8")
    assert "smile" not in {emoji["name"] for emoji in suffered.server.get("/emoji", per_page=200)}
    assert refused(suffered, "first", "one of the server's own")


@pytest.mark.parametrize("name", FATAL)
def test_a_line_that_stops_an_import(suffered: Suffered, name: str) -> None:
    _, why, with_line = FATAL[name]
    job = suffered.jobs[name]
    assert job["status"] == "error", job
    assert bool(int(job["data"].get("line_number") or 0)) is with_line, job["data"]
    assert refused(suffered, name, why), suffered.problems[name]


def test_a_post_stays_although_its_reaction_stopped_the_import(suffered: Suffered) -> None:
    assert "it stays" in {post["message"] for post in suffered.posts()}
