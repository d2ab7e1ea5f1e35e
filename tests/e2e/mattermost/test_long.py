"""A thread that one statement of the server's database cannot hold: in two imports, as one thread."""

from __future__ import annotations

import json
from pathlib import Path

from migrator.adapters.base import Kind
from migrator.adapters.mattermost.posts import REPLIES
from migrator.journal import Journal
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server

COUNT = REPLIES + 5


def export(folder: Path) -> Path:
    root = {"ts": exports.ts(0), "thread_ts": exports.ts(0), "text": "root", "user": "U0"}
    replies = [
        {"ts": exports.ts(n), "thread_ts": exports.ts(0), "text": f"reply {n}", "user": f"U{n % 2}"}
        for n in range(1, COUNT + 1)
    ]
    content = {
        "users.json": [exports.person(f"U{n}", f"vera{n}", email=f"vera{n}@example.invalid") for n in range(2)],
        "channels.json": [{"id": "C1", "name": "endless", "created": 1709290000, "members": ["U0", "U1"]}],
        f"endless/{exports.DAY}.json": [{"type": "message", **said} for said in (root, *replies)],
    }
    for name, records in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
    return folder


def test_a_thread_beyond_the_databases_limit_is_one_thread(server: Server, tmp_path: Path) -> None:
    moved = move(server, "endless", export(tmp_path / "export"), tmp_path / "run")
    assert not moved.told
    assert moved.outcome.posts == COUNT + 1
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        root = journal.remote(Kind.POST, f"C1/{exports.ts(0)}")
        user = journal.remote(Kind.USER, "U0")
    team = server.get("/teams/name/endless")["id"]
    thread = server.get(f"/users/{user}/teams/{team}/threads/{root}")
    assert (thread["reply_count"], thread["unread_replies"]) == (COUNT, 0)
