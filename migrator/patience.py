"""How often and how long a call to the target is tried again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from migrator.errors import Retry, TargetUnavailable

__all__ = ["Patience", "Tries"]

T = TypeVar("T")


class Patience(Struct, frozen=True):
    """How long to try: attempts per act, first and longest wait in seconds, and `settle` (None: as the target says)."""

    attempts: int = 9
    first: float = 0.5
    longest: float = 60.0
    settle: float | None = None


class Tries:
    """One for all calls of a run: a wait that the target asks for holds all of them back."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.not_before = 0.0

    async def attempt(self, act: Callable[[], Awaitable[T]]) -> T:
        """Call until it succeeds; for what may be called again whatever happened."""
        tries = 0
        while True:
            await self.hold_back()
            try:
                return await act()
            except Retry as retry:
                tries = await self.wait(retry, tries)

    async def hold_back(self) -> None:
        if (delay := self.not_before - time.monotonic()) > 0:
            await asyncio.sleep(delay)

    async def wait(self, retry: Retry, tries: int) -> int:
        """Sleep as asked (a named wait costs no attempt), else back off. TargetUnavailable when patience ends."""
        if retry.after is not None:
            self.not_before = max(self.not_before, time.monotonic() + retry.after)
            return tries
        if tries + 1 >= self.patience.attempts:
            raise TargetUnavailable(str(retry), hint="run the same command again: it goes on where it stopped")
        delay = min(self.patience.longest, self.patience.first * 2**tries)
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        return tries + 1
