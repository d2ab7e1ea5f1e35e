"""The forms an export comes in, each behind the same four questions. slack-format.md 1.

`Files` here reads JSON files as they lie: Slack's own exports, slackdump's exports and dumps, API responses kept as
files. slackdump's packed forms have modules of their own: `chunks`, `database`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from posixpath import basename
from typing import Protocol

import msgspec
from msgspec import Raw, Struct

from migrator.model import Loc
from migrator.slack.archive import Archive
from migrator.slack.contents import Contents
from migrator.slack.damage import Damaged
from migrator.slack.day import MOST
from migrator.slack.records import Piece, Record, placed, split
from migrator.slack.stream import streamed

__all__ = ["CONVERSATIONS", "Files", "Front", "Place", "head", "kind_of"]

CONVERSATIONS = ("channels", "groups", "mpims", "dms", "file_conversations")
HEAD = 4096
_KEYS = ("messages", "members", "users", "channels", "groups", "ims", "usergroups")
_DUMP = re.compile(r"([CDG][A-Z0-9]{6,})(?:-\d+\.\d+)?\.json")
_NAME = re.compile(rb'"name"\s*:\s*("(?:[^"\\]|\\.)*")')
_REPLIES = b'"slackdump_thread_replies"'


class Place(Struct, frozen=True):
    """The message members of one conversation. `scope`: the folder of the export within the archive."""

    scope: str
    name: str
    members: tuple[str, ...]


class Front(Protocol):
    """One archive's content in one form. Members are named without the archive's label."""

    notes: list[str]

    def indexes(self, kind: str) -> Iterator[tuple[str, Record]]:
        """Records of an index, each with its scope."""
        ...

    def places(self) -> Iterator[Place]: ...

    def records(self, member: str) -> Iterator[Record] | None:
        """The message records of a member; None where it is none of ours."""
        ...

    def content(self, member: str) -> bytes | None:
        """A member that is a JSON list, as it is; None where it is not, or cannot be read: see `Layout.content`."""
        ...

    def close(self) -> None: ...


class _Flags(Struct):
    is_im: bool | None = None
    is_mpim: bool | None = None
    is_private: bool | None = None
    is_group: bool | None = None


_flags = msgspec.json.Decoder(_Flags).decode


def kind_of(piece: Piece, kind: str) -> str:
    """The index that a conversation belongs into: lists of the API hold all kinds together, and say which by flags."""
    if isinstance(piece, Damaged):
        return kind
    try:
        flags = _flags(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return kind
    if flags.is_im:
        return "dms"
    if flags.is_mpim:
        return "mpims"
    if kind == "channels" and (flags.is_private or flags.is_group):
        return "groups"
    return kind


class Files:
    """JSON files, as they lie."""

    def __init__(self, archive: Archive, contents: Contents) -> None:
        self._archive, self._contents = archive, contents
        self.notes = [f"{member} is not known and was not read" for member in contents.unknown]

    def indexes(self, kind: str) -> Iterator[tuple[str, Record]]:
        for scope, member in self._contents.indexes.get(kind, ()):
            for at, piece in self._pieces(member, _KEYS):
                if not (isinstance(piece, Raw) and bytes(piece) == b'""'):  # an empty index may be [""]
                    yield scope, (at, piece)
        if kind == "channels":
            yield from self._named_by_dumps()

    def _named_by_dumps(self) -> Iterator[tuple[str, Record]]:
        """Conversations that only a dump's own head names."""
        known = set(_ids(r for kind in CONVERSATIONS for _, r in self._plain(kind)))
        for (scope, _), members in self._contents.folders.items():
            match = _DUMP.fullmatch(basename(members[0]))
            if match is None or match[1] in known:
                continue
            name = _NAME.search(head(self._archive, members[0]).partition(b'"messages"')[0])
            record: dict[str, object] = {"id": match[1], "name": _unquoted(name[1]) if name else ""}
            if match[1].startswith("D"):
                record["is_im"] = True
            yield scope, (Loc(members[0]), Raw(msgspec.json.encode(record)))

    def _plain(self, kind: str) -> Iterator[tuple[str, Record]]:
        for scope, member in self._contents.indexes.get(kind, ()):
            for record in self._pieces(member, _KEYS):
                yield scope, record

    def places(self) -> Iterator[Place]:
        for (scope, path), members in self._contents.folders.items():
            yield Place(scope, path.rpartition("/")[2], tuple(members))

    def records(self, member: str) -> Iterator[Record] | None:
        return self._pieces(member, ("messages",))

    def content(self, member: str) -> bytes | None:
        try:
            content = self._archive.read(member, MOST)
        except (Damaged, KeyError):
            return None
        return content if content[:1] == b"[" else None

    def _pieces(self, member: str, keys: tuple[str, ...]) -> Iterator[Record]:
        try:
            if self._archive.size(member) > self._archive.limits.member:
                return placed(member, _flat(streamed(self._archive.open(member), keys)))
            content = self._archive.read(member)
        except Damaged as damaged:
            return iter([(Loc(member), damaged)])
        pieces = split(content, keys)
        return placed(member, _flat(pieces) if _REPLIES in content else pieces)

    def close(self) -> None:
        """Nothing of its own is open."""


def head(archive: Archive, member: str) -> bytes:
    """The first bytes; b"" where the member cannot be read."""
    try:
        with archive.open(member) as stream:
            return stream.read(HEAD)
    except Damaged:
        return b""


def _unquoted(quoted: bytes) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


class _Id(Struct):
    id: str = ""


class _Nest(Struct):
    replies: list[Raw] | None = msgspec.field(name="slackdump_thread_replies", default=None)


_id = msgspec.json.Decoder(_Id).decode
_nest = msgspec.json.Decoder(_Nest).decode


def _ids(records: Iterable[Record]) -> Iterator[str]:
    for _, piece in records:
        if isinstance(piece, Raw):
            try:
                yield _id(piece).id
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue


def _flat(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """A dump nests replies in their root: roots, each followed by its replies."""
    for piece in pieces:
        yield piece
        if isinstance(piece, Damaged) or _REPLIES not in bytes(piece):
            continue
        try:
            replies = _nest(piece).replies
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield Damaged("its replies are no list of records")
            continue
        yield from _flat(iter(replies or ()))
