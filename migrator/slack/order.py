"""The records of a conversation in ts order, each (conversation, ts) once, without holding the conversation.

Day files follow each other, mostly: a member is read when its first record is due, and let go when its last was given
out. One that holds old messages (slack-format.md 3: 627 of July in the file of the last day) is read early and its
records wait in a `Spool`, which moves to the disk where they are many: in a conversation that is a single file, newest
first, and in exports whose members all reach over its whole time. Where a key stands in several places, the record that
comes last counts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct, field

from migrator.model import Loc
from migrator.slack import glance, richrecord, wire
from migrator.slack.damage import Damaged
from migrator.slack.day import Day, day_of
from migrator.slack.layout import Layout
from migrator.slack.logs import key_of
from migrator.slack.spool import Spool, Waiting
from migrator.slack.times import instant
from migrator.slack.wire import Record

__all__ = ["ENVELOPES", "WHOLE", "Kept", "Reading", "Spans", "in_order", "moments_of", "read"]

_LATEST = 1 << 62  # later than any moment
_split = msgspec.json.Decoder(list[Raw]).decode


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


class Kept(Struct, gc=False):
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
    return ((at, record) for at, _, record in _one_by_one(layout, member, damaged, reading))


def _one_by_one(
    layout: Layout, member: str, damaged: Callable[[Loc, str], None], reading: Reading
) -> Iterator[tuple[Loc, Raw, Record]]:
    for at, piece in layout.records(member):
        if isinstance(piece, Damaged):
            damaged(at, piece.reason)
            continue
        try:
            record = reading.one(piece)
        except Damaged as error:
            damaged(at, error.reason)
            continue
        yield at, piece, record


def in_order(
    layout: Layout, spans: Spans, damaged: Callable[[Loc, str], None], reading: Reading = ENVELOPES
) -> Iterator[Iterable[Kept]]:
    """All records of a conversation by (moment, ts), the last one of each key; about a member's worth at a time.

    Each is to be taken to its end before the next one."""
    firsts = spans.firsts
    due = sorted(range(len(firsts)), key=firsts.__getitem__)
    with Spool(reading.one) as spool:
        for place, number in enumerate(due):
            member = spans.members[number]
            end = firsts[due[place + 1]] if place + 1 < len(due) else _LATEST
            day = _day(layout, member, reading)
            if day is not None and day.rising and not spool and (not day.moments or day.moments[-1] < end):
                yield _as_it_stands(member, day)
                continue
            usable = _one_by_one(layout, member, damaged, reading) if day is None else _placed(member, day)
            for serial, (at, piece, record) in enumerate(usable):
                spool.add(Waiting(instant(record.ts), key_of(record), number, serial, at, bytes(piece), record))
            if firsts[number] < end:
                yield _kept(spool, end)


def _day(layout: Layout, member: str, reading: Reading) -> Day[Record] | None:
    content = layout.content(member)
    return day_of(content, reading.all) if content is not None else None


def _as_it_stands(member: str, day: Day[Record]) -> list[Kept]:
    """A member that is in order, and over before the next one begins."""
    return [
        Kept(Loc(member, index), record, moment)
        for index, (record, moment) in enumerate(zip(day.records, day.moments, strict=True))
    ]


def _placed(member: str, day: Day[Record]) -> Iterator[tuple[Loc, Raw, Record]]:
    for index, (piece, record) in enumerate(zip(_split(day.content), day.records, strict=True)):
        yield Loc(member, index), piece, record


def _kept(spool: Spool, end: int) -> Iterator[Kept]:
    """Those before `end`, the last one of each key."""
    replaced: tuple[Loc, ...] = ()
    ready = spool.before(end)
    waiting = next(ready, None)
    while waiting is not None:
        following = next(ready, None)
        if following is not None and following.key == waiting.key and following.moment == waiting.moment:
            replaced = (*replaced, waiting.at)
        else:
            yield Kept(waiting.at, spool.record(waiting), waiting.moment, replaced)
            replaced = ()
        waiting = following


def moments_of(layout: Layout, member: str) -> array[int]:
    """The moments of a member's usable records, sorted."""
    content = layout.content(member)
    day = day_of(content, glance.decode_all) if content is not None else None
    if day is not None:
        return array("q", sorted(day.moments))
    return array("q", sorted(instant(record.ts) for _, record in read(layout, member, lambda _at, _reason: None)))
