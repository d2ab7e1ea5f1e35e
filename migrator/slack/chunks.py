"""slackdump's chunk form: gzipped files of one JSON object a line, as the API answered. slack-format.md 1.5.

A file may be several gzip members in a row (a run that was resumed).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from posixpath import basename
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct, field

from migrator.model import Loc
from migrator.slack.archive import MIB, Archive
from migrator.slack.damage import Damaged
from migrator.slack.fronts import Place
from migrator.slack.loose import parse
from migrator.slack.records import Piece, Record, split

__all__ = ["Chunks"]

_ABSENT = Raw(b"null")
_MESSAGES = (0, 1, 12, 13)  # messages, a thread, and the same of a canvas
_READ = 1 << 14  # packed bytes at a time; they unpack to 16 MiB at most
_NO_CHUNK = "a line is not a chunk of slackdump"


class _Chunk(Struct):
    """One answer of the API. Keys as slackdump writes them: type, channel, thread only, parent, messages, users …"""

    t: int
    id: str = ""
    to: bool = False
    p: Raw = _ABSENT
    m: list[Raw] | None = None
    u: list[Raw] | None = None
    ch: list[Raw] | None = None
    ci: Raw = _ABSENT
    cu: list[str] | None = None
    w: Raw = _ABSENT


class _Unreadable(Struct):
    """A line that is no chunk, perhaps because the file ends within it."""

    reason: str
    line: bytes = b""


_chunk = msgspec.json.Decoder(_Chunk).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class _Id(Struct):
    id: str = ""


_id = msgspec.json.Decoder(_Id).decode


class _Seen(Struct):
    """What a first pass over all chunks gathers; the last record of an id counts."""

    users: dict[str, tuple[Loc, Raw]] = field(default_factory=dict)
    listed: dict[str, tuple[Loc, Raw]] = field(default_factory=dict)
    channels: dict[str, tuple[Loc, Raw]] = field(default_factory=dict)
    members: dict[str, dict[str, None]] = field(default_factory=dict)
    workspace: list[Record] = field(default_factory=list)
    damaged: list[Record] = field(default_factory=list)


class Chunks:
    """All chunk files of an archive."""

    def __init__(self, archive: Archive, members: list[str]) -> None:
        self._archive = archive
        self.notes: list[str] = []
        self._seen = _Seen()
        self._ids: dict[str, dict[str, None]] = {}  # conversation -> members that hold its messages
        for member in members:
            for at, chunk in self._chunks(member):
                self._note(member, at, chunk)

    def _note(self, member: str, at: Loc, chunk: _Chunk | _Unreadable) -> None:
        seen = self._seen
        if isinstance(chunk, _Unreadable):
            if "-" not in basename(member) and basename(member)[:1] not in "CDG":
                seen.damaged.append(
                    (at, Damaged(chunk.reason))
                )  # in a conversation's file it is met again as a message
            else:
                self._ids.setdefault(basename(member).partition(".")[0].partition("-")[0], {})[member] = None
            return
        if chunk.t in _MESSAGES and chunk.id:
            self._ids.setdefault(chunk.id, {})[member] = None
        for user in chunk.u or ():
            seen.users[_id_of(user)] = at, user
        for channel in chunk.ch or ():
            seen.listed[_id_of(channel)] = at, channel
        if bytes(chunk.ci) != b"null":
            seen.channels[_id_of(chunk.ci)] = at, chunk.ci
        if chunk.cu:
            seen.members.setdefault(chunk.id, {}).update(dict.fromkeys(chunk.cu))
        if bytes(chunk.w) != b"null":
            seen.workspace.append((at, chunk.w))

    def indexes(self, kind: str) -> Iterator[tuple[str, Record]]:
        if kind == "users":
            yield from (("", record) for record in (*self._seen.damaged, *self._seen.users.values()))
        elif kind == "workspace":
            yield from (("", record) for record in self._seen.workspace)
        elif kind == "channels":
            for id_, (at, record) in (self._seen.listed | self._seen.channels).items():
                yield "", (at, with_members(record, list(self._seen.members.get(id_, ()))))

    def places(self) -> Iterator[Place]:
        for id_, members in self._ids.items():
            yield Place("", id_, tuple(f"{member}#{id_}" for member in members))

    def records(self, member: str) -> Iterator[Record] | None:
        name, mark, id_ = member.rpartition("#")
        return self._messages(name, id_) if mark and name.endswith(".json.gz") else None

    def content(self, member: str) -> bytes | None:
        return None

    def _messages(self, name: str, id_: str) -> Iterator[Record]:
        index = 0
        for _, chunk in self._chunks(name):
            pieces: list[Piece]
            if isinstance(chunk, _Unreadable):
                pieces = _salvaged(chunk)
            elif chunk.t in _MESSAGES and chunk.id == id_:
                # A thread that was dumped alone: its root stands nowhere else.
                parent = [chunk.p] if chunk.to and bytes(chunk.p) != b"null" else []
                pieces = [*parent, *(chunk.m or ())]
            else:
                continue
            for piece in pieces:
                yield Loc(name, index), piece
                index += 1

    def _chunks(self, member: str) -> Iterator[tuple[Loc, _Chunk | _Unreadable]]:
        number, total = 0, 0
        longest = self._archive.limits.member
        most = max(64 * MIB, self._archive.size(member) * self._archive.limits.ratio)
        try:
            with self._archive.open(member) as packed:
                for line, ended in _lines(packed, longest):
                    total += len(line)
                    if total > most:
                        raise Damaged("it unpacks to more than is reasonable")
                    if ended:
                        yield Loc(member, number), _Unreadable(ended, line)
                    elif line.strip():
                        yield Loc(member, number), _decode(line)
                        number += 1
        except Damaged as damaged:
            yield Loc(member, number), _Unreadable(damaged.reason)

    def close(self) -> None:
        """Nothing is held open."""


def _lines(packed: BinaryIO, longest: int) -> Iterator[tuple[bytes, str]]:
    """The lines of a gzip file of any number of members. With the last comes why the file ends early ("": it does not).

    Damaged where a line is longer than allowed."""
    inflate, rest, ended, within = zlib.decompressobj(zlib.MAX_WBITS | 16), bytearray(), "", False
    raw = packed.read(_READ)
    while raw and not ended:
        within = True
        try:
            rest += inflate.decompress(raw)
        except zlib.error:
            ended = "its compressed data are broken"
        *whole, last = rest.split(b"\n") if b"\n" in rest else [rest]
        yield from ((bytes(line), "") for line in whole)
        rest = bytearray(last)
        if len(rest) > longest:
            raise Damaged("a line is longer than is reasonable")
        raw = inflate.unused_data.lstrip(b"\0") or packed.read(_READ)
        if inflate.eof:
            inflate, within = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    if within and not ended:
        ended = "the file is cut off"
    if rest or ended:
        yield bytes(rest), ended


def _decode(line: bytes) -> _Chunk | _Unreadable:
    try:
        return _chunk(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _chunk(msgspec.json.encode(parse(line)))
    except RecursionError:
        return _Unreadable("it is nested too deeply", line)
    except (ValueError, msgspec.MsgspecError):
        return _Unreadable(_NO_CHUNK, line)


def _salvaged(found: _Unreadable) -> list[Piece]:
    """The messages of a line that is broken somewhere, and at least one word on the break."""
    pieces = [piece for piece in split(found.line, ("m",)) if isinstance(piece, Damaged) or b'"ts"' in bytes(piece)]
    if not any(isinstance(piece, Raw) for piece in pieces):
        return [Damaged(found.reason)]
    return pieces if any(isinstance(piece, Damaged) for piece in pieces) else [*pieces, Damaged(found.reason)]


def _id_of(record: Raw) -> str:
    try:
        return _id(record).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"?{hash(bytes(record))}"


def with_members(record: Raw, members: list[str]) -> Raw:
    """A conversation with the members that slackdump keeps apart."""
    if not members:
        return record
    try:
        fields = _fields(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return record
    return Raw(msgspec.json.encode(fields | {"members": Raw(msgspec.json.encode(members))}))
