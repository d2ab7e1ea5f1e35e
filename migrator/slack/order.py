"""The records of a conversation in ts order, each (conversation, ts) once, without holding the conversation.

Day files follow each other, mostly: a member is read when its first record is due, and let go when its last was given
out. One that holds old messages (slack-format.md 3: 627 of July in the file of the last day) is read early and its
records wait: 1.3 KB each for short messages, so that only a conversation whose files all reach over its whole time, or
one that is a single file, is held as a whole. Where a key stands in several places, the record that comes last counts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Raw, Struct, field

from migrator.model import Loc
from migrator.slack import glance, richrecord, wire
from migrator.slack.damage import Damaged
from migrator.slack.day import Day, day_of
from migrator.slack.layout import Layout
from migrator.slack.logs import key_of
from migrator.slack.times import instant
from migrator.slack.wire import Record

__all__ = ["ENVELOPES", "WHOLE", "Kept", "Reading", "Spans", "in_order", "moments_of", "read"]

Waiting = tuple[int, str, int, int, Loc, Record]


class Spans(Struct):
    """The members of a conversation, in the order in which later ones count, and the moments of each one's first and
    last record in microseconds (0 where it has none). Arrays: a large export has a hundred thousand members."""

    members: list[str] = field(default_factory=list)
    firsts: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[int] = field(default_factory=lambda: array("q"))

    def around(self, moment: int) -> Iterator[str]:
        """The members that may hold a record of this moment, the likeliest first."""
        likely = bisect_right(self.firsts, moment) - 1
        if likely >= 0 and moment <= self.lasts[likely]:
            yield self.members[likely]
        for place, (first, last) in enumerate(zip(self.firsts, self.lasts, strict=True)):
            if first <= moment <= last and place != likely:
                yield self.members[place]


class Kept(Struct):
    """The record that counts for its key, and the places of those it replaces."""

    at: Loc
    record: Record
    instant: int
    replaced: tuple[Loc, ...] = ()


class Reading(NamedTuple):
    """How far records are decoded: one of any kind (Damaged where it is none), and a list of sound ones."""

    one: Callable[[Raw], Record]
    all: Callable[[bytes], Sequence[Record]]


ENVELOPES = Reading(wire.decode, wire.decode_all)
WHOLE = Reading(richrecord.decode, richrecord.decode_all)


def read(
    layout: Layout, member: str, damaged: Callable[[Loc, str], None], reading: Reading = ENVELOPES
) -> Iterator[tuple[Loc, Record]]:
    """The usable records of a member; the others go to `damaged` with the reason."""
    for at, piece in layout.records(member):
        if isinstance(piece, Damaged):
            damaged(at, piece.reason)
            continue
        try:
            record = reading.one(piece)
        except Damaged as error:
            damaged(at, error.reason)
            continue
        yield at, record


def in_order(
    layout: Layout, spans: Spans, damaged: Callable[[Loc, str], None], reading: Reading = ENVELOPES
) -> Iterator[Iterable[Kept]]:
    """All records of a conversation by (moment, ts), the last one of each key; about a member's worth at a time."""
    firsts = spans.firsts
    due = sorted(range(len(firsts)), key=firsts.__getitem__)
    waiting: list[Waiting] = []
    for place, number in enumerate(due):
        member = spans.members[number]
        end = firsts[due[place + 1]] if place + 1 < len(due) else None
        day = _day(layout, member, reading)
        if day is not None and day.rising and not waiting and (end is None or not day.moments or day.moments[-1] < end):
            yield _as_it_stands(member, day)
            continue
        usable = _placed(member, day) if day is not None else read(layout, member, damaged, reading)
        waiting.extend(
            (instant(record.ts), key_of(record), number, index, at, record) for index, (at, record) in enumerate(usable)
        )
        if end is None or firsts[number] < end:
            waiting.sort()
            ready = len(waiting) if end is None else _before(waiting, end)
            yield _kept(waiting[:ready])
            del waiting[:ready]


def _day(layout: Layout, member: str, reading: Reading) -> Day[Record] | None:
    content = layout.content(member)
    return day_of(content, reading.all) if content is not None else None


def _as_it_stands(member: str, day: Day[Record]) -> list[Kept]:
    """A member that is in order, and over before the next one begins."""
    return [
        Kept(Loc(member, index), record, moment)
        for index, (record, moment) in enumerate(zip(day.records, day.moments, strict=True))
    ]


def _placed(member: str, day: Day[Record]) -> Iterator[tuple[Loc, Record]]:
    return ((Loc(member, index), record) for index, record in enumerate(day.records))


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
    replaced: tuple[Loc, ...] = ()
    last = len(ready) - 1
    for place, (moment, key, _number, _index, at, record) in enumerate(ready):
        if place < last and ready[place + 1][1] == key and ready[place + 1][0] == moment:
            replaced = (*replaced, at)
            continue
        yield Kept(at, record, moment, replaced)
        replaced = ()


def moments_of(layout: Layout, member: str) -> array[int]:
    """The moments of a member's usable records, sorted."""
    content = layout.content(member)
    day = day_of(content, glance.decode_all) if content is not None else None
    if day is not None:
        return array("q", sorted(day.moments))
    return array("q", sorted(instant(record.ts) for _, record in read(layout, member, lambda _at, _reason: None)))
