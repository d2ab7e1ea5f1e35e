"""The import package: one or more zips, each with one JSONL file and what it names below data/ (facts 4.1).

Posts are converted first, for the lines of people and channels hold their totals; then zips are put together in the
order in which they are to be imported. The same input gives the same bytes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct, field

from migrator.adapters.base import Composed, Directory, Key, Kind, Limits, Move, RemoteId
from migrator.adapters.mattermost import lines
from migrator.adapters.mattermost.book import Book
from migrator.adapters.mattermost.entities import Head, Picture
from migrator.adapters.mattermost.posts import Clock, Held, Totals, Writer, attachment_path
from migrator.errors import SkipItem
from migrator.model import ConversationId, File, Local, Message

__all__ = ["Package", "Part", "describe", "write", "written"]

MAX_ZIP = 100 << 20  # bytes; FileSettings.MaxFileSize as it comes
ROOM = 1 << 20  # bytes of a zip left for headers
SQUEEZE = 3  # JSON lines take at most this part of their size in a zip (they take an eighth, usually)
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


class _Stretch(Struct):
    """A run of lines in the work file that will be one zip."""

    start: int
    end: int = 0
    size: int = 0
    lines: int = 0
    posts: int = 0
    files: dict[str, File] = field(default_factory=dict)


def _nothing(_kind: Kind, _key: Key) -> None:
    return None


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
    """Write the zips into `out`; `ready` is told of each the moment it is complete.

    `held` gives what the server holds of a conversation's posts already, where an earlier run loaded some.
    """
    limits = limits or (move.target.limits if move.target else Limits())
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".work-") as work:
        maker = _Maker(move, book, compose, limits, held, Path(work))
        # receipts are asked for only where a server takes the package
        maker.convert(out / "written.jsonl" if move.target else Path(os.devnull))
        return maker.zips(out, ready)


class _Maker:
    """One package in the making."""

    def __init__(
        self,
        move: Move,
        book: Book,
        compose: Composer,
        limits: Limits,
        held: Callable[[ConversationId], Mapping[Key, Held]],
        work: Path,
    ) -> None:
        self.move, self.book, self.compose, self.limits, self.held = move, book, compose, limits, held
        self.work = work
        self.most = (limits.file or MAX_ZIP) - ROOM
        self.totals: dict[ConversationId, Totals] = {}
        self.stretches: list[list[_Stretch]] = []  # by round
        self.advice: list[str] = []
        self.unreadable = 0

    def convert(self, manifest: Path) -> None:
        """All conversations, channels before direct ones, into one work file per round."""
        done: Callable[[Kind, Key], RemoteId | None] = self.move.done if self.move.target else _nothing
        rooms = sorted(self.book.rooms.values(), key=lambda room: room.direct)
        shared: dict[str, Clock] = {}
        strangers = 0
        self.move.progress.phase("converting")
        outs: list[BinaryIO] = []
        with manifest.open("wb") as keys:
            for room in rooms:
                clock = shared.setdefault(room.place, Clock()) if room.shared else Clock()
                there = self.held(room.conversation.id) if room.there else {}
                writer = Writer(
                    self.book,
                    room,
                    self.compose,
                    self.move.directory,
                    self.limits,
                    clock,
                    done,
                    there,
                    self.move.composed,
                )
                posts: list[tuple[Key, str]] = []
                for line in writer.run(self.move.source):
                    while len(outs) <= line.round:
                        outs.append((self.work / f"{len(outs)}.jsonl").open("wb"))
                        self.stretches.append([_Stretch(0)])
                    self._add(line.round, line.data, line.files, len(line.posts))
                    outs[line.round].write(line.data)
                    posts += line.posts
                    self.move.progress.advance(len(line.posts))
                self.totals[room.conversation.id] = writer.totals
                strangers += len(writer.strangers)
                keys.write(msgspec.json.encode((room.conversation.id, posts)) + b"\n")
        for file in outs:
            file.close()
        if strangers:
            self.advice.append(f"{strangers} messages have an author whom the export does not know: left out")

    def _add(self, number: int, data: bytes, files: tuple[File, ...], posts: int) -> None:
        stretch = self.stretches[number][-1]
        more = {attachment_path(file): file for file in files}
        size = len(data) // SQUEEZE + sum(_size(f) for path, f in more.items() if path not in stretch.files)
        if stretch.lines and stretch.size + size > self.most:
            stretch = _Stretch(stretch.end, stretch.end)
            self.stretches[number].append(stretch)
            size = len(data) // SQUEEZE + sum(map(_size, more.values()))
        stretch.end += len(data)
        stretch.size += size
        stretch.lines += 1
        stretch.posts += posts
        stretch.files |= more

    def zips(self, out: Path, ready: Callable[[Part], None]) -> Package:
        for old in out.glob("import-*.zip"):
            old.unlink()
        head = Head(self.move.source, self.book, self.move.directory, self.totals)
        first = list(head.run())
        plan: list[tuple[int, _Stretch | None]] = [
            (number, stretch) for number, some in enumerate(self.stretches) for stretch in some
        ]
        size = sum(map(len, first)) // SQUEEZE + sum(len(picture.data) for picture in head.pictures)
        parts: list[Part] = []
        if first and plan and self.stretches[0][0].size + size > self.most:
            parts.append(self._zip(out, 1, first, head.pictures, None))
            ready(parts[-1])
            first, head.pictures = [], []
        for number, stretch in plan or ([(0, None)] if first else []):
            parts.append(self._zip(out, len(parts) + 1, first, head.pictures, stretch, number))
            ready(parts[-1])
            first, head.pictures = [], []
        if self.unreadable:
            self.advice.append(f"{self.unreadable} files of the export cannot be read: their posts stand without them")
        return Package(out, tuple(parts), (*self.advice, *head.advice))

    def _zip(
        self,
        out: Path,
        number: int,
        first: list[bytes],
        pictures: list[Picture],
        stretch: _Stretch | None,
        round_: int = 0,
    ) -> Part:
        path = out / f"import-{number:03}.zip"
        draft = path.with_suffix(".part")
        with zipfile.ZipFile(draft, "w", allowZip64=True) as archive:
            with archive.open(_entry("import.jsonl", compressed=True), "w", force_zip64=True) as body:
                body.write(lines.VERSION)
                body.writelines(first)
                if stretch is not None:
                    self._copy(round_, stretch, body)
            for picture in pictures:
                archive.writestr(_entry(f"data/{picture.path}"), picture.data)
            for name, file in stretch.files.items() if stretch else ():
                self._attach(archive, name, file)
        draft.chmod(0o600)
        draft.replace(path)
        count = 1 + len(first) + (stretch.lines if stretch else 0)
        return Part(number, path, count, stretch.posts if stretch else 0)

    def _copy(self, number: int, stretch: _Stretch, body: object) -> None:
        left = stretch.end - stretch.start
        with (self.work / f"{number}.jsonl").open("rb") as file:
            file.seek(stretch.start)
            while left and (chunk := file.read(min(left, 1 << 20))):
                body.write(chunk)  # type: ignore[attr-defined]
                left -= len(chunk)

    def _attach(self, archive: zipfile.ZipFile, name: str, file: File) -> None:
        try:
            with self.move.source.open(file) as body, archive.open(_entry(f"data/{name}"), "w", force_zip64=True) as to:
                shutil.copyfileobj(body, to, 1 << 20)
        except SkipItem:
            self.unreadable += 1


def _entry(name: str, *, compressed: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    info._compresslevel = 1  # type: ignore[attr-defined]  # no public way before Python 3.13
    info.external_attr = 0o600 << 16
    return info


def _size(file: File) -> int:
    return file.data.size if isinstance(file.data, Local) else 0


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
