"""What the text parsers need to know of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from migrator.model import CustomEmoji, Inline, Link, MessageLink

__all__ = ["Context", "link"]


class Context(Struct, frozen=True):
    """`domain`: the workspace's name in its addresses ("acme" of acme.slack.com), "" where unknown."""

    domain: str = ""
    emoji: Mapping[str, CustomEmoji] = {}


def link(url: str, label: tuple[Inline, ...], marks: int, context: Context) -> Link | MessageLink:
    """A link, or a MessageLink where the address is a permalink into this workspace."""
    if ".slack.com/archives/" in url:
        found = _permalink(url, context)
        if found is not None:
            conversation, ts, thread = found
            return MessageLink(conversation, ts, url, label, thread, marks)
    return Link(url, label, marks)


def _permalink(url: str, context: Context) -> tuple[str, str, str] | None:
    """https://acme.slack.com/archives/C024BE91L/p1612345678000200?thread_ts=…&cid=… -> (conversation, ts, thread)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = parts.hostname or ""
    if context.domain and host not in (f"{context.domain}.slack.com", f"{context.domain}.enterprise.slack.com"):
        return None
    pieces = parts.path.split("/")
    if len(pieces) < 4 or pieces[1] != "archives" or pieces[3][:1] != "p":
        return None
    digits = pieces[3][1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) > 6):
        return None
    query = parse_qs(parts.query)
    thread = query.get("thread_ts", [""])[0]
    ts = f"{digits[:-6]}.{digits[-6:]}"
    return pieces[2], ts, thread if thread != ts else ""
