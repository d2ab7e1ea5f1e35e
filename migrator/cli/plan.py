"""slack-migrator plan EXPORT --to TARGET"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from migrator.cli.options import exports, hold_to_fidelity, make_options, moving
from migrator.cli.show import plan_text
from migrator.config import load_settings
from migrator.errors import PlanHasChanges
from migrator.move import Move
from migrator.plan import Plan
from migrator.progress import Progress


@click.command(name="plan", short_help="Work out what a move would do; write nothing.")
@exports
@moving
@click.option("--json", "as_json", is_flag=True, help="The plan as one JSON object on stdout.")
@click.option("--exit-code", is_flag=True, help="End with code 10 if there is something to do.")
def command(
    exports: tuple[Path, ...],
    target: str,
    config: Path | None,
    folder: Path | None,
    route: str,
    only: tuple[str, ...],
    skip_notices: bool,
    choices: tuple[str, ...],
    output: Path | None,
    fail_on: str | None,
    jobs: int | None,
    quiet: bool,
    as_json: bool,
    exit_code: bool,
) -> None:
    """Work out what a move would do and what it would lose. Nothing is written to the target.

    Without --config no server is asked. `slack-migrator apply RUN` carries the plan out.

    \b
    Example:
      slack-migrator plan export.zip --to matrix --config move.toml
    """
    options = make_options(route, only, skip_notices, choices, output)
    settings = load_settings(config, target)
    move = Move(
        exports,
        target,
        settings,
        options,
        config=config,
        folder=folder,
        offline=config is None and not settings,
        progress=Progress(quiet=quiet or as_json),
        jobs=jobs or 0,
    )

    async def act() -> Plan:
        async with move:
            return move.plan()

    plan = asyncio.run(act())
    click.echo(msgspec.json.encode(plan).decode() if as_json else plan_text(plan))
    hold_to_fidelity(plan, fail_on)
    if exit_code and plan.changes:
        raise PlanHasChanges("the plan has something to do", hint="slack-migrator apply RUN")
