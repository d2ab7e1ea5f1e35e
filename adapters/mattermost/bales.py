"""Lines on their way into zips: packed where they are made, joined where a zip is written.

Deflated data that end with a full flush may be joined as they are (RFC 1951, 3.2.3), and their checksums by
arithmetic; so every process packs what it converts, and nobody touches the text again.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import TracebackType

from msgspec import Struct

from migrator.adapters.bulk import WorkFile
from migrator.adapters.mattermost.posts import Line, attachment_path
from migrator.deflate import crc32, deflated
from migrator.model import File, Local

__all__ = ["Bale", "Store", "joined", "size_of", "write_joined"]

BALE = 1 << 18  # bytes of lines in one
_END = b"\x03\x00"  # an empty last block
_POLYNOMIAL = 0xEDB88320


class Bale(Struct, frozen=True):
    """Some lines of one conversation and round, packed: where they lie, what they hold.

    `packed` and `size` are bytes deflated and not, `crc` is that of the lines; `files` by their path in the zip.
    """

    path: str
    offset: int
    packed: int
    size: int
    crc: int
    lines: int
    posts: int
    files: dict[str, File]
    round: int = 0


class Store(WorkFile):
    """Bales, one after the other, in whichever process."""

    def __init__(self, folder: Path, most: int) -> None:
        """`most`: bytes of a zip."""
        super().__init__(folder, "bales")
        self.most = most

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def put(self, data: bytes) -> tuple[str, int, int]:
        """Where bytes are kept: path, offset, length."""
        path, offset = self.begin()
        self.keep(data)
        return path, offset, len(data)

    def bale(self, lines: Iterable[Line]) -> list[Bale]:
        """All lines of a conversation, by their rounds, in order."""
        open_: dict[int, _Baling] = {}
        out: list[Bale] = []
        for line in lines:
            baling = open_.get(line.round)
            if baling is None:
                baling = open_[line.round] = _Baling(line.round, self.most)
            elif baling.size >= BALE or (line.files and baling.is_full(line)):
                out.append(baling.close(self.put))
                baling = open_[line.round] = _Baling(line.round, self.most)
            baling.parts.append(line.data)
            baling.size += len(line.data)
            baling.posts += len(line.posts)
            if line.files:
                baling.add_files(line.files)
        return [*out, *(baling.close(self.put) for baling in open_.values())]


class _Baling:
    """A bale in the making."""

    def __init__(self, number: int, most: int) -> None:
        self.number, self.most = number, most
        self.parts: list[bytes] = []
        self.size = self.posts = self.weight = 0
        self.files: dict[str, File] = {}

    def is_full(self, line: Line) -> bool:
        """Whether the files of one more line had better go with the next bale."""
        return self.weight + sum(map(size_of, line.files)) > self.most // 8

    def add_files(self, files: tuple[File, ...]) -> None:
        for file in files:
            self.weight += size_of(file)
            self.files[attachment_path(file)] = file

    def close(self, put: Callable[[bytes], tuple[str, int, int]]) -> Bale:
        text = b"".join(self.parts)
        packed = deflated(text)
        place = put(packed)
        return Bale(*place, len(text), crc32(text), len(self.parts), self.posts, self.files, self.number)


def size_of(file: File) -> int:
    return file.data.size if isinstance(file.data, Local) else 0


def write_joined(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, head: bytes, bales: Iterable[Bale], store: Store
) -> None:
    """A deflated member: a head, and after it the lines of all bales."""
    crc, size = crc32(head), len(head)
    entry.compress_type = zipfile.ZIP_STORED
    with archive.open(entry, "w", force_zip64=True) as out:
        out.write(deflated(head))
        for bale in bales:
            out.write(store.read(bale.path, bale.offset, bale.packed))
            crc, size = joined(crc, bale.crc, bale.size), size + bale.size
        out.write(_END)
    # what is stored now is said to be deflated: the directory is written later, the member's own header again
    entry.compress_type, entry.CRC, entry.file_size = zipfile.ZIP_DEFLATED, crc, size
    assert archive.fp is not None  # noqa: S101 - it is open
    archive.fp.seek(entry.header_offset)
    archive.fp.write(entry.FileHeader(zip64=True))
    archive.fp.seek(archive.start_dir)


# ── checksums ───────────────────────────────────────────────────────────────────────────────────────────────────────


def joined(first: int, second: int, length: int) -> int:
    """CRC-32 of two texts one after the other; `length` is the second's. As zlib's crc32_combine."""
    power = 0
    while length:
        if length & 1:
            first = _times(_zeros(power), first)
        length >>= 1
        power += 1
    return first ^ second


def _times(matrix: tuple[int, ...], vector: int) -> int:
    """A matrix over GF(2), given by its columns, times a vector."""
    out = 0
    for column in matrix:
        if vector & 1:
            out ^= column
        vector >>= 1
        if not vector:
            break
    return out


@cache
def _zeros(power: int) -> tuple[int, ...]:
    """What 2**power bytes of zero do to a checksum."""
    if power == -3:  # one bit
        return (_POLYNOMIAL, *(1 << n for n in range(31)))
    return _squared(_zeros(power - 1))


def _squared(matrix: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(_times(matrix, column) for column in matrix)
