"""Some dozens at a time.

What goes through several stages goes through them more quickly when each stage takes many in a row: its code and its
tables then stay in the processor's caches (a fifth of the time of a conversion).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["AT_ONCE", "batches"]

AT_ONCE = 64
T = TypeVar("T")


def batches(some: Iterable[T]) -> Iterator[list[T]]:
    """All of them, in order, in lists of at most AT_ONCE; of an iterator no more is taken than a list holds."""
    rest = iter(some)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch
