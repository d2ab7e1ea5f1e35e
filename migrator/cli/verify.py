"""slack-migrator verify RUN"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from migrator.cli.options import end
from migrator.cli.show import verdict_text
from migrator.config import load_settings
from migrator.folder import RunFolder
from migrator.move import Move
from migrator.progress import Progress


@click.command(name="verify", short_help="Read the target back and compare.")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file [the one of the move].")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(run: Path, config: Path | None, as_json: bool, quiet: bool) -> None:
    """Read the target of the move in the folder RUN back and compare every message with the export.

    Ends with exit code 4 and names each difference where there is one; all are in the report, which is written anew.
    A package that was loaded by hand, such as an archive for Zulip, is compared like this once it is loaded.

    \b
    Example:
      slack-migrator verify slack-to-matrix-example.org
    """
    move = reopen(run, Progress(quiet=quiet or as_json), config=config, loaded=True)

    async def act() -> None:
        async with move:
            verdict = await move.verify()
            click.echo(msgspec.json.encode(verdict).decode() if as_json else verdict_text(verdict))
            page = move.report_again(verdict)
            if not as_json:
                click.echo(f"Report: {page}")
            end(verdict, 0, 0)

    asyncio.run(act())


def reopen(run: Path, progress: Progress, *, config: Path | None = None, loaded: bool = False) -> Move:
    """The move that a run folder belongs to, as it was started, perhaps with another configuration."""
    settings = RunFolder(run, create=False).read_settings()
    if config is None and settings.config:
        config = Path(settings.config)
    return Move(
        [Path(path) for path in settings.exports],
        settings.target,
        load_settings(config, settings.target),
        settings.options,
        config=config,
        folder=run,
        loaded=loaded,
        progress=progress,
    )
