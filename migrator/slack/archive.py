"""The bytes of an export: a zip or a folder as a flat set of safe names. The only module that touches its files.

An archive is never trusted and never unpacked to the disk. What must not be read (a link, an encrypted or overlapping
member, a name that leads elsewhere) is `refused` with a reason and costs only itself.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import zlib
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from migrator.errors import ExportError
from migrator.ledger import Quarantined
from migrator.model import Loc
from migrator.slack.damage import Damaged
from migrator.slack.names import enclosing, is_day, is_junk, unsafe
from migrator.slack.unzip import AGAIN, Entry, Zip

__all__ = ["MIB", "Archive", "FolderArchive", "Limits", "ZipArchive", "open_archive"]

MIB = 1 << 20
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Limits(Struct, frozen=True):
    """What an archive may ask of us. Sizes in bytes, unpacked.

    `total`: all members. `member`: one that is read whole (uploads are streamed). `count`: members. `ratio`: how often
    its packed size a member above 1 MiB may have (JSON of exports packs 4 to 10 times). `depth`: folders.
    """

    total: int = 1 << 42
    member: int = 512 * MIB
    count: int = 1_000_000
    ratio: int = 200
    depth: int = 16


class Archive(ABC):
    """An opened export. `names()` are '/'-separated, relative to the export's root, in a stable order."""

    path: Path
    limits: Limits
    refused: list[Quarantined]

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits, self.refused = path, limits, []
        self._names: tuple[str, ...] = ()  # sorted
        self._places = array("L")  # numbers of their entries: a large export has a hundred thousand
        self._sizes = array("Q")  # of the entries, unpacked
        self._next = 0  # the name after the one last asked for

    def names(self) -> Sequence[str]:
        return self._names

    def __contains__(self, name: str) -> bool:
        place = bisect_left(self._names, name)
        return place < len(self._names) and self._names[place] == name

    def _place(self, name: str) -> int:
        """The number of an entry. Members are read in order, mostly: the next name is the likeliest."""
        names, place = self._names, self._next
        if place >= len(names) or names[place] != name:
            place = bisect_left(names, name)
            if place == len(names) or names[place] != name:
                raise KeyError(name)
        self._next = place + 1
        return self._places[place]

    def read(self, name: str, most: int = sys.maxsize) -> bytes:
        """A whole member of at most so many bytes. Damaged where it cannot be read; KeyError where there is none."""
        place = self._place(name)
        if self._sizes[place] > (most := min(most, self.limits.member)):
            raise Damaged(f"it is larger than {most // MIB:,} MiB")
        return self._read(place)

    def size(self, name: str) -> int:
        """Bytes, as the archive tells. KeyError where there is no such member."""
        return self._sizes[self._place(name)]

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """A member as a stream; Damaged comes at once or while it is read. KeyError where there is none."""

    @abstractmethod
    def _read(self, place: int) -> bytes: ...

    @abstractmethod
    def _sum(self, place: int) -> int:
        """CRC-32 of a member's content."""

    @abstractmethod
    def close(self) -> None: ...

    @property
    def fingerprint(self) -> str:
        """Equal for equal content: names and sizes of all members, checksums of the JSON. A zip and its unpacked folder
        have the same one."""
        if not self._fingerprint:
            digest = hashlib.blake2b(digest_size=16)
            for name, place in zip(self._names, self._places, strict=True):
                sum_ = self._sum(place) if name.endswith(".json") else 0
                digest.update(f"{name}\0{self._sizes[place]}\0{sum_:08x}\n".encode())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    _fingerprint = ""

    def _settle(self, found: dict[str, int], backslashes: bool) -> None:
        """Names as they come from a zip or a folder -> the safe ones, relative to the export's root.

        In place: there may be hundreds of thousands, and few that need a change.
        """
        for raw in self._to_be_cleaned(found, backslashes):
            place, name = found.pop(raw), self._cleaned(raw, backslashes)
            if problem := unsafe(raw.replace("\\", "/") if backslashes else raw, self.limits.depth):
                self._refuse(raw, problem)
            elif name:
                if name in found:
                    self._refuse(raw, "another member has the same name; the last one is read")
                found[name] = max(place, found.get(name, place))
        self.refused.sort(key=lambda item: item.at.member)
        if root := enclosing(found):
            found = {name.removeprefix(root): found[name] for name in sorted(found)}
        self._names = tuple(sorted(found))
        self._places = array("L", map(found.__getitem__, self._names))

    def _to_be_cleaned(self, found: Iterable[str], backslashes: bool) -> list[str]:
        """The names that need it. Day files are as good as their folder."""
        sound: set[str] = set()  # folders
        out = []
        for raw in found:
            folder, _, base = raw.rpartition("/")
            day = is_day(base)
            if day and folder in sound:
                continue
            if self._cleaned(raw, backslashes) != raw:
                out.append(raw)
            elif day:
                sound.add(folder)
        return out

    def _cleaned(self, raw: str, backslashes: bool) -> str:
        """The name to use; "" for what is unsafe or junk."""
        name = raw.replace("\\", "/") if backslashes else raw
        if unsafe(name, self.limits.depth):
            return ""
        parts = name.split("/")
        if "" in parts or "." in parts:
            name = "/".join(part for part in parts if part not in ("", "."))
        return "" if is_junk(name) else name

    def _refuse(self, name: str, reason: str) -> None:
        self.refused.append(Quarantined(Loc(_printable(name)), reason))

    def _hold(self, total: int, count: int) -> None:
        if count > self.limits.count:
            raise ExportError(f"{self.path} holds more than {self.limits.count:,} members", hint=AGAIN)
        if total > self.limits.total:
            raise ExportError(f"{self.path} unpacks to more than {self.limits.total >> 30:,} GiB", hint=AGAIN)


