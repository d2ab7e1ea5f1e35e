"""A sound member at once: thousands of records a millisecond, where `records.py` takes them one by one.

Only where it is nothing but a list of records that fit their type, all with a `ts` as Slack writes it. Anything else is
for `order.read`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import lt
from typing import Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct

from migrator.model import Ts
from migrator.slack.times import instants

__all__ = ["Day", "day_of"]


class _Dated(Protocol):
    ts: Ts


R = TypeVar("R", bound=_Dated)


class Day(Struct, Generic[R]):
    """The records of a member in the order of the file, and their moments in microseconds. `content`: the member, which
    raw parts of records keep alive anyway. `rising`: each record is later than the one before."""

    content: bytes
    records: Sequence[R]
    moments: Sequence[int]
    rising: bool


MOST = 8 << 20  # bytes: typed records take several times as much, and all of them are held at once


def day_of(content: bytes, decode: Callable[[bytes], Sequence[R]]) -> Day[R] | None:
    """None where the member is not of this kind."""
    if len(content) > MOST:
        return None
    try:
        records = decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    moments = instants([record.ts for record in records])
    if moments is None:
        return None
    return Day(content, records, moments, all(map(lt, moments, moments[1:])))
