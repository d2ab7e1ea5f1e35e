"""slack-migrator apply RUN"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from migrator.cli.options import end
from migrator.cli.show import outcome_text, verdict_text
from migrator.cli.verify import reopen
from migrator.errors import UsageError
from migrator.folder import RunFolder
from migrator.plan import Plan
from migrator.progress import Progress


@click.command(name="apply", short_help="Carry out a saved plan.")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(run: Path, quiet: bool) -> None:
    """Carry out the plan saved in the folder RUN, unless the export, the target or the folder changed since.

    \b
    Example:
      slack-migrator plan export.zip --to matrix --config move.toml
      slack-migrator apply slack-to-matrix-example.org
    """
    move = reopen(run, Progress(quiet=quiet))
    plan = RunFolder(run, create=False).read_json("plan.json", Plan)
    if plan is None:
        raise UsageError(f"{run} holds no plan", hint="slack-migrator plan EXPORT --to TARGET --run DIR")

    async def act() -> None:
        async with move:
            outcome = await move.apply(plan)
            click.echo(outcome_text(plan, outcome))
            verdict = await move.verify() if move.target is not None else None
            if verdict is not None:
                click.echo(f"\n{verdict_text(verdict)}")
            click.echo(f"Report: {move.report(plan, outcome, verdict)}")
            end(verdict, len(outcome.failures), len(move.source.quarantine))

    asyncio.run(act())
