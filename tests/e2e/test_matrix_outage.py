"""The homeserver is killed in each phase of a move: it ends with TargetUnavailable, and the same move goes on later."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.matrix.homeserver import Homeserver, start
from migrator.errors import TargetUnavailable
from migrator.journal import Journal
from migrator.move import Move
from migrator.patience import Patience
from migrator.plan import Options
from migrator.progress import Progress
from migrator.verdict import Verdict
from tests.synapse import ask, events

pytestmark = pytest.mark.synapse

EXPORT = Path(__file__).parent.parent.parent / "sample_exports" / "kitchen_sink"
BRIEF = Patience(attempts=3, first=0.05, longest=0.1, settle=0.3)
PHASES = {"people": 5, "conversations": 3, "messages": 20, "reading back": 2}  # after so many of its steps


class Killing(Progress):
    """Kills a server at a moment of a phase."""

    def __init__(self, server: Homeserver, phase: str) -> None:
        super().__init__(quiet=True)
        self.server, self.due = server, phase

    def advance(self, count: int = 1) -> None:
        super().advance(count)
        if self._name == self.due and self._count >= PHASES[self.due] and self.server.alive:
            os.kill(self.server.pid, signal.SIGKILL)
            self.server.stop()


def move(server: Homeserver, folder: Path, progress: Progress) -> Verdict:
    async def act() -> Verdict:
        moving = Move([EXPORT], "matrix", server.settings, Options(), folder=folder, progress=progress, patience=BRIEF)
        async with moving:
            await moving.apply(moving.plan())
            return await moving.verify()

    return asyncio.run(act())


def test_a_server_that_goes_away_in_any_phase_costs_only_time(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for phase in PHASES:
        with start(tmp_path / "server") as server:
            with pytest.raises(TargetUnavailable, match="homeserver") as ended:
                move(server, run, Killing(server, phase))
            assert not server.alive, phase
            assert "same command" in ended.value.hint
    with start(tmp_path / "server") as server:
        assert move(server, run, Progress(quiet=True)).clean
        with Journal(run / "journal.sqlite") as journal:
            rooms = [remote for _, remote, _ in journal.all(Kind.CONVERSATION)]
        sender = ask(server, "GET", "account", "whoami")["user_id"]
        keys: Counter[str] = Counter()
        for room in rooms:
            note = ask(server, "GET", "user", sender, "rooms", room, "account_data", "slack_migrator.room")
            for event in events(server, room, note["host"]):
                if event["type"] in ("m.room.message", "m.reaction") and (
                    key := event["content"].get("slack_migrator.key")
                ):
                    keys[key] += 1
        assert set(keys.values()) == {1}
        assert len(rooms) == len(set(rooms)) == 14
