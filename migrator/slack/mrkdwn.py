"""Slack's mrkdwn -> the tree: one pass over the text, linear in time, total. slack-format.md 16.

Fences first, then lines: quotes, the lists that Slack's own flattening writes, paragraphs. Inlines: `inline.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.model import Block, Code, Paragraph, Quote, Text
from migrator.slack.context import Context
from migrator.slack.inline import decode, inlines, unwrap
from migrator.slack.lists import MAX_DEPTH, Row, nest

__all__ = ["decode", "inlines", "parse", "unwrap"]

FENCE = "```"
_MARKED = re.compile(r"[<>&*_~`:\n\r\u2022\u25e6\u25aa]")  # a text without any of these is one run of words
_QUOTED = re.compile(r"(?:&gt;|>)(?:((?:&gt;|>){2}) ?| ?)")
_FIRST_ITEM = re.compile(r"^ *(?:[\u2022\u25e6\u25aa]|[0-9]{1,3}\. )", re.MULTILINE)
_ITEM = re.compile(r"( *)(?:[\u2022\u25e6\u25aa]\ufe0e?\s?|(?:([0-9]{1,3})|([a-z]{1,4}))\. )(.*)")
# One line that is neither quoted nor an item of a list: a paragraph.
_ONE_LINE = re.compile(r"(?!&gt;|>| *(?:[\u2022\u25e6\u25aa]|[0-9]{1,3}\. ))[^\n\r]+")
INDENT = 4  # spaces by which Slack's flattening indents a nested list


def parse(text: str, context: Context) -> tuple[Block, ...]:
    """A whole text. Never raises; what cannot be told stays as it is typed."""
    if _MARKED.search(text) is None:
        return (Paragraph((Text(text),)),) if text else ()
    if _ONE_LINE.fullmatch(text) is not None and FENCE not in text:
        return (Paragraph(inlines(text, context)),)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    reader = _Reader(context)
    position = 0
    for start, end, stop in _fences(text) if FENCE in text else ():
        reader.lines(text[position:start])
        reader.code(text[start + 3 : end])
        position = stop
    reader.lines(text[position:])
    return reader.close()


def _fences(text: str) -> Iterator[tuple[int, int, int]]:
    """Fenced code: where it opens, where its text ends, where it is over. Without an end or a text it is no fence."""
    position = 0
    while (start := text.find(FENCE, position)) >= 0:
        end = text.find(FENCE, start + 3)
        if end < 0:
            return
        stop = end + 3
        while text.startswith("`", stop):  # backticks before the closing fence belong to the code
            stop += 1
        end = stop - 3
        if text[start + 3 : end].strip("\n`"):
            yield start, end, stop
        position = stop


class _Reader:
    """Takes lines and codes in order, and puts them into quotes and paragraphs."""

    __slots__ = ("after_code", "context", "out", "plain", "quote", "to_end")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.out: list[Block] = []
        self.quote: list[Block] | None = None  # what stands in the quote that is open
        self.to_end = False  # ">>>" quotes all that follows
        self.plain: list[str] = []
        self.after_code = False  # the line on which a code ended goes on

    def lines(self, text: str) -> None:
        lines = text.split("\n")
        if self.after_code:
            if rest := lines[0].strip():
                self.plain.append(rest)
            del lines[0]
        for line in lines:
            quoted = None if self.to_end or line[:1] not in ("&", ">") else _QUOTED.match(line)
            if quoted is None:
                if self.quote is not None and not self.to_end:
                    self._leave()
                self.plain.append(line)
                continue
            if self.quote is None:
                self._flush()
                self.quote = []
            self.to_end = quoted[1] is not None
            self.plain.append(line[quoted.end() :])

    def code(self, text: str) -> None:
        self._flush()
        if self.quote is not None and "\n" in text:
            text = _without_marks(text)
        self._into().append(Code(unwrap(text.removeprefix("\n").removesuffix("\n"))))
        self.after_code = True

    def close(self) -> tuple[Block, ...]:
        self._leave()
        return tuple(self.out)

    def _into(self) -> list[Block]:
        return self.out if self.quote is None else self.quote

    def _flush(self) -> None:
        if self.plain:
            _paragraphs(self.plain, self.context, self._into())
            self.plain = []

    def _leave(self) -> None:
        self._flush()
        if self.quote:
            self.out.append(Quote(tuple(self.quote)))
        self.quote = None


def _without_marks(code: str) -> str:
    """The code of a quote whose every line is marked as quoted."""
    first, *rest = code.split("\n")
    marks = [_QUOTED.match(line) for line in rest]
    if not all(marks):
        return code
    return "\n".join([first, *[line[mark.end() :] for line, mark in zip(rest, marks, strict=True) if mark]])


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _paragraphs(lines: list[str], context: Context, out: list[Block]) -> None:
    text = "\n".join(lines)
    if _FIRST_ITEM.search(text) is None:
        if body := inlines(text, context):
            out.append(Paragraph(body))
        return
    waiting: list[str] = []
    rows: list[Row] = []
    for line, item in zip(lines, _items(lines), strict=True):
        if item is None:
            if rows:
                out.extend(nest(rows))
                rows = []
            waiting.append(line)
            continue
        if waiting:
            if body := inlines("\n".join(waiting), context):
                out.append(Paragraph(body))
            waiting = []
        depth, ordered, number, words = item
        rows.append(Row(depth, ordered, number, inlines(words, context)))
    out.extend(nest(rows))
    if waiting and (body := inlines("\n".join(waiting), context)):
        out.append(Paragraph(body))


def _items(lines: list[str]) -> list[tuple[int, bool, int, str] | None]:
    """For each line: depth, whether it is numbered, its number, its words; None where it is no item.

    Bullets always are. A number is one only where the next or the one before it counts on: "2016. What a year" stays
    text. Letters number the items of a nested list.
    """
    found: list[tuple[int, bool, int, str] | None] = []
    last: dict[int, int] = {}  # depth -> index of the numbered item before, in this run of items
    sure: set[int] = set()
    for index, line in enumerate(lines):
        match = _ITEM.fullmatch(line)
        depth = min(len(match[1]) // INDENT, MAX_DEPTH) if match else 0
        if match is None or (match[3] and not (depth and index and found[-1])):
            found.append(None)
            last.clear()
            continue
        number = int(match[2] or 0)
        found.append((depth, bool(match[2] or match[3]), number, match[4]))
        if match[2]:
            before = found[last[depth]] if depth in last else None
            if before and before[2] + 1 == number:
                sure |= {last[depth], index}
            last[depth] = index
        last = {d: i for d, i in last.items() if d <= depth}
    return [item if item and (not item[2] or index in sure) else None for index, item in enumerate(found)]
