"""What Matrix clients may show: an allow-list parser of org.matrix.custom.html, and the runs of text it finds.

Anything outside the spec's list of tags and attributes (client-server spec 11.3.1.1), anything not closed where it was
opened, and any nesting over 100 levels is an error here.
"""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["Run", "runs_of_html"]

Run = tuple[str, str]  # marks in words ("bold italic", "link=https://…"), text

_ALLOWED: dict[str, set[str]] = {tag: set() for tag in "del p ul li b i u strong em s hr br table tr td th pre".split()}  # noqa: SIM905
_ALLOWED |= {f"h{level}": set() for level in range(1, 7)}
_ALLOWED |= {
    "blockquote": set(),
    "thead": set(),
    "tbody": set(),
    "a": {"href"},
    "ol": {"start"},
    "code": {"class"},
    "span": {"data-mx-bg-color", "data-mx-color"},
    "img": {"src", "alt", "title", "height", "width", "data-mx-emoticon"},
}
_EMPTY = {"br", "hr", "img"}
_SCHEMES = ("https:", "http:", "ftp:", "mailto:", "magnet:")
_MARKS = {"strong": "bold", "em": "italic", "del": "strike", "u": "underline"}
_BLOCKS = {*_ALLOWED} - {"a", "code", "span", "img", "del", "u", "strong", "em", "b", "i", "s"}


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, str]] = []  # tag, the mark it stands for
        self.runs: list[Run] = []
        self.ended = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ALLOWED, f"<{tag}> is not in the spec's list"
        given = dict(attrs)
        assert given.keys() <= _ALLOWED[tag], f"<{tag}> with {given.keys() - _ALLOWED[tag]}"
        if tag in _BLOCKS:
            self.ended = True
        if tag == "img":
            assert (given["src"] or "").startswith("mxc://")
            self.handle_data(given["alt"] or "")
        if tag in _EMPTY:
            return
        mark = _MARKS.get(tag, "")
        if tag == "a":
            href = given["href"] or ""
            assert href.lower().startswith(_SCHEMES), href
            mark = f"link={href}"
        elif tag == "span" and given.get("data-mx-bg-color") == "#fff3c4":
            mark = "highlight"
        elif tag == "code" and not any(name == "pre" for name, _ in self.open):
            mark = "code"
        self.open.append((tag, mark))
        assert len(self.open) <= 100

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop()[0] if self.open else None
        assert opened == tag, f"</{tag}> closes <{opened}>"
        if tag in _BLOCKS:
            self.ended = True

    def handle_data(self, data: str) -> None:
        marks = " ".join(sorted({mark for _, mark in self.open if mark}))
        if not self.ended and self.runs and self.runs[-1][0] == marks:
            self.runs[-1] = (marks, self.runs[-1][1] + data)
        else:
            self.runs.append((marks, data))
        self.ended = False

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = handle_comment  # type: ignore[assignment]


def runs_of_html(html: str) -> list[Run]:
    """The runs of text a client shows, with their marks; those next to each other with the same marks are one."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert not parser.open, f"not closed: {parser.open}"
    return parser.runs
