"""The run folder: everything a move leaves behind, removable as a unit. Folder 0700, files 0600.

run.json  plan.json  journal.sqlite  quarantine.jsonl  idmap.csv  report.json  report.html, and package/ on bulk routes
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from migrator.errors import UsageError
from migrator.plan import Options
from migrator.whole import write_whole

__all__ = ["RunFolder", "Settings"]


T = TypeVar("T")


class Settings(Struct, frozen=True):
    """What `run.json` keeps so that `apply RUN` and `verify RUN` need nothing else. Never a secret."""

    exports: tuple[str, ...]
    target: str
    config: str
    options: Options


class RunFolder:
    """A folder of ours. UsageError where it belongs to somebody else or is a link."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        if path.is_symlink():
            raise UsageError(f"{path} is a link, not a folder", hint="choose a real folder with --run DIR")
        if create:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.is_dir():
            raise UsageError(
                f"there is no run folder {path}", hint="slack-migrator migrate EXPORT --to TARGET makes one"
            )
        if path.stat().st_uid != os.getuid():
            raise UsageError(f"{path} belongs to another user", hint="choose your own folder with --run DIR")
        path.chmod(0o700)

    @staticmethod
    def default_for(identity: str) -> Path:
        """ "matrix:example.org" -> ./slack-to-matrix-example.org"""
        return Path(f"slack-to-{re.sub(r'[^A-Za-z0-9.]+', '-', identity).strip('-')}")

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    def write(self, name: str, content: bytes) -> Path:
        """Replace a file in one step: a reader sees the old one or the new one, whole."""
        write_whole(self.path / name, content)
        return self.path / name

    def write_json(self, name: str, content: object) -> Path:
        return self.write(name, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")

    def write_lines(self, name: str, rows: Iterable[object]) -> Path:
        return self.write(name, msgspec.json.Encoder().encode_lines(list(rows)))

    def read_json(self, name: str, kind: type[T]) -> T | None:
        """What `write_json` wrote; None where there is no such file, or one of another version."""
        try:
            return msgspec.json.decode((self.path / name).read_bytes(), type=kind)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def read_settings(self) -> Settings:
        settings = self.read_json("run.json", Settings)
        if settings is None:
            raise UsageError(
                f"{self.path} is not a run folder of slack-migrator", hint="slack-migrator migrate EXPORT --to TARGET"
            )
        return settings
