"""Back from the HTML that Zulip returns (apply_markdown=true) to the words a reader sees."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

__all__ = ["read"]

# fmt: off
_BLOCKS = frozenset([
    "blockquote", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
])
# fmt: on
_PREVIEWS = frozenset({"message_inline_image", "message_embed", "inline-preview-twitter", "message_inline_ref"})
_MENTIONS = frozenset({"user-mention", "user-group-mention", "topic-mention"})


Shown = Callable[[str], str | None]


def read(html: str, shown_name: Shown | None = None, shown_channel: Shown | None = None) -> str:
    """The words of a message. `shown_name` maps the user id of a mention to the name it stands for in the source, and
    `shown_channel` that of a channel; a silent mention shows its name without the "@" that every mention is read back
    with."""
    reader = _Reader(shown_name, shown_channel)
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self, shown_name: Shown | None, shown_channel: Shown | None) -> None:
        super().__init__(convert_charrefs=True)
        self._shown_name, self._shown_channel = shown_name, shown_channel
        self._in_channel = False  # within a channel's name, which is replaced
        self._words: list[str] = []
        self._divs: list[bool] = []  # open <div>s: whether they are previews
        self._spans: list[bool] = []  # open <span>s: whether their text is replaced
        self._hidden = 0
        self._linked: set[str] = set()
        self._previewed: list[str] = []

    def text(self) -> str:
        """An image's address alone on its line is taken out by Zulip in favour of the preview: that is read back."""
        alone = [url for url in self._previewed if url not in self._linked]
        return "".join([*self._words, *(f"\n{url}" for url in alone)]).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        classes = set((named.get("class") or "").split())
        if tag == "div":
            preview = bool(classes & _PREVIEWS)
            self._divs.append(preview)
            self._hidden += preview
        elif tag == "span":
            word = self._replaced(classes, named)
            self._spans.append(word is not None)
            if word is not None and not self._hidden:
                self._words.append(word)
            self._hidden += word is not None
        elif tag == "a" and "stream" in classes and (name := self._channel(named.get("data-stream-id") or "")):
            if not self._hidden:
                self._words.append("#" + name)
            self._in_channel = True
            self._hidden += 1
        elif tag == "a" and (url := named.get("href")):
            if not self._hidden:
                self._linked.add(url)
            elif self._divs and self._divs[-1] and url not in self._previewed:
                self._previewed.append(url)
        elif tag == "img" and "emoji" in classes and not self._hidden:
            self._words.append(named.get("alt") or "")
        if tag in _BLOCKS and not self._hidden:
            self._words.append("\n")

    def _channel(self, number: str) -> str | None:
        return self._shown_channel(number) if self._shown_channel is not None else None

    def _replaced(self, classes: set[str], named: dict[str, str | None]) -> str | None:
        """What stands for a span: an emoji's characters, a mention's known name; None where its own text does."""
        if "emoji" in classes:
            for one in classes:
                if one.startswith("emoji-"):
                    try:
                        return "".join([chr(int(point, 16)) for point in one[6:].split("-")])
                    except ValueError:
                        return None
        if classes & _MENTIONS:
            user = named.get("data-user-id") or ""
            name = self._shown_name(user) if self._shown_name is not None else None
            if name is not None:
                return "@" + name
            if "silent" in classes:
                self._words.append("@")
        return "" if "katex-html" in classes else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._in_channel:
            self._in_channel = False
            self._hidden -= 1
        elif tag == "div" and self._divs:
            self._hidden -= self._divs.pop()
        elif tag == "span" and self._spans:
            self._hidden -= self._spans.pop()
        if tag in _BLOCKS and not self._hidden:
            self._words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)
