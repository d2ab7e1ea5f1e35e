"""One view over all the forms an export comes in, and over several exports of one workspace. slack-format.md 1-3.

Whatever tool made it, an export is a few indexes (users, channels …), folders of members that hold message records,
one folder per conversation and export, and files by their id. Members are named as in the archive; where several
exports are open, the archive's own name stands before them. Later exports stand later everywhere: the last record of a
thing counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, TypeAlias

import msgspec
from msgspec import Raw, Struct

from migrator.errors import ExportError
from migrator.ledger import Quarantined
from migrator.model import FileId, Loc, UserId
from migrator.slack.archive import Archive
from migrator.slack.contents import contents_of
from migrator.slack.damage import Damaged
from migrator.slack.folders import Listed, Matcher
from migrator.slack.records import Piece, split

__all__ = ["Folder", "Layout", "Record", "open_layout"]

Record: TypeAlias = tuple[Loc, Piece]
_CONVERSATIONS = ("channels", "groups", "mpims", "dms", "file_conversations")
_KEYS = ("messages", "members", "users", "channels", "groups", "ims", "usergroups", "emoji_list")
_HEAD = 4096


class Folder(Struct, frozen=True):
    """The messages of one conversation in one export.

    `conversation` is the id that an index gives it, "" where none does; `name` is the folder's own name, `team` the
    workspace's folder in a Grid. `members` hold records (`Layout.records`), days in order. `also` are conversations of
    the same name whose messages may lie in here too: nothing in a record tells.
    """

    name: str
    conversation: str
    members: tuple[str, ...]
    team: str = ""
    export: int = 0
    also: tuple[str, ...] = ()


class _Listed(Struct):
    id: str = ""
    name: str | None = None
    is_archived: bool | None = None
    created: int | float | str | None = None
    previous_names: list[str] | None = None
    is_im: bool | None = None
    is_mpim: bool | None = None
    is_private: bool | None = None


_listed = msgspec.json.Decoder(_Listed).decode


class Layout:
    """The normalised view. Cheap to make: indexes are read, day files are not."""

    def __init__(self, archives: Sequence[Archive]) -> None:
        self.archives = list(archives)
        self._label = _labels(self.archives)
        self._archive_of = dict(zip(self._label, self.archives, strict=True))
        self._contents = [contents_of(a.names(), lambda n, a=a: _head(a, n)) for a in self.archives]  # type: ignore[misc]
        for archive, contents in zip(self.archives, self._contents, strict=True):
            if not contents.usable:
                raise _not_an_export(archive)
        self.uploads: dict[FileId, str] = {}
        self.avatars: dict[UserId, str] = {}
        self.notes: list[str] = []
        for label, contents in zip(self._label, self._contents, strict=True):
            self.uploads |= {id_: label + member for id_, member in contents.uploads.items()}
            self.avatars |= {id_: label + member for id_, member in contents.avatars.items()}
            self.notes += [f"{label}{member} is not known and was not read" for member in contents.unknown]
        self.folders: tuple[Folder, ...] = tuple(self._folders())

    @property
    def fingerprint(self) -> str:
        return "+".join(archive.fingerprint for archive in self.archives)

    @property
    def refused(self) -> list[Quarantined]:
        """Members that are not read for safety's sake."""
        return [
            Quarantined(Loc(label + item.at.member, item.at.index), item.reason)
            for label, archive in zip(self._label, self.archives, strict=True)
            for item in archive.refused
        ]

    def close(self) -> None:
        for archive in self.archives:
            archive.close()

    # ── members ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def size(self, member: str) -> int:
        archive, name = self._resolve(member)
        return archive.size(name)

    def read(self, member: str) -> bytes:
        archive, name = self._resolve(member)
        return archive.read(name)

    def open(self, member: str) -> BinaryIO:
        archive, name = self._resolve(member)
        return archive.open(name)

    def _resolve(self, member: str) -> tuple[Archive, str]:
        if len(self.archives) == 1:
            return self.archives[0], member
        label, _, name = member.partition("/")
        return self._archive_of[label + "/"], name

    # ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def index(self, kind: str) -> Iterator[Record]:
        """The records of all indexes of a kind (see `contents.KINDS`), in the order of the exports."""
        for label, contents in zip(self._label, self._contents, strict=True):
            for _, member in contents.indexes.get(kind, ()):
                for at, piece in self._pieces(label + member, _KEYS):
                    if not isinstance(piece, Raw) or bytes(piece) != b'""':  # an empty index may be [""]
                        yield at, piece

    def records(self, member: str) -> Iterator[Record]:
        """The message records of a member, each with its place: raw JSON, or why it is damaged."""
        return self._pieces(member, ("messages",))

    def _pieces(self, member: str, keys: tuple[str, ...]) -> Iterator[Record]:
        try:
            content = self.read(member)
        except Damaged as damaged:
            yield Loc(member), damaged
            return
        pieces = list(split(content, keys))
        if len(pieces) == 1 and isinstance(pieces[0], Damaged):
            yield Loc(member), pieces[0]
            return
        for index, piece in enumerate(pieces):
            yield Loc(member, index), piece

    # ── folders ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _folders(self) -> Iterator[Folder]:
        for number, (label, contents) in enumerate(zip(self._label, self._contents, strict=True)):
            matcher = Matcher(list(self._listed(label, contents.indexes)))
            for (scope, path), members in contents.folders.items():
                name = path.rpartition("/")[2]
                conversation, also = matcher.find(name, scope)
                team = scope.rstrip("/").rpartition("/")[2]
                yield Folder(name, conversation, tuple(label + m for m in members), team, number, also)

    def _listed(self, label: str, indexes: dict[str, list[tuple[str, str]]]) -> Iterator[Listed]:
        for kind in _CONVERSATIONS:
            for scope, member in indexes.get(kind, ()):
                for _, piece in self._pieces(label + member, _KEYS):
                    if (listed := _as_listed(piece, scope)) is not None:
                        yield listed


