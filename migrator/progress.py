"""How a run shows that it moves: a bar on a terminal, a line now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["Progress"]

LINE_EVERY = 30.0  # seconds between lines where no terminal is watching


class Progress:
    """One bar at a time, on stderr. Counting goes on when nothing is shown."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Any = None
        self._name, self._total, self._count, self._said = "", 0, 0, 0.0

    def phase(self, name: str, total: int = 0) -> None:
        """Begin something new; `total` 0 means unknown."""
        self.close()
        self._name, self._total, self._count, self._said = name, total, 0, time.monotonic()
        if not self.quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total or None, desc=name, unit="", leave=False, file=sys.stderr)

    def advance(self, count: int = 1) -> None:
        self._count += count
        if self._bar is not None:
            self._bar.update(count)
        elif not self.quiet and time.monotonic() - self._said > LINE_EVERY:
            self._said = time.monotonic()
            of = f" of {self._total}" if self._total else ""
            print(f"{self._name}: {self._count}{of}", file=sys.stderr)  # noqa: T201 - this is the user interface

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
