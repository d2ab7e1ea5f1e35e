"""The configuration file: TOML with one table per target.

    [matrix]
    homeserver = "https://matrix.example.org"
    as_token_file = "matrix.token"        # relative to this file

Precedence: command line, then SLACK_MIGRATOR_<TARGET>_<KEY> in the environment, then this file, then the adapter's
defaults. Secrets: see `migrator.secret`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from migrator.errors import UsageError

__all__ = ["flag", "in_the_clear", "load_settings", "number", "refuse_unknown", "says"]

_ON, _OFF = ("yes", "true", "1", "on"), ("no", "false", "0", "off", "")
_HERE = ("localhost", "127.0.0.1", "::1")


def load_settings(path: Path | None, target: str) -> Mapping[str, Any]:
    """The settings of one target; {} without a file. Paths (`*_file`, `*_folder`) become absolute. UsageError."""
    settings: dict[str, Any] = {}
    if path is not None:
        settings |= _table(path, target)
    prefix = f"SLACK_MIGRATOR_{target.upper()}_"
    settings |= {name[len(prefix) :].lower(): value for name, value in os.environ.items() if name.startswith(prefix)}
    return settings


def _table(path: Path, target: str) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint="see https://toml.io for the format") from None
    table = document.get(target)
    if not isinstance(table, dict):
        raise UsageError(f"{path} has no [{target}] table", hint=f"add [{target}] and its settings; see the README")
    folder = path.resolve().parent
    return {
        key: str(folder / Path(value).expanduser()) if key.endswith(("_file", "_folder")) else value
        for key, value in table.items()
    }


def refuse_unknown(target: str, settings: Iterable[str], known: Sequence[str]) -> None:
    """UsageError for a setting that nobody reads: a misspelt one would be a wish that nobody hears."""
    for name in sorted(set(settings) - {*known}):
        close = get_close_matches(name, known, 1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise UsageError(f"{target} knows no setting {name!r}", hint=f"{meant}it knows {', '.join(known)}")


def in_the_clear(address: str) -> str:
    """What to say of an address where keys and messages can be read on their way to it; "" where they cannot."""
    parts = urlsplit(address)
    if parts.scheme != "http" or parts.hostname in _HERE:
        return ""
    return f"whatever goes to {parts.hostname} can be read on its way, keys and passwords too: use its https:// address"


def flag(settings: Mapping[str, Any], name: str) -> bool:
    """A setting that is on or off, and off where it is left out. As text too: yes, no. UsageError."""
    value = str(settings.get(name, "")).lower()
    if value not in {*_ON, *_OFF}:
        raise UsageError(f"{name} = {settings[name]!r} is neither yes nor no", hint=f"{name} = true, or leave it out")
    return value in _ON


def says(settings: Mapping[str, Any], name: str, word: str) -> bool:
    """Whether a setting that knows one word only has it; not where it is left out. UsageError for another word."""
    value = settings.get(name, "")
    if value not in ("", word):
        raise UsageError(f"{name} = {value!r} is not known", hint=f'{name} = "{word}", or leave it out')
    return bool(value)


def number(settings: Mapping[str, Any], name: str, default: int) -> int:
    """A setting that is a whole number, 0 or more. UsageError."""
    try:
        value = int(settings.get(name, default))
    except (TypeError, ValueError):
        value = -1
    if value < 0:
        raise UsageError(f"{name} = {settings[name]!r} is no whole number", hint=f"for example {name} = {default}")
    return value
