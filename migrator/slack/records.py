"""A JSON file -> its records, one by one: fast where it is well formed, record by record where it is not.

The unit of damage is one record. A whole file is split in one pass; only when that fails is it read again, slowly, and
what cannot be read is handed out as `Damaged` in its place. slack-format.md 4 and 23.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from json.decoder import JSONDecodeError
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from migrator.model import Loc
from migrator.slack.damage import Damaged

__all__ = ["SPACE", "Piece", "Record", "broken", "list_start", "placed", "scan", "split", "text_of"]

Piece: TypeAlias = Raw | Damaged
Record: TypeAlias = tuple[Loc, Piece]

_split_list = msgspec.json.Decoder(list[Raw]).decode
_split_object = msgspec.json.Decoder(dict[str, Raw]).decode
scan = json.JSONDecoder().raw_decode
_PART = 1 << 20  # bytes
SPACE = re.compile(r"[\s,]*")
_BETWEEN = re.compile(r"\}[\s,]*(?=\{)")  # where another record may begin after a broken one
_KEY = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*')


def split(content: bytes, keys: tuple[str, ...] = ("messages",)) -> Iterator[Piece]:
    """The elements of a list, or of the list that stands under one of `keys` in an object (an API response as it came).

    An object without such a key is its own only record. A file that holds nothing usable gives one Damaged.
    """
    try:
        yield from _split_list(content)
        return
    except (msgspec.DecodeError, RecursionError):
        pass
    if not content or content.isspace():
        yield Damaged("it is empty")
        return
    if _is_utf8(content) and (pieces := _well_formed(content, keys)):
        yield from pieces  # without a copy of it: a dump may have hundreds of MiB
        return
    text = text_of(content)
    clean = text.encode("utf-8", "replace")
    try:
        yield from _split_list(clean)
    except (msgspec.DecodeError, RecursionError):
        yield from _well_formed(clean, keys) or _salvage(text, keys)


def placed(member: str, pieces: Iterator[Piece]) -> Iterator[Record]:
    """Pieces with their places. What is said of a file that gave nothing else is said of the file as a whole."""
    first = next(pieces, None)
    if first is None:
        return
    second = next(pieces, None)
    if second is None:
        yield Loc(member, -1 if isinstance(first, Damaged) else 0), first
        return
    yield Loc(member, 0), first
    yield Loc(member, 1), second
    for index, piece in enumerate(pieces, 2):
        yield Loc(member, index), piece


def _is_utf8(content: bytes) -> bool:
    """Whether it is, all through; a part at a time, so that no copy is held."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        for at in range(0, len(content), _PART):
            decode(content[at : at + _PART])
        decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _well_formed(content: bytes, keys: tuple[str, ...]) -> list[Piece] | None:
    """A sound file that is no list; None where it is not sound."""
    if content.lstrip().startswith(b"["):
        return None
    try:
        fields = _split_object(content)
    except msgspec.ValidationError:
        return [Damaged(f"a list of records was expected, not {_kind(content)}")]
    except (msgspec.DecodeError, RecursionError):
        return None
    for key in keys:
        if key in fields:
            try:
                return list(_split_list(fields[key]))
            except msgspec.ValidationError:
                return [Damaged(f'a list was expected under "{key}", not {_kind(bytes(fields[key]))}')]
    return [Raw(content)]


def _kind(content: bytes) -> str:
    first = content.strip()[:1]
    names = {b"{": "an object", b"[": "a list", b'"': "a text", b"n": "null", b"t": "true", b"f": "false"}
    return names.get(first, "a number")


def text_of(content: bytes) -> str:
    """Bytes of a JSON file as text: any UTF, with or without a byte order mark; what is no UTF-8 becomes U+FFFD."""
    try:
        encoding = json.detect_encoding(content)
        return content.decode(encoding, "replace").removeprefix("\ufeff")
    except UnicodeError:
        return content.decode("utf-8", "replace")


# ── salvage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _salvage(text: str, keys: tuple[str, ...]) -> Iterator[Piece]:
    """The records of a file that is no sound JSON as a whole."""
    start = list_start(text, keys)
    at = max(start, 0)  # without a list: one record after the other, as line-wise JSON has them
    while True:
        at = SPACE.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            if start >= 0:
                yield Damaged("the file is cut off")
            return
        if start >= 0 and text[at] == "]":
            break
        try:
            _, end = scan(text, at)
        except (JSONDecodeError, RecursionError) as error:
            piece, end = broken(text, at, error)
            yield piece
            if end < 0:
                return
        else:
            yield Raw(text[at:end].encode("utf-8", "replace"))
        at = end
    if text[at + 1 :].strip() and not text[: start - 1].strip():
        yield Damaged("something follows the end of the list")


def list_start(text: str, keys: tuple[str, ...]) -> int:
    """Behind the bracket that opens the records; -1 where there is none."""
    first = SPACE.match(text).end()  # type: ignore[union-attr]
    if text.startswith("[", first):
        return first + 1
    for key in keys:
        if found := re.search(rf'"{re.escape(key)}"\s*:\s*\[', text):
            return found.end()
    return -1


def broken(text: str, at: int, error: Exception) -> tuple[Damaged, int]:
    """What is wrong with the record that begins here, and where the next one begins (-1: nowhere)."""
    reached = error.pos if isinstance(error, JSONDecodeError) else at
    for boundary in _BETWEEN.finditer(text, max(at, reached - 1)):
        if _is_record(text, boundary.end()):
            return Damaged(_why(error)), boundary.end()
    cut = isinstance(error, JSONDecodeError) and text.rstrip()[-1:] not in ("]", "}", ">")
    return Damaged("the file is cut off within this record" if cut else _why(error)), -1


def _is_record(text: str, at: int) -> bool:
    """Whether a record begins here, a message or one of an index, and not an object within one."""
    try:
        value: Any = scan(text, at)[0]
    except (JSONDecodeError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    is_message = value.get("type") == "message" and isinstance(value.get("ts"), str)
    return is_message or (isinstance(value.get("id"), str) and bool({"members", "profile"} & value.keys()))


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    place = f" at character {error.pos:,}" if isinstance(error, JSONDecodeError) else ""
    return f"invalid JSON{place}"
