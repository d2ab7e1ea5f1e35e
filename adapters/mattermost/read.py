"""Back from the Markdown that Mattermost's API returns to the words a reader sees.

markdown-it is CommonMark's reference port; what Mattermost adds (mentions, channel names, emoji) is read in the texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["read"]

Named = Callable[[str], str | None]
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;!?'\"()/%\u00e0-\uffff-]*", re.ASCII)
_LIVE = re.compile(
    r"(?<![A-Za-z0-9])@([a-z0-9._-]*[a-z0-9_-])|(?<![A-Za-z0-9])~([a-z0-9_-]+)|:([A-Za-z0-9+_-]+):", re.ASCII
)


def read(source: str, person: Named | None = None, channel: Named | None = None, emoji: Named | None = None) -> str:
    """The words of a post. `person` maps a username to the name it stands for in the source, `channel` a channel's
    name, `emoji` a custom emoji's; without them (or where they answer None) the target's own names are read."""
    if _PLAIN.fullmatch(source) and not source.startswith(("-", " ", "\t")) and not source[:1].isdigit():
        return source
    out: list[str] = []
    for token in _parser().parse(source):
        if token.type == "inline":
            _inline(token.children, out, person, channel, emoji)
            out.append("\n")
        elif token.type in ("fence", "code_block"):
            out.append(token.content + "\n")
    return "".join(out).strip()


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return (
        MarkdownIt("commonmark", {"html": False, "maxNesting": 100})
        .enable(["table", "strikethrough"])
        .disable("text_join")
    )


def _inline(children: Any, out: list[str], person: Named | None, channel: Named | None, emoji: Named | None) -> None:
    def live(found: re.Match[str]) -> str:
        word = found.group()
        if username := found.group(1):
            name = person(username) if person is not None else None
            return word if name is None else "@" + name
        if there := found.group(2):
            return "#" + ((channel(there) if channel is not None else None) or there)
        name = emoji(found.group(3)) if emoji is not None else None
        return word if name is None else f":{name}:"

    for token in children or ():
        if token.type == "text":
            out.append(_LIVE.sub(live, token.content))
        elif token.type in ("text_special", "code_inline"):
            out.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            out.append("\n")
        elif token.type == "image":
            out.append(token.content)
