"""slack-migrator mattermost check FILE"""

from __future__ import annotations

from pathlib import Path

import click

from migrator.errors import ItemsFailed


@click.group(name="mattermost", short_help="Helpers for a Mattermost server.")
def command() -> None:
    """Helpers for a Mattermost server."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def check(file: Path) -> None:
    """Check an import file or zip by the server's own rules, without a server."""
    from migrator.adapters.mattermost.validate import check as validate

    problems = validate(file)
    for problem in problems:
        click.echo(problem)
    if problems:
        raise ItemsFailed(f"{len(problems)} problems", hint="do not import this")
    click.echo("The server would take this file.")
