"""Back from what a homeserver returns to the words a reader sees, by HTML's own rules."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["read"]

# fmt: off
_BLOCKS = frozenset([
    "address", "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "li", "ol", "p", "pre", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul",
])
# fmt: on


def read(html: str | None, body: str) -> str:
    """The words of a message: those of its HTML where it has one, else its body."""
    if not html:
        return body
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.words).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._reply = 0  # depth of <mx-reply>: the quoted fallback of old replies is not the message's own text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mx-reply":
            self._reply += 1
        elif tag == "img" and not self._reply:
            named = dict(attrs)
            self.words.append(named.get("alt") or named.get("title") or "")
        elif tag in _BLOCKS:
            self.words.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "mx-reply":
            self._reply = max(0, self._reply - 1)
        elif tag in _BLOCKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._reply:
            self.words.append(data)