def open_archive(path: Path, limits: Limits = Limits()) -> Archive:
    """A zip file or a folder. ExportError where it cannot be read at all."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ExportError(f"cannot open {path}: {error.strerror}", hint="check the path and its rights") from None
    except ValueError:
        raise ExportError("this is not a path: it holds a NUL", hint="check the path") from None
    if stat.S_ISDIR(mode):
        return FolderArchive(path, limits)
    if not stat.S_ISREG(mode):
        raise ExportError(f"{path} is neither a zip file nor a folder", hint="give the export as Slack made it")
    return ZipArchive(path, limits)


class ZipArchive(Archive):
    """Entries are kept in arrays, 30 bytes each."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._zip = Zip(path, limits.count)
        self._offset, self._packed = array("Q"), array("Q")
        self._crc, self._method = array("I"), array("B")
        try:
            self._load()
        except BaseException:
            self._zip.close()
            raise

    def _load(self) -> None:
        found: dict[str, int] = {}
        doubles: list[tuple[str, int]] = []
        total = count = 0
        slashes = False
        encrypted = 0
        for entry in self._zip.entries():
            count += 1
            self._hold(total, count)
            if entry.folder:
                continue
            slashes = slashes or "/" in entry.name
            if problem := entry.problem or self._excess(entry):
                encrypted += problem == "it is encrypted"
                self._refuse(entry.name, problem)
                continue
            total += entry.size
            place = len(self._offset)
            self._offset.append(entry.offset)
            self._packed.append(entry.packed)
            self._sizes.append(entry.size)
            self._crc.append(entry.crc)
            self._method.append(entry.method)
            if entry.name in found:
                doubles.append((entry.name, found[entry.name]))
            found[entry.name] = place
        self._hold(total, count)
        overlapping = self._overlaps()
        for name, place in doubles:
            if place not in overlapping:
                self._refuse(name, "another member has the same name; the last one is read")
        for name in [name for name, place in found.items() if place in overlapping]:
            self._refuse(name, "it shares its bytes with another member")
            del found[name]
        if not found and encrypted:
            raise ExportError(
                f"{self.path} is encrypted", hint="unpack it with its password and give the folder instead"
            )
        self._settle(found, backslashes=not slashes)

    def _excess(self, entry: Entry) -> str:
        if entry.size > MIB and entry.size > self.limits.ratio * entry.packed:
            return f"it would unpack to more than {self.limits.ratio} times its size"
        if entry.method == 0 and entry.size != entry.packed:
            return "its sizes contradict each other"
        return ""

    def _overlaps(self) -> set[int]:
        """Numbers of entries whose bytes lie, in part, within another's."""
        order: Sequence[int] = range(len(self._offset))
        if any(self._offset[i] > self._offset[i + 1] for i in order[:-1]):
            order = sorted(order, key=self._offset.__getitem__)
        bad: set[int] = set()
        end, last = 0, -1
        for i in order:
            if last >= 0 and self._offset[i] < end:
                bad |= {i, last}
            reach = self._offset[i] + 30 + self._packed[i]
            if reach > end:
                end, last = reach, i
        return bad

    def open(self, name: str) -> BinaryIO:
        return self._zip.open(*self._entry(self._place(name)))

    def _read(self, place: int) -> bytes:
        return self._zip.read(*self._entry(place))

    def _entry(self, place: int) -> tuple[int, int, int, int, int]:
        return self._offset[place], self._packed[place], self._sizes[place], self._crc[place], self._method[place]

    def _sum(self, place: int) -> int:
        return self._crc[place]

    def close(self) -> None:
        self._zip.close()


