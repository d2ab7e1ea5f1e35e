"""A JSON file too large to be read whole -> its records, one at a time. slack-format.md 4.

Slack cuts conversations into days; only a dump holds one in a single file, which then may have any size. As much of it
is in memory as one record needs, or as is searched for the next sound record behind a broken one.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from json.decoder import JSONDecodeError
from typing import BinaryIO

from msgspec import Raw

from migrator.slack.damage import Damaged
from migrator.slack.records import SPACE, Piece, broken, list_start, scan

__all__ = ["streamed"]

_READ = 1 << 20
_LONGEST = 1 << 26  # characters of a record, or of what is searched behind a broken one


def streamed(source: BinaryIO, keys: tuple[str, ...]) -> Iterator[Piece]:
    """The elements of a list, or of the list under one of `keys`, as `records.split` gives them."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    size = _READ
    try:
        text = decode(source.read(size))
        at = list_start(text, keys)
        if at < 0:
            yield Damaged("it is too large to be read whole, and no list of records begins in it")
            return
        whole = False  # whether `text` reaches to the end of the file
        while True:
            at = SPACE.match(text, at).end()  # type: ignore[union-attr]
            if text.startswith("]", at):
                return
            try:
                _, end = scan(text, at)
            except (JSONDecodeError, RecursionError) as error:
                if whole or len(text) - at > _LONGEST or isinstance(error, RecursionError):
                    piece, at = broken(text, at, error) if at < len(text) else (Damaged("the file is cut off"), -1)
                    yield Damaged(piece.reason.partition(" at character")[0])  # of the part in memory
                    if at < 0:
                        return
                    continue
            else:
                if end < len(text) or whole:
                    yield Raw(text[at:end].encode("utf-8", "replace"))
                    at, size = end, _READ
                    continue
            read = source.read(size)
            text, at, whole = text[at:] + decode(read, not read), 0, not read
            size *= 2  # so that a long record is tried again only a few times
    except Damaged as damaged:
        yield damaged
