"""Whole moves as tests make them: the steps of the commands, without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from migrator.apply import Outcome
from migrator.move import Move
from migrator.patience import Patience
from migrator.plan import Options, Plan
from migrator.progress import Progress
from migrator.verdict import Verdict

QUICK = Patience(attempts=6, first=0.05, longest=0.5, settle=0.2)


class Moved(NamedTuple):
    plan: Plan
    outcome: Outcome
    verdict: Verdict


def move(export: Path, target: str, settings: Mapping[str, Any], folder: Path) -> Moved:
    """Plan, apply, verify."""

    async def act() -> Moved:
        async with _moving(export, target, settings, folder) as moving:
            plan = moving.plan()
            outcome = await moving.apply(plan)
            return Moved(plan, outcome, await moving.verify())

    return asyncio.run(act())


def verify(export: Path, target: str, settings: Mapping[str, Any], folder: Path) -> Verdict:
    async def act() -> Verdict:
        async with _moving(export, target, settings, folder) as moving:
            return await moving.verify()

    return asyncio.run(act())


def _moving(export: Path, target: str, settings: Mapping[str, Any], folder: Path) -> Move:
    return Move([export], target, settings, Options(), folder=folder, progress=Progress(quiet=True), patience=QUICK)
