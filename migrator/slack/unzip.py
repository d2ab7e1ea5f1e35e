"""Zip files, read without trust. APPNOTE.TXT 6.3.10; slack-format.md 4.

Not `zipfile`, for three reasons: one undecodable name costs it the whole archive; it does not see members that overlap
(Python 3.11.7); and it keeps 600 bytes per member where an export has hundreds of thousands. This reads stored and
deflated members, nothing else, by position, so that many streams may be open at once.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from struct import Struct as Packed
from struct import error as struct_error

from msgspec import Struct

from migrator.deflate import BROKEN, crc32, inflater
from migrator.errors import ExportError
from migrator.slack.damage import Damaged

__all__ = ["Entry", "Zip"]

_END = Packed("<4s4H2LH")  # end of central directory
_END64_LOCATOR = Packed("<4sLQL")
_END64 = Packed("<4sQ2H2L4Q")
_CENTRAL = Packed("<4s6H3L5H2L")
_LOCAL = Packed("<4s22x2H")  # of a local header: its mark, the lengths of name and extra field
_USUAL_HEADER = 256  # bytes, the name included
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1
_WIDE = 0xFFFFFFFF  # stands for a number that has its place in the zip64 field
_UNICODE_PATH = 0x7075
_CHUNK = 1 << 18
_AHEAD = 1 << 16  # bytes read at once where small members follow each other
AGAIN = "download the export again, or unpack it with another program and give the folder instead"


class Entry(Struct, frozen=True, gc=False):
    """One member as the central directory describes it. `problem` is "" or why it must not be read."""

    name: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    folder: bool
    problem: str


class Zip:
    """An open zip file. ExportError where there is no directory to read, or where it is unreasonably large."""

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self._ahead = 0, b""  # what was read last: its offset and bytes
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise ExportError(f"cannot open {path}: {error.strerror}", hint="check the path and its rights") from None
        try:
            self._length = os.fstat(self._file.fileno()).st_size
            self._directory, self.count = self._find_directory(most)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def _pread(self, length: int, offset: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)

    # ── the directory ───────────────────────────────────────────────────────────────────────────────────────────────

    def _find_directory(self, most: int) -> tuple[bytes, int]:
        """The bytes of the central directory and the number of members it claims."""
        if self._length == 0:
            raise ExportError(f"{self.path} is empty (0 bytes)", hint=AGAIN)
        start = max(0, self._length - _END.size - 0xFFFF)
        tail = self._pread(self._length - start, start)
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < _END.size:
            head = self._pread(4, 0)
            what = "is incomplete: its end is missing" if head[:2] == b"PK" else "is not a zip file"
            raise ExportError(f"{self.path} {what}", hint=AGAIN)
        _, disk, _, _, count, size, offset, _ = _END.unpack_from(tail, at)
        end = start + at
        if locator_at := max(0, end - _END64_LOCATOR.size):
            signature, _, where, _ = _END64_LOCATOR.unpack(self._pread(_END64_LOCATOR.size, locator_at))
            if signature == b"PK\6\7":
                disk, count, size, offset, end = self._zip64(where, locator_at)
        if disk:
            raise ExportError(
                f"{self.path} is one part of a split zip", hint="join the parts: zip -s 0 in.zip --out out.zip"
            )
        if count > most or size > most * 512:
            raise ExportError(f"{self.path} claims {count:,} members; at most {most:,} are read", hint=AGAIN)
        begin = end - size
        self._shift = begin - offset  # bytes that stand before the zip, as in a self-extracting one
        if begin < 0 or self._shift < 0:
            raise ExportError(f"{self.path} is incomplete: its directory is cut off", hint=AGAIN)
        return self._pread(size, begin), count

    def _zip64(self, where: int, locator_at: int) -> tuple[int, int, int, int, int]:
        for position in (where, locator_at - _END64.size):
            if 0 <= position <= locator_at - _END64.size:
                record = _END64.unpack(self._pread(_END64.size, position))
                if record[0] == b"PK\6\6":
                    return record[4], record[7], record[8], record[9], position
        raise ExportError(f"{self.path} is damaged: its directory cannot be found", hint=AGAIN)

    def entries(self) -> Iterator[Entry]:
        """All members in the directory's order, once. ExportError where the directory breaks off."""
        data, at, shift, length = self._directory, 0, self._shift, self._length
        self._directory = b""
        while at < len(data):
            try:
                fields = _CENTRAL.unpack_from(data, at)
            except struct_error:
                fields = (b"",)
            if fields[0] != b"PK\1\2":
                raise ExportError(f"{self.path} is damaged: its directory breaks off", hint=AGAIN)
            _, made_by, _, flags, method, _, _, crc, packed, size, n, m, k, _, _, attributes, offset = fields
            at += 46
            raw, extra = data[at : at + n], data[at + n : at + n + m]
            at += n + m + k
            problem = ""
            if _WIDE in (size, packed, offset):
                size, packed, offset, problem = _wide(extra, size, packed, offset)
            offset += shift
            name = _decode(raw, extra)
            folder = name.endswith("/") or (made_by >> 8 == 0 and name.endswith("\\"))
            problem = problem or _problem(flags, method, attributes >> 16)
            if not problem and offset + packed > length:
                problem = "it lies beyond the end of the zip"
            yield Entry(name, offset, packed, size, crc, method, folder, problem)

    # ── members ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, offset: int, packed: int, size: int, crc: int, method: int) -> bytes:
        """A whole member. Damaged where it is not what the directory says."""
        raw = self._packed(offset, packed)
        if method == _STORED:
            content = bytes(raw)
        else:
            inflate = inflater()
            try:
                content = inflate.decompress(raw, size + 1)
            except BROKEN:
                raise Damaged("its compressed data are broken") from None
            if len(content) == size and not inflate.eof:
                content += inflate.decompress(inflate.unconsumed_tail, 1)
        _check(len(content), size, crc32(content), crc)
        return content

    def open(self, offset: int, packed: int, size: int, crc: int, method: int) -> io.BufferedReader:
        """A member as a stream; Damaged comes while it is read."""
        return io.BufferedReader(_Stream(self, self._data_at(offset), packed, size, crc, method), _CHUNK)

    def _packed(self, offset: int, packed: int) -> memoryview | bytes:
        """The packed bytes of a member: header and all in one read, where its name is not unusually long."""
        read, at = self._near(offset, _USUAL_HEADER + packed)
        header = _header(read, at)
        start = at + header
        end = start + packed
        return memoryview(read)[start:end] if end <= len(read) else self._pread(packed, offset + header)

    def _near(self, offset: int, length: int) -> tuple[bytes, int]:
        """What holds these bytes, and where they begin in it. Day files follow each other: many come with one read."""
        begin, read = self._ahead
        end = begin + len(read)
        if begin <= offset and offset + length <= end:
            return read, offset - begin
        size = max(length, _AHEAD) if abs(offset - end) <= _AHEAD else length
        read = self._pread(size, offset)
        self._ahead = (offset, read) if size <= _AHEAD else (offset + size, b"")
        return read, 0

    def _data_at(self, offset: int) -> int:
        return offset + _header(self._pread(_LOCAL.size, offset))


def _header(read: bytes, at: int = 0) -> int:
    """Bytes of the local header that begins here."""
    if len(read) < at + _LOCAL.size:
        raise Damaged("it is not where the directory says")
    signature, name, extra = _LOCAL.unpack_from(read, at)
    if signature != b"PK\3\4":
        raise Damaged("it is not where the directory says")
    return _LOCAL.size + int(name) + int(extra)


def _check(length: int, size: int, found: int, crc: int) -> None:
    if length > size:
        raise Damaged("it is longer than the directory says")
    if length < size:
        raise Damaged("it is cut off")
    if found != crc:
        raise Damaged("its checksum is wrong")


class _Stream(io.RawIOBase):
    """Inflates while it is read, never more than the directory says."""

    def __init__(self, archive: Zip, at: int, packed: int, size: int, crc: int, method: int) -> None:
        self._zip, self._at, self._end, self._size, self._crc = archive, at, at + packed, size, crc
        self._inflate = None if method == _STORED else inflater()
        self._done, self._sum = 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._next(min(len(buffer), self._size - self._done + 1))
        self._done += len(piece)
        self._sum = crc32(piece, self._sum)
        if not piece or self._done > self._size:
            _check(self._done, self._size, self._sum, self._crc)
        buffer[: len(piece)] = piece
        return len(piece)

    def _next(self, most: int) -> bytes:
        if self._inflate is None:
            return self._raw(most)
        try:
            while not self._inflate.eof:
                raw = self._inflate.unconsumed_tail or self._raw(_CHUNK)
                piece = self._inflate.decompress(raw, most)
                if piece or not raw:
                    return piece
        except BROKEN:
            raise Damaged("its compressed data are broken") from None
        return b""

    def _raw(self, most: int) -> bytes:
        piece = self._zip._pread(min(most, self._end - self._at), self._at)
        self._at += len(piece)
        return piece


# ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(256)  # nearly all members of a zip are alike
def _problem(flags: int, method: int, mode: int) -> str:
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is not a regular file"
    if flags & _ENCRYPTED:
        return "it is encrypted"
    if method not in (_STORED, _DEFLATED):
        return f"it is compressed by a method that exports do not use ({method})"
    return ""


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _wide(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int, str]:
    """Sizes and offset with their zip64 values, and what is wrong with them."""
    values = [size, packed, offset]
    wide = next((content for kind, content in _fields(extra) if kind == 1), b"")
    for i, value in enumerate(values):
        if value == _WIDE:
            if len(wide) < 8:
                return size, packed, offset, "its size is not told"
            values[i], wide = int.from_bytes(wide[:8], "little"), wide[8:]
    return values[0], values[1], values[2], ""


def _decode(raw: bytes, extra: bytes) -> str:
    """A name. Slack writes UTF-8 without the flag that says so; old Windows tools write a code page."""
    for kind, content in _fields(extra) if extra else ():
        if kind == _UNICODE_PATH and content[1:5] == crc32(raw).to_bytes(4, "little"):
            raw = content[5:]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")
