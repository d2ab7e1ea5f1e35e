"""slack-migrator zulip check DIR"""

from __future__ import annotations

from pathlib import Path

import click

from migrator.cli.problems import judge


@click.group(name="zulip", short_help="Helpers for a Zulip server.")
def command() -> None:
    """Helpers for a Zulip server."""


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def check(folder: Path) -> None:
    """Check an import archive by the server's own rules, without a server."""
    from migrator.adapters.zulip.check import check as validate

    judge(validate(folder), "archive")
