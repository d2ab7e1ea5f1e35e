"""Records that wait for their place: sorted in memory while they are few, in a temporary file where they are many.

What is too much is sorted and written as one run, as a merge sort on disks does it; handing out merges all runs. So
memory holds one run being gathered and, of each run written, as much as is read at a time. The file has no name, is
readable for its owner only, and is gone with the process.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from heapq import merge
from operator import itemgetter
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec import Raw

from migrator.model import Loc
from migrator.slack.wire import Record

__all__ = ["Spool", "Waiting"]

MOST = 32 << 20  # bytes held, about
_EACH = 1 << 10  # what a short record takes, typed; its JSON comes on top
_READ = 1 << 16
_LENGTH = 4  # bytes before each record of a run


class Waiting(NamedTuple):
    """A record and what it is sorted by: moment, key, then its place, as the later one counts. No two are equal up to
    `serial`. `raw` is JSON; `record` is None where it was written to the file."""

    moment: int
    key: str
    number: int
    serial: int
    at: Loc
    raw: bytes
    record: Record | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Waiting).decode
_moment = itemgetter(0)


class Spool(AbstractContextManager["Spool"]):
    """Takes records in any order; gives out the earliest, `decode`d again where need be."""

    def __init__(self, decode: Callable[[Raw], Record]) -> None:
        self._one = decode
        self._held: list[Waiting] = []
        self._bytes = 0
        self._runs: list[_Run] = []
        self._file: BinaryIO | None = None

    def __bool__(self) -> bool:
        return bool(self._held) or any(run.head for run in self._runs)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, waiting: Waiting) -> None:
        self._held.append(waiting)
        self._bytes += _size(waiting)
        if self._bytes > MOST:
            self._spill()

    def before(self, end: int) -> Iterator[Waiting]:
        """Those before this moment, sorted; they no longer wait. To be taken to the end before more are added."""
        self._held.sort()
        ready = bisect_left(self._held, end, key=_moment)
        held = self._held[:ready]
        del self._held[:ready]
        self._bytes -= sum(map(_size, held))
        self._runs = [run for run in self._runs if run.head]
        return merge(held, *(run.before(end) for run in self._runs)) if self._runs else iter(held)

    def record(self, waiting: Waiting) -> Record:
        return waiting.record if waiting.record is not None else self._one(Raw(waiting.raw))

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="slack-migrator-")  # noqa: SIM115 - closed by __exit__
        if not any(run.head for run in self._runs):
            self._file.truncate(0)
        start = self._file.seek(0, 2)
        self._held.sort()
        for waiting in self._held:
            self._file.write(_framed(waiting))
        self._runs.append(_Run(_stored(self._file, start, self._file.tell())))
        self._held.clear()
        self._bytes = 0


class _Run:
    """Sorted records of the file. `head`: the next one."""

    def __init__(self, stored: Iterator[Waiting]) -> None:
        self._stored = stored
        self.head = next(stored, None)

    def before(self, end: int) -> Iterator[Waiting]:
        while self.head is not None and self.head.moment < end:
            head, self.head = self.head, next(self._stored, None)
            yield head


def _size(waiting: Waiting) -> int:
    return _EACH + len(waiting.raw)


def _framed(waiting: Waiting) -> bytes:
    content = _encode(waiting._replace(record=None))
    return len(content).to_bytes(_LENGTH, "big") + content


def _stored(file: BinaryIO, at: int, end: int) -> Iterator[Waiting]:
    """The records from one offset to another. Others may use the file in between."""
    size = _READ
    while at < end:
        file.seek(at)
        block = memoryview(file.read(min(size, end - at)))
        begin, size = 0, _READ
        while begin < len(block):
            content = begin + _LENGTH
            stop = content + int.from_bytes(block[begin:content], "big")
            if content > len(block) or stop > len(block):
                size = max(size, stop - begin)  # the next read begins with this record, and holds it
                break
            yield _decode(block[content:stop])
            begin = stop
        at += begin
