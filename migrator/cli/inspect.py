"""slack-migrator inspect EXPORT"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from migrator.cli.options import exports
from migrator.plain import clean
from migrator.slack.reader import open_export


@click.command(name="inspect", short_help="Tell what is in an export.")
@exports
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else.")
def command(exports: tuple[Path, ...], as_json: bool) -> None:
    """Tell what is in an export, before any choice is made. Writes nothing, asks nobody.

    \b
    Example:
      slack-migrator inspect "My Workspace Slack export.zip"
    """
    source = open_export(exports)
    try:
        census: Mapping[str, Any] = source.census().to_dict()
    finally:
        source.close()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(census, order="deterministic"), indent=2).decode())
    else:
        click.echo(_text(census))


def _text(census: Mapping[str, Any]) -> str:
    """Plain numbers first, then each breakdown as a list of its own."""
    width = max(len(name) for name in census)
    simple = {name: value for name, value in census.items() if not isinstance(value, Mapping | list)}
    lines = [f"{name.replace('_', ' '):<{width}}  {_cell(value)}" for name, value in simple.items()]
    for name, value in census.items():
        if name in simple or not value:
            continue
        lines.append(f"\n{name.replace('_', ' ')}:")
        if isinstance(value, Mapping):
            wide = max(width - 2, *map(len, value))
            lines += [f"  {key:<{wide}}  {_cell(item)}" for key, item in value.items()]
        else:
            lines += [f"  {_cell(item)}" for item in value]
    return clean("\n".join(lines))


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
