"""A fresh organisation on a pretended server for each test, and a move into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.zulip.adapter import Zulip
from migrator.apply import Engine, Outcome
from migrator.journal import Journal
from migrator.ledger import Fate, Feature
from migrator.patience import Patience
from migrator.plan import Options, Plan, make_plan
from migrator.progress import Progress
from migrator.snapshot import JournalSnapshot
from migrator.verdict import Verdict
from migrator.verify import verify
from tests.fakes.zulip import FakeZulip, serving, settings_for
from tests.fakes.zulip_realm import Realm
from tests.oracles.zulip.test_dialect import server_emoji
from tests.worlds import World

QUICK = Patience(attempts=60, first=0.0001, longest=0.001, settle=0)


@pytest.fixture
def fake() -> Iterator[FakeZulip]:
    with serving(Realm(server_emoji())) as server:
        yield server
        assert server.violations == []
        assert server.realm.dummies == [], "a ghost was made"
        assert server.realm.mails == [], "somebody was sent mail about old messages"


@pytest.fixture
def realm(fake: FakeZulip) -> Realm:
    return fake.realm


class Mover:
    """Moves worlds with one run folder, as the commands do."""

    def __init__(self, fake: FakeZulip, folder: Path) -> None:
        self.fake, self.folder = fake, folder
        self.settings: dict[str, Any] = settings_for(fake)
        self.plan: Plan | None = None

    def move(self, world: World, *, close: bool = True) -> Outcome:
        """`close` False leaves everything as a killed run would."""

        async def act() -> Outcome:
            with Journal(self.folder / "journal.sqlite") as journal:
                adapter = Zulip(self.settings)
                try:
                    target = await adapter.open()
                    adapter.keep_in(self.folder)
                    adapter.prepare(world.workspace, journal.remote)
                    plan = make_plan(world, adapter, target, JournalSnapshot(journal), Options())
                    self.plan = plan
                    engine = Engine(world, adapter, target, journal, Options(), Progress(quiet=True), QUICK)
                    return await engine.run(plan.posts)
                finally:
                    if close:
                        await adapter.close()

        return asyncio.run(act())

    def check(self, world: World) -> Verdict:
        async def act() -> Verdict:
            with Journal(self.folder / "journal.sqlite") as journal:
                adapter = Zulip(self.settings)
                try:
                    target = await adapter.open()
                    adapter.keep_in(self.folder)
                    adapter.prepare(world.workspace, journal.remote)
                    return await verify(world, adapter, target, journal, Options())
                finally:
                    await adapter.close()

        return asyncio.run(act())

    def accounted(self, feature: Feature) -> dict[Fate, int]:
        """What the last plan said would become of a feature."""
        assert self.plan is not None
        found: dict[Fate, int] = {}
        for line in self.plan.ledger:
            if line.feature is feature:
                found[line.fate] = found.get(line.fate, 0) + line.count
        return found

    def remote(self, kind: Kind, key: str) -> str:
        with Journal(self.folder / "journal.sqlite") as journal:
            found = journal.remote(kind, key)
        assert found is not None
        return found


@pytest.fixture
def mover(fake: FakeZulip, tmp_path: Path) -> Mover:
    return Mover(fake, tmp_path)


def differences(verdict: Verdict) -> list[object]:
    return [m for c in verdict.conversations for m in c.mismatches]


Moving = Callable[[World], Outcome]
