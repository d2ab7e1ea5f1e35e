"""A later export of the same workspace: what is new arrives, and nothing else on the server is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migrator.adapters.base import Kind
from migrator.journal import Journal
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server

SECRET = "sleepless-heron-7"


def export(folder: Path, *later: dict[str, Any], liked: bool = False) -> Path:
    """A thread of two and a message; `later` is what a newer export holds more."""
    people = [exports.person(f"U{n}", f"nell{n}", email=f"nell{n}@example.invalid") for n in range(3)]
    channel = {"id": "C1", "name": "garden", "created": 1709290000, "members": ["U0", "U1", "U2"]}
    reactions = [{"name": "tada", "users": ["U1"], "count": 1}]
    said = [
        {"type": "message", "user": "U0", "ts": exports.ts(1), "thread_ts": exports.ts(1), "text": "*root*",
         "files": [exports.file("F0MANY1", "same.txt")], **({"reactions": reactions} if liked else {})},
        {"type": "message", "user": "U1", "ts": exports.ts(2), "thread_ts": exports.ts(1), "text": "first reply"},
        {"type": "message", "user": "U2", "ts": exports.ts(3), "text": "single"},
        *later,
    ]  # fmt: skip
    content = {"users.json": people, "channels.json": [channel], f"garden/{exports.DAY}.json": said}
    for name, records in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
    upload = folder / "__uploads/F0MANY1/same.txt"
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(b"file 1")
    return folder


def test_a_later_export_touches_no_password_no_read_state_and_no_post(server: Server, tmp_path: Path) -> None:
    """Between the two somebody signs in, reads, has something unread, and a post is edited on the server."""
    run = tmp_path / "run"
    moved = move(server, "delta", export(tmp_path / "export"), run)
    assert not moved.told
    with Journal(run / "journal.sqlite") as journal:
        nell = {n: str(journal.remote(Kind.USER, f"U{n}")) for n in range(3)}
        place = str(journal.remote(Kind.CONVERSATION, "C1"))
        root = str(journal.remote(Kind.POST, f"C1/{exports.ts(1)}"))
    for user in nell.values():
        server.call("PUT", f"/users/{user}/password", json={"new_password": SECRET})
    server.call("PUT", f"/users/{nell[0]}/roles", json={"roles": "system_admin system_user"})
    tokens = {n: server.login(f"nell{n}", SECRET) for n in nell}
    server.call("POST", "/channels/members/me/view", token=tokens[0], json={"channel_id": place})
    server.call("POST", "/posts", token=tokens[2], json={"channel_id": place, "message": "written there"})
    edited = server.call("PUT", f"/posts/{root}/patch", json={"message": "root, mended on the server"}).json()

    def state() -> dict[int, Any]:
        mine = {n: server.call("GET", f"/channels/{place}/members/me", token=tokens[n]).json() for n in nell}
        fields = ("msg_count", "msg_count_root", "mention_count", "last_viewed_at", "roles", "notify_props")
        return {n: {field: member[field] for field in fields} for n, member in mine.items()}

    before, files = state(), server.get(f"/posts/{root}/files/info")
    later = [
        {"type": "message", "user": "U2", "ts": exports.ts(4), "thread_ts": exports.ts(1), "text": "second reply"},
        {"type": "message", "user": "U1", "ts": exports.ts(5), "text": "new"},
    ]
    again = move(server, "delta", export(tmp_path / "newer" / "export", *later, liked=True), run)
    assert again.outcome.posts == 2
    assert again.outcome.reactions == 1
    assert state() == before
    for n in nell:
        assert server.login(f"nell{n}", SECRET)
    assert server.get(f"/users/{nell[0]}")["roles"] == "system_admin system_user"

    page = server.get(f"/channels/{place}/posts", per_page=200)["posts"]
    ours = {post["message"]: post for post in page.values() if not post["type"]}
    assert sorted(ours) == [
        "first reply", "new", "root, mended on the server", "second reply", "single", "written there"]  # fmt: skip
    kept = ours["root, mended on the server"]
    assert (kept["id"], kept["create_at"]) == (root, edited["create_at"])
    assert ours["second reply"]["root_id"] == root
    assert [info["id"] for info in server.get(f"/posts/{root}/files/info")] == [info["id"] for info in files]
    assert [reaction["emoji_name"] for reaction in kept["metadata"]["reactions"]] == ["tada"]


def test_a_direct_channel_that_was_there_keeps_what_each_has_read(server: Server, tmp_path: Path) -> None:
    """Two people who talk on the server already: the history joins their channel, and what is unread stays unread."""
    pair = {name: server.new_user(name) for name in ("owen", "petra")}
    tokens = {name: server.login(name) for name in pair}
    ids = [user["id"] for user in pair.values()]
    channel = server.call("POST", "/channels/direct", json=ids).json()["id"]
    server.call("POST", "/posts", token=tokens["petra"], json={"channel_id": channel, "message": "unread"})

    def state() -> dict[str, Any]:
        mine = {n: server.call("GET", f"/channels/{channel}/members/me", token=tokens[n]).json() for n in pair}
        return {n: (member["msg_count"], member["last_viewed_at"]) for n, member in mine.items()}

    before = state()
    said = [{"type": "message", "user": f"U{n}", "ts": exports.ts(n), "text": f"word {n}"} for n in range(2)]
    content = {
        "users.json": [exports.person(f"U{n}", name, email=f"{name}@example.invalid") for n, name in enumerate(pair)],
        "channels.json": [],
        "dms.json": [{"id": "D1", "created": 1709290000, "members": ["U0", "U1"]}],
        f"D1/{exports.DAY}.json": said,
    }
    for name, records in content.items():
        path = tmp_path / "export" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
    moved = move(server, "pair", tmp_path / "export", tmp_path / "run")
    assert not moved.told
    assert moved.outcome.posts == 2
    assert state() == before
    page = server.call("GET", f"/channels/{channel}/posts", token=tokens["owen"]).json()
    assert {post["message"] for post in page["posts"].values()} == {"unread", "word 0", "word 1"}
