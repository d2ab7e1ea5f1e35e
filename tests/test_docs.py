"""The reference pages are what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from docs.generate import commands
from migrator.cli import COMMANDS, cli

ROOT = Path(__file__).parent.parent


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def name_of(value: object) -> str:
    return " ".join(value) or "slack-migrator" if isinstance(value, tuple) else "command"


@pytest.mark.parametrize(("path", "command"), list(commands(cli, ())), ids=name_of)
def test_every_command_and_option_explains_itself(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[0]} has no help"
    if not isinstance(command, click.Group) and len(path) == 1 and path != ("help",):
        assert "Example:" in (command.help or ""), f"{' '.join(path)} shows no example"


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    context = click.Context(cli)
    for name, (_, text) in COMMANDS.items():
        command = cli.get_command(context, name)  # type: ignore[attr-defined]
        assert command is not None
        assert command.short_help == text
