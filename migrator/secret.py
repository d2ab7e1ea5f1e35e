"""Secrets as a type: they print as <redacted> and come from files, commands or the environment.

There is no option to give one on the command line: arguments are visible to every user of a machine.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from migrator.errors import UsageError

__all__ = ["Secret", "read_secret"]


class Secret:
    """A value that only `reveal()` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "<redacted>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def read_secret(settings: Mapping[str, Any], name: str, *, required: bool = True) -> Secret:
    """The secret called `name` ("as_token"), from the first of these that is there.

    `SLACK_MIGRATOR_<NAME>` in the environment; `<name>` in the settings (a Secret); `<name>_file`: a path;
    `<name>_command`: a command that prints it. UsageError names all four; an empty Secret where not required.
    """
    if value := os.environ.get(f"SLACK_MIGRATOR_{name.upper()}"):
        return Secret(value.strip())
    if value := settings.get(name):
        return value if isinstance(value, Secret) else Secret(str(value).strip())
    if path := settings.get(f"{name}_file"):
        return _from_file(Path(path).expanduser(), name)
    if command := settings.get(f"{name}_command"):
        return _from_command(str(command), name)
    if required:
        raise UsageError(
            f"the configuration has no {name}",
            hint=f'add {name}_file = "PATH" or {name}_command = "…" to it, or set SLACK_MIGRATOR_{name.upper()}',
        )
    return Secret("")


def _from_file(path: Path, name: str) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise UsageError(f"{name}_file cannot be read: {error.strerror}: {path.name}", hint="check the path") from None


def _from_command(command: str, name: str) -> Secret:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        raise UsageError(f"{name}_command failed", hint="run the command by hand to see why") from None
    return Secret(done.stdout.strip())
