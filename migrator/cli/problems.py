"""The verdict of a check that needs no server: what is wrong with a package, a line each."""

from __future__ import annotations

from collections.abc import Sequence

import click

from migrator.errors import ItemsFailed

__all__ = ["judge"]


def judge(problems: Sequence[str], what: str) -> None:
    """Print the problems and raise ItemsFailed, or say that the server would take `what`."""
    from migrator.plain import clean

    for problem in problems:
        click.echo(clean(problem))  # it may name what strangers wrote
    if problems:
        raise ItemsFailed(f"{len(problems)} problems", hint="do not import this")
    click.echo(f"The server would take this {what}.")
