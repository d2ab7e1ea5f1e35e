"""slack-migrator migrate EXPORT --to TARGET --config FILE"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
from msgspec.structs import replace

from migrator.cli.options import end, exports, hold_to_fidelity, make_options, moving
from migrator.cli.show import outcome_text, plan_text, verdict_text
from migrator.config import load_settings
from migrator.errors import UsageError
from migrator.move import Move
from migrator.progress import Progress

FILE_ROUTES = frozenset({"file", "archive"})  # routes that write a package and need no server


@click.command(name="migrate", short_help="Plan, apply and verify in one go.")
@exports
@moving
@click.option("--dry-run", is_flag=True, help="Show the plan and stop; nothing is written anywhere.")
@click.option("--yes", is_flag=True, help="Do not ask before writing (nobody is asked without a terminal).")
@click.option("--no-verify", is_flag=True, help="Leave out the read-back; `slack-migrator verify RUN` does it later.")
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
    dry_run: bool,
    yes: bool,
    no_verify: bool,
) -> None:
    """Plan, apply and verify in one go. Stopped or killed anywhere, the same command goes on where it was.

    A newer export of the same workspace sends only what is new.

    \b
    Example:
      slack-migrator migrate export.zip --to matrix --config move.toml --dry-run
      slack-migrator migrate export.zip --to matrix --config move.toml
    """
    options = make_options(route, only, skip_notices, choices, output)
    settings = load_settings(config, target)
    offline = (config is None and not settings and target != "memory") or (route in FILE_ROUTES and config is None)
    move = Move(
        exports,
        target,
        settings,
        options,
        config=config,
        folder=folder,
        offline=offline,
        dry=dry_run,
        progress=Progress(quiet=quiet),
        jobs=jobs or 0,
    )
    asyncio.run(carry_out(move, fail_on=fail_on, dry_run=dry_run, ask=not yes, check=not no_verify))


async def carry_out(
    move: Move, *, fail_on: str | None, dry_run: bool, ask: bool, check: bool, advise: bool = True
) -> None:
    """The steps in order, each shown when it is done. Raises for the exit code. `advise`: say what is to do after."""
    if move.offline and move.route.name == "live" and not dry_run:
        raise UsageError(
            f"{move.target_name} needs a server", hint="add --config FILE, or --dry-run to see what a move would do"
        )
    async with move:
        if move.in_one_pass and fail_on is None and not dry_run:
            plan, outcome = await move.convert()
            click.echo(f"{plan_text(plan)}\n\n{outcome_text(plan, outcome)}")
            click.echo(f"Report: {move.report(plan, outcome, None)}")
            end(None, len(outcome.failures), len(move.source.quarantine))
            return
        plan = move.plan()
        click.echo(plan_text(plan))
        hold_to_fidelity(plan, fail_on)
        if dry_run:
            return
        if ask and sys.stdin.isatty() and sys.stderr.isatty():
            click.confirm(f"\nWrite this to {plan.target}?", abort=True, err=True)
        outcome = await move.apply(plan)
        click.echo(f"\n{outcome_text(plan, outcome if advise else replace(outcome, advice=()))}")
        verdict = await move.verify() if check and move.target is not None else None
        if verdict is not None:
            click.echo(f"\n{verdict_text(verdict)}")
        page = move.report(plan, outcome, verdict)
        click.echo(f"Report: {page}")
        end(verdict, len(outcome.failures), len(move.source.quarantine))