def open_layout(archives: Sequence[Archive]) -> Layout:
    """The view over opened archives, the latest export last. ExportError where one of them is no export."""
    return Layout(archives)


def _as_listed(piece: Piece, scope: str) -> Listed | None:
    if isinstance(piece, Damaged):
        return None
    try:
        found = _listed(piece)
    except msgspec.DecodeError:
        return None
    created = int(found.created) if str(found.created).isdigit() else 0  # type: ignore[arg-type]
    if not found.id:
        return None
    return Listed(
        found.id, found.name or "", scope, bool(found.is_archived), created, tuple(found.previous_names or ())
    )


def _head(archive: Archive, name: str) -> bytes:
    try:
        with archive.open(name) as stream:
            return stream.read(_HEAD)
    except Damaged:
        return b""


def _labels(archives: Sequence[Archive]) -> list[str]:
    """What stands before the members of each archive: nothing where there is only one."""
    if len(archives) == 1:
        return [""]
    labels: list[str] = []
    for archive in archives:
        name = archive.path.resolve().name or "export"
        label, number = f"{name}/", 2
        while label in labels:
            label, number = f"{name} ({number})/", number + 1
        labels.append(label)
    return labels


def _not_an_export(archive: Archive) -> ExportError:
    names = archive.names()
    endings = {name.rpartition(".")[2].lower() for name in names}
    if "txt" in endings and "json" not in endings:
        return ExportError(
            f"{archive.path} is a TXT export: it holds no ids, threads or reactions",
            hint="ask Slack for the export in JSON format (choose JSON, not TXT, on the export page or in the request)",
        )
    if "html" in endings and "json" not in endings:
        return ExportError(f"{archive.path} holds web pages", hint="ask Slack for the export itself, in JSON format")
    if zips := [name for name in names if name.lower().endswith(".zip")]:
        return ExportError(f"{archive.path} holds a zip file ({zips[0]})", hint="unpack it and give that file")
    return ExportError(
        f"{archive.path} is not a Slack export: there is no channels.json and no folder of day files in it",
        hint="give the zip file as Slack made it, or the folder it unpacks to",
    )
