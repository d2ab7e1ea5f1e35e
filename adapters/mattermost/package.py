"""The import package: one or more zips, each with one JSONL file and what it names below data/ (facts 4.1).

A zip of posts is complete, and may leave, as soon as the next conversation does not fit into it. The first one to be
imported is the last to be made: its lines of people and channels hold totals of all posts, and the posts that filled no
zip go with them. The same input gives the same bytes, however many processes convert.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field

from migrator.adapters.base import Composed, Directory, Key, Limits, Source
from migrator.adapters.bulk import Move
from migrator.adapters.mattermost import lines
from migrator.adapters.mattermost.bales import Bale, Store, size_of, write_joined
from migrator.adapters.mattermost.book import Book, Room
from migrator.adapters.mattermost.entities import Head, Picture
from migrator.adapters.mattermost.posts import Clock, Held, Line, Totals, Writer
from migrator.errors import SkipItem
from migrator.model import ConversationId, File, Message

__all__ = ["Package", "Part", "describe", "write", "written"]

MAX_ZIP = 100 << 20  # bytes; FileSettings.MaxFileSize as it comes
WORK = ".work-"  # folders of what is not yet a zip
ROOM = 1 << 20  # bytes of a zip left for headers
DATE = (2000, 1, 1, 0, 0, 0)
Composer = Callable[[Message, Directory, Limits], Composed]


class Part(Struct, frozen=True):
    """One zip; parts are imported in the order of their numbers, one after the other."""

    number: int
    path: Path
    lines: int
    posts: int


class Package(Struct, frozen=True):
    """`advice`: sentences for the admin. What was written of each conversation: `written(folder)`."""

    folder: Path
    parts: tuple[Part, ...]
    advice: tuple[str, ...] = ()


class _Converted(Struct, frozen=True):
    """One conversation, as the process that took it tells of it. `keys`: where the line for `written.jsonl` lies."""

    conversation: ConversationId
    totals: Totals
    strangers: int
    bales: list[Bale]
    keys: tuple[str, int, int] | None


class _Stretch(Struct):
    """A run of bales of one round that will be one zip."""

    bales: list[Bale] = field(default_factory=list)
    size: int = 0
    files: dict[str, File] = field(default_factory=dict)

    def more(self, bale: Bale) -> int:
        """Bytes by which a bale would make it larger."""
        return bale.packed + sum(size_of(file) for path, file in bale.files.items() if path not in self.files)

    def add(self, bale: Bale) -> None:
        self.size += self.more(bale)
        self.bales.append(bale)
        self.files |= bale.files


def write(
    move: Move,
    book: Book,
    compose: Composer,
    out: Path,
    *,
    held: Callable[[ConversationId], Mapping[Key, Held]] = lambda _: {},
    limits: Limits | None = None,
    ready: Callable[[Part], None] = lambda _: None,
) -> Package:
    """Write the zips into `out`; `ready` is told of each the moment it is complete, of the first one after all others
    of its round.

    `held` gives what the server holds of a conversation's posts already, where an earlier run loaded some.
    """
    limits = limits or (move.target.limits if move.target else Limits())
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in out.glob(f"{WORK}*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    most = (limits.file or MAX_ZIP) - ROOM
    with tempfile.TemporaryDirectory(dir=out, prefix=WORK) as work, Store(Path(work), most) as store:
        for old in out.glob("import-*.zip"):
            old.unlink()
        maker = _Maker(move, book, compose, limits, held, store, _Zips(move.source, store, out, ready))
        maker.convert()
        if move.target:  # receipts are asked for only where a server takes the package
            maker.write_keys(out / "written.jsonl")
        return maker.finish()


class _Zips:
    """Zips of a package, written as they fill. Number 1 is kept for what must be imported first."""

    def __init__(self, source: Source, store: Store, out: Path, ready: Callable[[Part], None]) -> None:
        self.source, self.store, self.out, self.ready = source, store, out, ready
        self.parts: list[Part] = []
        self.unreadable = 0
        self._next = 2

    def write(self, stretch: _Stretch) -> None:
        """One that is imported after those before it."""
        self._write(self._next, [], stretch.bales, stretch)
        self._next += 1

    def write_first(self, first: list[Bale], pictures: list[Picture], stretch: _Stretch) -> None:
        """`first`: the lines of people and channels."""
        self._write(1, pictures, [*first, *stretch.bales], stretch)

    def in_order(self) -> tuple[Part, ...]:
        return tuple(sorted(self.parts, key=lambda part: part.number))

    def _write(self, number: int, pictures: list[Picture], bales: list[Bale], stretch: _Stretch) -> None:
        path = self.out / f"import-{number:03}.zip"
        draft = path.with_suffix(".part")
        with zipfile.ZipFile(draft, "w", allowZip64=True) as archive:
            write_joined(archive, _entry("import.jsonl"), lines.VERSION, bales, self.store)
            for picture in pictures:
                archive.writestr(_entry(f"data/{picture.path}"), picture.data)
            for name, file in stretch.files.items():
                self._attach(archive, name, file)
        draft.chmod(0o600)
        draft.replace(path)
        count = 1 + sum(bale.lines for bale in bales)
        self.parts.append(Part(number, path, count, sum(bale.posts for bale in bales)))
        self.ready(self.parts[-1])

    def _attach(self, archive: zipfile.ZipFile, name: str, file: File) -> None:
        try:
            with self.source.open(file) as body, archive.open(_entry(f"data/{name}"), "w", force_zip64=True) as to:
                shutil.copyfileobj(body, to, 1 << 20)
        except SkipItem:
            self.unreadable += 1


class _Maker:
    """One package in the making."""

    def __init__(
        self,
        move: Move,
        book: Book,
        compose: Composer,
        limits: Limits,
        held: Callable[[ConversationId], Mapping[Key, Held]],
        store: Store,
        zips: _Zips,
    ) -> None:
        self.move, self.book, self.compose, self.limits, self.held = move, book, compose, limits, held
        self.store, self.zips, self.most = store, zips, store.most
        self.done = move.done if move.target else None
        self.converted: dict[ConversationId, _Converted] = {}  # in the order of their posts
        self.posts = _Stretch()  # of the first round, not yet in a zip
        self.later: dict[int, list[Bale]] = {}  # by round

    # ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────

    def convert(self) -> None:
        """All conversations, perhaps by several processes; those that share a channel by one, for their times."""
        progress = self.move.progress
        progress.phase("converting")
        for some in self.move.spread(self._convert, self._groups()):
            for one in some:
                self.converted[one.conversation] = one
                progress.advance(sum(bale.posts for bale in one.bales))
                for bale in one.bales:
                    self._add(bale)

    def _groups(self) -> list[tuple[ConversationId, ...]]:
        """Channels before direct ones, for types stand together; the heaviest first, as they are converted: what is to
        be had early fills zips early."""
        sharing: dict[str, list[ConversationId]] = {}
        for room in sorted(self.book.rooms.values(), key=_is_direct):
            sharing.setdefault(room.place if room.shared else room.conversation.id, []).append(room.conversation.id)
        rooms, weigh = self.book.rooms, self.move.weigh
        return sorted(map(tuple, sharing.values()), key=lambda some: (rooms[some[0]].direct, -sum(map(weigh, some))))

    def _convert(self, conversations: tuple[ConversationId, ...]) -> list[_Converted]:
        clock = Clock(set() if len(conversations) > 1 else None)
        made = [self._room(self.book.rooms[conversation], clock) for conversation in conversations]
        self.store.flush()
        return made

    def _room(self, room: Room, clock: Clock) -> _Converted:
        move, conversation = self.move, room.conversation.id
        there = self.held(conversation) if room.there else {}
        writer = Writer(
            self.book, room, self.compose, move.directory, self.limits, clock, self.done, there, move.composed
        )
        posts: list[tuple[Key, str]] | None = [] if move.target else None
        bales = self.store.bale(_noted(writer.run(move.source), posts))
        keys = self.store.put(msgspec.json.encode((conversation, posts)) + b"\n") if posts is not None else None
        return _Converted(conversation, writer.totals, writer.strangers, bales, keys)

    def write_keys(self, path: Path) -> None:
        with path.open("wb") as keys:
            for one in self.converted.values():
                if one.keys is not None:
                    keys.write(self.store.read(*one.keys))

    # ── zips ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, bale: Bale) -> None:
        if bale.round:
            self.later.setdefault(bale.round, []).append(bale)
        else:
            self.posts = self._added(self.posts, bale)

    def _added(self, stretch: _Stretch, bale: Bale) -> _Stretch:
        """Where a bale went: a zip that it does not fit into is written."""
        if stretch.bales and stretch.size + stretch.more(bale) > self.most:
            self.zips.write(stretch)
            stretch = _Stretch()
        stretch.add(bale)
        return stretch

    def finish(self) -> Package:
        """The first zip, and after it what waits for its posts."""
        totals = {conversation: one.totals for conversation, one in self.converted.items()}
        head = Head(self.move.source, self.book, self.move.directory, totals)
        first = self.store.bale(Line(line, ()) for line in head.run())
        self.store.flush()
        size = sum(bale.packed for bale in first) + sum(len(picture.data) for picture in head.pictures)
        rest = self.posts
        if first and rest.bales and rest.size + size > self.most:
            self.zips.write(rest)
            rest = _Stretch()
        if first or rest.bales:
            self.zips.write_first(first, head.pictures, rest)
        for number in sorted(self.later):
            stretch = _Stretch()
            for bale in self.later[number]:
                stretch = self._added(stretch, bale)
            self.zips.write(stretch)
        return Package(self.zips.out, self.zips.in_order(), (*self._advice(), *head.advice))

    def _advice(self) -> Iterator[str]:
        if strangers := sum(one.strangers for one in self.converted.values()):
            yield f"{strangers} messages have an author whom the export does not know: left out"
        if unreadable := self.zips.unreadable:
            yield f"{unreadable} files of the export cannot be read: their posts stand without them"


def _is_direct(room: Room) -> bool:
    return room.direct


def _noted(some: Iterator[Line], posts: list[tuple[Key, str]] | None) -> Iterator[Line]:
    """Lines as they come, with the keys of their posts noted if that is wanted."""
    if posts is None:
        return some
    return (posts.extend(line.posts) or line for line in some)  # type: ignore[func-returns-value]


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.external_attr = 0o600 << 16
    return info


def written(folder: Path) -> Iterator[tuple[ConversationId, list[tuple[Key, str]]]]:
    """Key and digest of every post in the package, by conversation: for receipts once the server took it."""
    with (folder / "written.jsonl").open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line, type=tuple[str, list[tuple[str, str]]])


def describe(part: Path, number: int) -> str:
    """What stands in a line of a part (counted from 1), in words of the export: "message C1/1700000001.000100"."""
    from migrator.adapters.mattermost.posts import KEY

    with zipfile.ZipFile(part) as archive, archive.open("import.jsonl") as body:
        for index, line in enumerate(body, 1):
            if index == number:
                content = msgspec.json.decode(line)
                inner = content.get(content.get("type"), {})
                key = inner.get("props", {}).get(KEY)
                return (
                    f"message {key}" if key else f"{content.get('type')} {inner.get('username') or inner.get('name')}"
                )
    return f"line {number}"
