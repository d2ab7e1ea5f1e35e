"""The records of a conversation in ts order, each (conversation, ts) once, without holding the conversation.

Day files follow each other, mostly: a member is read when its first record is due, and let go when its last was given
out. One that holds old messages (slack-format.md 3: 627 of July in the file of the last day) is read early and its
records wait. Where a key stands in several places, the record that comes last counts, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

from migrator.model import Loc
from migrator.slack.damage import Damaged
from migrator.slack.layout import Layout
from migrator.slack.times import instant
from migrator.slack.wire import Record, decode

__all__ = ["Kept", "Span", "in_order", "read"]

Waiting = tuple[int, str, int, int, Loc, Record]
_key = itemgetter(0, 1)


class Span(Struct, frozen=True):
    """A member of a conversation and the moments of its first and last record, in microseconds."""

    member: str
    first: int
    last: int


class Kept(Struct):
    """The record that counts for its key, and the places of those it replaces."""

    at: Loc
    record: Record
    instant: int
    replaced: tuple[Loc, ...] = ()


def read(layout: Layout, member: str, damaged: Callable[[Loc, str], None]) -> Iterator[tuple[Loc, Record]]:
    """The usable records of a member; the others go to `damaged` with the reason."""
    for at, piece in layout.records(member):
        if isinstance(piece, Damaged):
            damaged(at, piece.reason)
            continue
        try:
            record = decode(piece)
        except Damaged as error:
            damaged(at, error.reason)
            continue
        yield at, record


def in_order(layout: Layout, spans: list[Span], damaged: Callable[[Loc, str], None]) -> Iterator[Kept]:
    """`spans` in the order in which later ones count. Members without any usable record have first > last."""
    due = sorted(range(len(spans)), key=lambda number: spans[number].first)
    waiting: list[Waiting] = []
    for place, number in enumerate(due):
        span = spans[number]
        waiting.extend(
            (instant(record.ts), record.ts, number, index, at, record)
            for index, (at, record) in enumerate(read(layout, span.member, damaged))
        )
        end = spans[due[place + 1]].first if place + 1 < len(due) else None
        if end is None or span.first < end:
            waiting.sort()
            ready = len(waiting) if end is None else _before(waiting, end)
            yield from _kept(waiting[:ready])
            del waiting[:ready]


def _before(waiting: list[Waiting], end: int) -> int:
    """How many come before `end`."""
    low, high = 0, len(waiting)
    while low < high:
        middle = (low + high) // 2
        if waiting[middle][0] < end:
            low = middle + 1
        else:
            high = middle
    return low


def _kept(ready: list[Waiting]) -> Iterator[Kept]:
    previous: list[Waiting] = []
    for _, same in groupby(ready, key=_key):
        previous = list(same)
        *earlier, (moment, _ts, _number, _index, at, record) = previous
        yield Kept(at, record, moment, tuple(item[4] for item in earlier))