class FolderArchive(Archive):
    """A folder on the disk. Links are not followed, so that nothing outside of it can be read."""

    def __init__(self, path: Path, limits: Limits) -> None:
        super().__init__(path, limits)
        self._paths: list[bytes] = []  # relative, as the disk spells them
        found: dict[str, int] = {}
        for raw, size in self._walk(os.fsencode(path), b"", 0):
            found[_text(raw)] = len(self._paths)
            self._paths.append(raw)
            self._sizes.append(size)
            self._hold(size, len(self._paths))
        self._hold(sum(self._sizes), len(self._paths))
        self._settle(found, backslashes=False)

    def _walk(self, top: bytes, below: bytes, depth: int) -> Iterator[tuple[bytes, int]]:
        try:
            entries = sorted(os.scandir(os.path.join(top, below)), key=lambda e: e.name)  # noqa: PTH118 - bytes
        except OSError as error:
            if not below:
                raise ExportError(f"cannot read {self.path}: {error.strerror}", hint="check its rights") from None
            self._refuse(_text(below), f"its folder cannot be read: {error.strerror}")
            return
        for entry in entries:
            name = below + b"/" + entry.name if below else entry.name
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
                size = entry.stat(follow_symlinks=False).st_size
            except OSError as error:
                self._refuse(_text(name), f"it cannot be read: {error.strerror}")
                continue
            if stat.S_ISDIR(mode):
                if depth + 1 >= self.limits.depth:
                    self._refuse(_text(name), f"it lies more than {self.limits.depth} folders deep")
                elif not is_junk(_text(entry.name)):
                    yield from self._walk(top, name, depth + 1)
            elif stat.S_ISREG(mode):
                yield name, size
            else:
                self._refuse(_text(name), "it is a symbolic link" if stat.S_ISLNK(mode) else "it is not a regular file")

    def open(self, name: str) -> BinaryIO:
        return self._open(self._place(name))

    def on_disk(self, name: str) -> Path:
        """Where a member lies, for what reads files only (SQLite)."""
        return Path(os.fsdecode(self._where(self._place(name))))

    def _where(self, place: int) -> bytes:
        return os.path.join(os.fsencode(self.path), self._paths[place])  # noqa: PTH118 - bytes

    def _open(self, place: int) -> BinaryIO:
        try:
            return os.fdopen(os.open(self._where(place), _READ), "rb")
        except OSError as error:
            raise Damaged(f"it cannot be read: {error.strerror}") from None

    def _read(self, place: int) -> bytes:
        with self._open(place) as stream:
            content = stream.read(self.limits.member + 1)
        if len(content) > self.limits.member:
            raise Damaged("it grew while it was read")
        return content

    def _sum(self, place: int) -> int:
        sum_ = 0
        try:
            with self._open(place) as stream:
                while piece := stream.read(MIB):
                    sum_ = zlib.crc32(piece, sum_)
        except Damaged:
            return 0
        return sum_

    def close(self) -> None:
        """Nothing is held open."""


def _text(name: bytes) -> str:
    """A name of the disk. Linux allows any bytes; unpackers write old code pages there."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp437")


def _printable(name: str) -> str:
    """A hostile name for a report: no control characters, not longer than a line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name[:200])
