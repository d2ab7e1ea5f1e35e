"""One view over all the forms an export comes in, and over several exports of one workspace. slack-format.md 1-3.

Whatever tool made it, an export is a few indexes (users, channels …), folders of members that hold message records,
one folder per conversation and export, and files by their id. Members are named as in the archive; where several
exports are open, the archive's own name stands before them. Later exports stand later everywhere: the last record of a
thing counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec
from msgspec import Struct

from migrator.errors import ExportError
from migrator.ledger import Quarantined
from migrator.model import FileId, Loc, UserId
from migrator.slack.archive import Archive
from migrator.slack.chunks import Chunks
from migrator.slack.contents import contents_of
from migrator.slack.damage import Damaged
from migrator.slack.database import Database
from migrator.slack.folders import Listed, Matcher
from migrator.slack.fronts import CONVERSATIONS, Files, Front, Place, head, kind_of
from migrator.slack.records import Piece, Record

__all__ = ["Folder", "Layout", "Record", "open_layout"]


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


_listed = msgspec.json.Decoder(_Listed).decode


class Layout:
    """The normalised view. Cheap to make: indexes are read, day files are not. ExportError where there is no export.

    `folders` are in the order of the exports; `uploads`: file id -> member, `avatars`: user id -> member. `notes` are
    sentences about what was seen and left aside.
    """

    def __init__(self, archives: Sequence[Archive]) -> None:
        self.archives = list(archives)
        self._label = _labels(self.archives)
        self._archive_of = dict(zip(self._label, self.archives, strict=True))
        self._fronts: list[tuple[int, Front]] = []
        self._files: list[Front] = []  # those of day files, one per archive
        self.uploads: dict[FileId, str] = {}
        self.avatars: dict[UserId, str] = {}
        self.folders: tuple[Folder, ...] = ()
        try:
            for number, archive in enumerate(self.archives):
                self._survey(number, archive)
        except BaseException:
            self.close()
            raise

    def _survey(self, number: int, archive: Archive) -> None:
        label = self._label[number]
        contents = contents_of(archive.names(), lambda name: head(archive, name))
        if not contents.usable:
            raise _not_an_export(archive)
        self.uploads |= {id_: label + member for id_, member in contents.uploads.items()}
        self.avatars |= {id_: label + member for id_, member in contents.avatars.items()}
        own: list[Front] = [Files(archive, contents)]
        self._files.append(own[0])
        self._fronts.append((number, own[0]))
        if contents.chunks:
            own.append(Chunks(archive, contents.chunks))
        if contents.database:
            own.append(Database(archive, contents.database))
        self._fronts += [(number, front) for front in own[1:]]
        listed = [item for front in own for kind in CONVERSATIONS for item in _all_listed(front, kind)]
        matcher = Matcher(listed)
        self.folders += tuple(_folder(place, matcher, label, number) for front in own for place in front.places())

    @property
    def fingerprint(self) -> str:
        return "+".join(archive.fingerprint for archive in self.archives)

    @property
    def notes(self) -> list[str]:
        shared = [
            f"{folder.members[0].rpartition('/')[0]} may hold messages of {', '.join(folder.also)} too: same name"
            for folder in self.folders
            if folder.also
        ]
        return [self._label[number] + note for number, front in self._fronts for note in front.notes] + shared

    @property
    def refused(self) -> list[Quarantined]:
        """Members that are not read for safety's sake."""
        return [
            Quarantined(Loc(label + item.at.member, item.at.index), item.reason)
            for label, archive in zip(self._label, self.archives, strict=True)
            for item in archive.refused
        ]

    def close(self) -> None:
        for _, front in self._fronts:
            front.close()
        for archive in self.archives:
            archive.close()

    # ── members ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def size(self, member: str) -> int:
        """Bytes of a file's member (`uploads`, `avatars`)."""
        number, name = self._resolve(member)
        return self.archives[number].size(name)

    def weight(self, members: Sequence[str]) -> int:
        """Bytes of all these members, to share out work by; 0 for what is not a file of its own."""
        total = 0
        for member in members:
            number, name = self._resolve(member)
            try:
                total += self.archives[number].size(name)
            except KeyError:
                continue
        return total

    def open(self, member: str) -> BinaryIO:
        """The bytes of a file's member. Damaged where they cannot be read, at once or on the way."""
        number, name = self._resolve(member)
        return self.archives[number].open(name)

    def _resolve(self, member: str) -> tuple[int, str]:
        if len(self.archives) == 1:
            return 0, member
        label, _, name = member.partition("/")
        return self._label.index(label + "/"), name

    # ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def index(self, kind: str) -> Iterator[Record]:
        """The records of all indexes of a kind (`contents.KINDS`), in the order of the exports.

        Conversations come under the kind that they say they are, in whichever file they stand.
        """
        kinds = CONVERSATIONS if kind in CONVERSATIONS else (kind,)
        for number, front in self._fronts:
            for stated in kinds:
                for _, (at, piece) in front.indexes(stated):
                    if len(kinds) == 1 or kind_of(piece, stated) == kind:
                        yield Loc(self._label[number] + at.member, at.index), piece

    def records(self, member: str) -> Iterator[Record]:
        """The message records of a member, each with its place: raw JSON, or why it is damaged."""
        number, name = self._resolve(member)
        for owner, front in reversed(self._fronts):
            if owner == number and (found := front.records(name)) is not None:
                break
        else:
            raise KeyError(member)
        label = self._label[number]
        return ((Loc(label + at.member, at.index), piece) for at, piece in found) if label else found

    def content(self, member: str) -> bytes | None:
        """A member that is a JSON list, for who can decode it in one step; None for any other: see `records`.

        Unlike there, replies may be nested in their root ("slackdump_thread_replies").
        """
        number, name = self._resolve(member)
        return self._files[number].content(name)


def _folder(place: Place, matcher: Matcher, label: str, number: int) -> Folder:
    conversation, also = matcher.find(place.name, place.scope)
    team = place.scope.rstrip("/").rpartition("/")[2]
    return Folder(place.name, conversation, tuple(label + m for m in place.members), team, number, also)


def _all_listed(front: Front, kind: str) -> Iterator[Listed]:
    for scope, (_, piece) in front.indexes(kind):
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    created = int(str(found.created)) if str(found.created).isascii() and str(found.created).isdigit() else 0
    if not found.id:
        return None
    return Listed(
        found.id, found.name or "", scope, bool(found.is_archived), created, tuple(found.previous_names or ())
    )


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
