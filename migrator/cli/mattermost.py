"""slack-migrator mattermost check FILE"""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.problems import judge


@click.group(name="mattermost", short_help="Helpers for a Mattermost server.")
def command() -> None:
    """Helpers for a Mattermost server."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def check(file: Path) -> None:
    """Check an import file or zip by the server's own rules, without a server."""
    from migrator.adapters.mattermost.validate import check as validate

    judge(validate(file), "file")
