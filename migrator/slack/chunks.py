"""slackdump's chunk form: gzipped files of one JSON object a line, as the API answered. slack-format.md 1.5.

A file may be several gzip members in a row (a run that was resumed).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from posixpath import basename

import msgspec
from msgspec import Raw, Struct, field

from migrator.model import Loc
from migrator.slack.archive import MIB, Archive
from migrator.slack.damage import Damaged
from migrator.slack.fronts import Place
from migrator.slack.records import Record

__all__ = ["Chunks"]

_ABSENT = Raw(b"null")
_MESSAGES = (0, 1, 12, 13)  # messages, a thread, and the same of a canvas
_INFO = 5


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

    def _note(self, member: str, at: Loc, chunk: _Chunk | Damaged) -> None:
        seen = self._seen
        if isinstance(chunk, Damaged):
            if "-" not in basename(member) and basename(member)[:1] not in "CDG":
                seen.damaged.append((at, chunk))  # in a conversation's file it is met again as a message
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

    def _messages(self, name: str, id_: str) -> Iterator[Record]:
        index = 0
        for _, chunk in self._chunks(name):
            if isinstance(chunk, Damaged):
                pieces: list[Raw | Damaged] = [chunk]
            elif chunk.t in _MESSAGES and chunk.id == id_:
                # A thread that was dumped alone: its root stands nowhere else.
                parent = [chunk.p] if chunk.to and bytes(chunk.p) != b"null" else []
                pieces = [*parent, *(chunk.m or ())]
            else:
                continue
            for piece in pieces:
                yield Loc(name, index), piece
                index += 1

    def _chunks(self, member: str) -> Iterator[tuple[Loc, _Chunk | Damaged]]:
        number, total = 0, 0
        most = max(64 * MIB, self._archive.size(member) * self._archive.limits.ratio)
        try:
            with self._archive.open(member) as packed, GzipFile(fileobj=packed) as stream:
                while line := stream.readline(self._archive.limits.member + 1):
                    total += len(line)
                    if len(line) > self._archive.limits.member or total > most:
                        yield Loc(member, number), Damaged("it unpacks to more than is reasonable")
                        return
                    if line.strip():
                        yield Loc(member, number), _decode(line)
                        number += 1
        except Damaged as damaged:
            yield Loc(member, number), damaged
        except (BadGzipFile, EOFError, zlib.error) as error:
            why = "the file is cut off" if isinstance(error, EOFError) else "its compressed data are broken"
            yield Loc(member, number), Damaged(why)

    def close(self) -> None:
        """Nothing is held open."""


def _decode(line: bytes) -> _Chunk | Damaged:
    try:
        return _chunk(line)
    except RecursionError:
        return Damaged("it is nested too deeply")
    except (msgspec.ValidationError, msgspec.DecodeError):
        return Damaged("a line is not a chunk of slackdump")


def _id_of(record: Raw) -> str:
    try:
        return _id(record).id
    except (msgspec.DecodeError, RecursionError):
        return f"?{hash(bytes(record))}"


def with_members(record: Raw, members: list[str]) -> Raw:
    """A conversation with the members that slackdump keeps apart."""
    if not members:
        return record
    try:
        fields = _fields(record)
    except (msgspec.DecodeError, RecursionError):
        return record
    return Raw(msgspec.json.encode(fields | {"members": Raw(msgspec.json.encode(members))}))
