"""What mmetl drops, damages or aborts on, on the real server: one hostile export, and what became of each row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.base import Kind
from migrator.journal import Journal
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import Moved, move
from tests.e2e.mattermost.server import Server


class Arrived:
    """The export after its move."""

    def __init__(self, server: Server, moved: Moved, run: Path) -> None:
        self.server, self.moved = server, moved
        with Journal(run / "journal.sqlite") as journal:
            self.ids = {kind: {key: remote for key, remote, _ in journal.all(kind)} for kind in Kind}

    def posts(self, conversation: str) -> list[dict[str, Any]]:
        """Oldest first, without what the server itself says."""
        place = self.ids[Kind.CONVERSATION][conversation].partition("/")[0]
        page = self.server.get(f"/channels/{place}/posts", per_page=200)
        return sorted(
            (page["posts"][post] for post in page["order"] if "slack_key" in (page["posts"][post]["props"] or {})),
            key=lambda post: post["create_at"],
        )

    def post(self, conversation: str, second: int) -> dict[str, Any]:
        return next(
            p
            for p in self.posts(conversation)
            if p["props"]["slack_key"] == f"{conversation}/{exports.ts(second)}"
            or p["props"]["slack_key"].startswith(f"{conversation}/{exports.BASE + second}.")
        )

    def user(self, slack: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.get(f"/users/{self.ids[Kind.USER][slack]}")
        return found

    def channel(self, conversation: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.get(
            f"/channels/{self.ids[Kind.CONVERSATION][conversation].partition('/')[0]}"
        )
        return found


@pytest.fixture(scope="module")
def arrived(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Arrived:
    folder = tmp_path_factory.mktemp("rows")
    export = exports.write(folder / "export")
    moved = move(server, "rows", export, folder / "run")
    return Arrived(server, moved, folder / "run")


def test_it_all_verifies(arrived: Arrived) -> None:
    assert not arrived.moved.told
    assert arrived.moved.verdict.messages >= 30


def test_people_stay_who_they_are(arrived: Arrived) -> None:
    """Equal addresses, equal names, illegal names, no address: everybody has an account of their own."""
    people = {slack: arrived.user(slack) for slack in ("U1", "U2", "U3", "U4", "U6")}
    assert len({user["username"] for user in people.values()}) == 5
    assert len({user["email"] for user in people.values()}) == 5
    assert people["U1"]["username"] == "alice"
    assert people["U4"]["delete_at"] > 0
    assert " " not in people["U3"]["username"]


def test_a_bot_is_one_account(arrived: Arrived) -> None:
    """Under its U and B ids alike; nobody is made up for it."""
    bot = arrived.user("U5")
    assert bot["is_bot"]
    assert arrived.post("C1", 5)["user_id"] == bot["id"]
    assert [post["user_id"] for post in arrived.posts("D2")] == [arrived.user("U1")["id"], bot["id"]]
    assert any(r["user_id"] == bot["id"] for r in arrived.post("C1", 1)["metadata"]["reactions"])


def test_names_of_single_bot_messages_and_people_behind_apps(arrived: Arrived) -> None:
    for second, name in ((3, "Deploy Bot"), (4, "Grafana Prod")):
        bot = arrived.server.get(f"/bots/{arrived.post('C1', second)['user_id']}")
        assert bot["display_name"] == name
    assert arrived.post("C1", 6)["user_id"] == arrived.user("U1")["id"]


def test_channels_do_not_merge(arrived: Arrived) -> None:
    names = [arrived.channel(c)["name"] for c in ("C1", "C2", "C3", "C4", "C5", "C6", "G1")]
    assert len(set(names)) == 7
    assert arrived.channel("C1")["name"] == "general"
    assert arrived.channel("C5")["display_name"] == "日本語"
    assert arrived.channel("C6")["delete_at"] > 0
    assert "<" not in arrived.channel("C1")["header"]
    assert "&amp;" not in arrived.channel("C1")["header"]


def test_nine_people_and_one_keep_their_history(arrived: Arrived) -> None:
    assert [post["message"] for post in arrived.posts("G9")] == ["nine of us", "indeed"]
    assert arrived.channel("G9")["type"] == "P"
    assert [post["message"] for post in arrived.posts("D1")] == ["note to self"]


def test_replies_outlive_their_root(arrived: Arrived) -> None:
    root = arrived.post("C1", 9)
    assert arrived.post("C1", 10)["root_id"] == root["id"]
    assert arrived.post("C1", 11)["root_id"] == root["id"]
    assert arrived.post("C1", 12)["root_id"]


def test_reactions_are_never_before_their_post(arrived: Arrived) -> None:
    together = [post for post in arrived.posts("C1") if post["message"].startswith("together")]
    assert len({post["create_at"] for post in together}) == 3
    for post in together:
        (reaction,) = post["metadata"]["reactions"]
        assert reaction["create_at"] >= post["create_at"]
    names = {r["emoji_name"] for r in arrived.post("C1", 1)["metadata"]["reactions"]}
    assert names == {"+1_light_skin_tone", "tada"}


def test_kinds_of_messages(arrived: Arrived) -> None:
    types = {second: arrived.post("C1", second)["type"] for second in (14, 15, 17)}
    assert types == {14: "system_join_channel", 15: "system_header_change", 17: "me"}
    assert arrived.post("C1", 16)["type"] == "system_generic"
    assert arrived.post("C1", 18)["message"]


def test_text_is_shown_as_it_was(arrived: Arrived) -> None:
    """No tilde pairs from two channel links, no swallowed fence, nothing typed that turns into markup."""
    links = arrived.post("C1", 19)["message"]
    assert "~~" not in links
    assert "<" not in links.replace("&lt;", "")
    code = arrived.post("C1", 20)["message"]
    assert "int *p = &x;" in code
    assert code.startswith("```\n")
    assert "\x00" not in arrived.post("C1", 7)["message"]
    pieces = [p for p in arrived.posts("C1") if p["props"]["slack_key"].startswith(f"C1/{exports.ts(22)}")]
    assert len(pieces) == 2
    assert sum(p["message"].count("w") for p in pieces) == 12_000


def test_nobody_has_anything_unread(arrived: Arrived) -> None:
    alice = arrived.ids[Kind.USER]["U1"]
    for conversation in ("C1", "C2", "G1", "G9"):
        place = arrived.ids[Kind.CONVERSATION][conversation]
        unread = arrived.server.get(f"/users/{alice}/channels/{place}/unread")
        assert unread["msg_count"] == 0, conversation
        assert unread["mention_count"] == 0, conversation
