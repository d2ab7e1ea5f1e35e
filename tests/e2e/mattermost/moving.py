"""A whole move into the real server, as the commands make it: plan, load, verify."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migrator.apply import Outcome
from migrator.move import Move
from migrator.plan import Options, Plan
from migrator.progress import Progress
from migrator.secret import Secret
from migrator.verdict import Verdict
from tests.e2e.mattermost.server import Server


def settings(server: Server, team: str, **more: Any) -> dict[str, Any]:
    return {"url": server.url, "team": team, "token": Secret(server.token), "set_server_config": True, **more}


class Moved:
    """What a move gave back."""

    def __init__(self, plan: Plan, outcome: Outcome, verdict: Verdict) -> None:
        self.plan, self.outcome, self.verdict = plan, outcome, verdict

    @property
    def told(self) -> list[str]:
        """Mismatches in words."""
        return told(self.verdict)


async def _move(exports: Sequence[Path], with_settings: Mapping[str, Any], folder: Path, options: Options) -> Moved:
    quiet = Progress(quiet=True)
    async with Move(exports, "mattermost", with_settings, options, folder=folder, progress=quiet) as one:
        plan = one.plan()
        outcome = await one.apply(plan)
        return Moved(plan, outcome, await one.verify())


def move(server: Server, team: str, export: Path | Sequence[Path], folder: Path, **more: Any) -> Moved:
    """Plan, load and verify; a second call with the same folder goes on, or does it again."""
    exports = [export] if isinstance(export, Path) else list(export)
    return asyncio.run(_move(exports, settings(server, team, **more), folder, Options(route="import")))


def told(verdict: Verdict) -> list[str]:
    """Mismatches in words, for a test's message."""
    return [
        f"{m.key}: {m.what}: expected {m.expected!r}, found {m.found!r}"
        for conversation in verdict.conversations
        for m in conversation.mismatches
    ]
