"""Three exports of one workspace, one after the other: each later one sends only what is new."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.journal import Journal
from tests.corpora import CORPORA
from tests.moves import Moved, move
from tests.synapse import ask, corner, events

pytestmark = pytest.mark.synapse


def test_later_exports_send_only_what_is_new(synapse: Homeserver, tmp_path: Path) -> None:
    """3,816 messages, then 8,311, then 8,646, although hundreds of old ones have moved to other day files."""
    settings, folder = corner(synapse), tmp_path / "run"
    runs: list[Moved] = []
    for name in ("yours-2015-08-02", "yours-2015-11-16", "yours-2016-01-27"):
        runs.append(move(CORPORA / f"{name}.zip", "matrix", settings, folder))
        assert runs[-1].verdict.clean, runs[-1].verdict.sentence()
        assert runs[-1].outcome.failures == ()
    assert [run.verdict.messages for run in runs] == [3_816, 8_311, 8_646]
    posts = [sum(c.posts for c in run.verdict.conversations) for run in runs]
    assert [run.outcome.posts for run in runs] == [posts[0], posts[1] - posts[0], posts[2] - posts[1]]
    keys = Counter[str]()
    sender = ask(synapse, "GET", "account", "whoami")["user_id"]
    with Journal(folder / "journal.sqlite") as journal:
        rooms = [remote for _, remote, _ in journal.all(Kind.CONVERSATION)]
    for room in rooms:
        host = ask(synapse, "GET", "user", sender, "rooms", room, "account_data", "slack_migrator.room")["host"]
        found = events(synapse, room, host)
        keys.update(
            key for e in found if e["type"] == "m.room.message" and (key := e["content"].get("slack_migrator.key"))
        )
    assert set(keys.values()) == {1}
    assert len(keys) == posts[2]
