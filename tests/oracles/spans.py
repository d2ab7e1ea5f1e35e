"""What HTML shows: its words, each character with the marks that stand around it."""

from __future__ import annotations

from html.parser import HTMLParser

from migrator.model import Marks
from migrator.plain import canonical

_MARKS = {
    "strong": Marks.BOLD.value,
    "b": Marks.BOLD.value,
    "em": Marks.ITALIC.value,
    "i": Marks.ITALIC.value,
    "del": Marks.STRIKE.value,
    "s": Marks.STRIKE.value,
    "code": Marks.CODE.value,
}


class _Spans(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[int] = []
        self.out: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _MARKS:
            self.open.append(_MARKS[tag])

    def handle_endtag(self, tag: str) -> None:
        if tag in _MARKS and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        marks = 0
        for mark in self.open:
            marks |= mark
        self.out += [(c, marks) for c in "".join(canonical(data).split())]


def spans(html: str) -> list[tuple[str, int]]:
    """Visible characters (no white space) with their marks."""
    reader = _Spans()
    reader.feed(html)
    reader.close()
    return reader.out
