"""The parts of a line of Markdown before they are written, and white space as its renderers see it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from migrator.model import Block, Break, Emoji, Paragraph, Text
from migrator.plain import clean

__all__ = [
    "Piece",
    "add_words",
    "dedented",
    "fence",
    "joined",
    "margin",
    "one_kind_of_line_end",
    "simple",
    "spaces",
    "ticks",
]

_TICKS = re.compile("`+")
_LINE_ENDS = re.compile("[\n\r\v\f\x85\u2028\u2029]")


class Piece(Struct, gc=False):
    """A part of a line: `words` still to be escaped, or `source` as it is to stand."""

    marks: int
    words: str = ""
    source: str = ""


def add_words(row: list[Piece], text: str, marks: int) -> None:
    """Append words of one line."""
    if not text.isprintable():
        text = _LINE_ENDS.sub(" ", clean(text))
    if text:
        row.append(Piece(marks, text))


def joined(row: list[Piece]) -> list[Piece]:
    """Neighbours with equal marks as one piece."""
    before = None
    for piece in row:
        if before is not None and before.marks == piece.marks and not before.source and not piece.source:
            return _joined(row)
        before = piece
    return row


def _joined(row: list[Piece]) -> list[Piece]:
    out: list[Piece] = []
    words: list[str] = []
    for index, piece in enumerate(row):
        words.append(piece.words)
        following = row[index + 1] if index + 1 < len(row) else None
        if following and following.marks == piece.marks and not following.source and not piece.source:
            continue
        out.append(piece if len(words) == 1 else Piece(piece.marks, "".join(words)))
        words.clear()
    return out


def ticks(text: str) -> int:
    """How many backticks stand in a row, at most."""
    return max(map(len, _TICKS.findall(text))) if "`" in text else 0


def fence(text: str) -> str:
    """Backticks that no line of the text can close."""
    return "`" * max(3, ticks(text) + 1)


def dedented(lines: list[str]) -> str:
    """A list that was interrupted begins again at the margin."""
    width = margin(lines[0])
    return "\n".join([line[min(width, margin(line)) :] for line in lines] if width else lines)


def margin(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def spaces(space: str) -> str:
    """White space that every renderer takes for such."""
    return space if space.isprintable() else " " * len(space)


def one_kind_of_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def simple(blocks: Sequence[Block]) -> str:
    """The text of a single paragraph without anything but words and emoji, as most messages are; "" for all others."""
    if len(blocks) != 1 or type(block := blocks[0]) is not Paragraph:
        return ""
    inlines = block.inlines
    if len(inlines) == 1:
        leaf = inlines[0]
        return leaf.text if type(leaf) is Text and not leaf.marks and leaf.text.isprintable() else ""
    out: list[str] = []
    for leaf in inlines:
        if isinstance(leaf, Text):
            words = leaf.text
        elif isinstance(leaf, Emoji):
            words = leaf.char
        elif isinstance(leaf, Break):
            out.append("\n")
            continue
        else:
            return ""
        if leaf.marks or not words or "\n" in words:
            return ""
        out.append(words)
    text = "".join(out).strip("\n")
    return text if text.replace("\n", "").isprintable() else ""
