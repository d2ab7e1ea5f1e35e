"""A message as the server returns it, taken apart: what is ours (heads, pointers), what is the author's, and files."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from migrator.adapters.base import RemoteFile, RemoteId, RemoteMessage
from migrator.adapters.zulip.read import read
from migrator.adapters.zulip.threads import BACK, HEAD_LINK, POINTER, near, origin
from migrator.model import micros

__all__ = ["Parts", "Roots", "decoded_topic", "split", "uploads"]

_LABEL = f"({re.escape(POINTER)}|{re.escape(BACK)})"
_POINTER = re.compile(rf'\s*<p><a [^>]*?href="([^"]+)"[^>]*>{_LABEL}</a></p>\s*\Z')
_NAMED = re.compile(rf'\s*<p>{_LABEL}: <a class="stream-topic"[^>]*?href="([^"]+)"[^>]*>[^<]*</a></p>\s*\Z')
_HEAD = re.compile(
    r'\A\s*<p><span class="user-mention silent"[^>]*data-user-id="(\d+)"[^>]*>[^<]*</span> '
    rf'<a [^>]*?href="([^"]+)"[^>]*>{HEAD_LINK}</a>:</p>\s*'
)
_RULE = re.compile(r"\A<hr\s*/?>\s*")
_QUOTE = re.compile(r"<(/?)blockquote>")
_UPLOAD = re.compile(r'<a [^>]*?href="(?:https?://[^/"]+)?(/user_uploads/[^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_TOPIC = re.compile(r"/topic/([^/?#]+)")


class Parts(Struct, frozen=True):
    """HTML of the author's words; the message that a head leads to; the topic that a root's pointer leads to.

    `quoted`: author and time, in seconds, of the message that a head repeats whose id was not known when it was written
    (an archive's, see `threads.origin`).
    """

    html: str
    head: RemoteId | None = None
    pointer: str | None = None
    quoted: tuple[str, int] | None = None


def split(content: str) -> Parts:
    """Take heads and pointers off."""
    root = pointed = quoted = None
    if found := _POINTER.search(content) or _NAMED.search(content):
        content = content[: found.start()]
        label, url = sorted(found.groups(), key=lambda text: text not in (POINTER, BACK))
        if label == POINTER:
            pointed = decoded_topic(html.unescape(url))
    if found := _HEAD.match(content):
        url = html.unescape(found[2])
        root, before = near(url), origin(url)
        if before is not None:
            quoted = (found[1], micros(before[1]) // 1_000_000)
        if root or quoted:
            content = _without_quote(content[found.end() :])
    return Parts(content, root, pointed, quoted)


def _without_quote(rest: str) -> str:
    if rule := _RULE.match(rest):
        return rest[rule.end() :]
    depth = 0
    for tag in _QUOTE.finditer(rest):
        if depth == 0 and rest[: tag.start()].strip():
            break
        depth += -1 if tag[1] else 1
        if depth == 0:
            return rest[tag.end() :].lstrip()
    return rest


def decoded_topic(url: str) -> str | None:
    """The topic that an address leads to: Zulip writes "." for "%"."""
    found = _TOPIC.search(url)
    return unquote(found[1].replace(".", "%")) if found else None


def uploads(content: str) -> list[tuple[str, str]]:
    """Uploaded files that are linked: (address, label), without their previews."""
    found, seen = [], set()
    for link in _UPLOAD.finditer(content):
        label = html.unescape(re.sub(r"<[^>]*>", "", link[2]))
        if label.strip() and link[1] not in seen:
            seen.add(link[1])
            found.append((html.unescape(link[1]), label))
    return found


class Roots:
    """Which thread a message is in, while a conversation is read from its beginning."""

    def __init__(self, main_topic: str, quotes: bool) -> None:
        """`quotes`: replies stand beside their roots, as quotes: such as hold no id are told by author and time."""
        self._main_topic, self._quotes = main_topic.casefold(), quotes
        self._of_topic: dict[str, RemoteId] = {}
        self._written: dict[tuple[str, int], RemoteId] = {}

    def of(self, message: Mapping[str, Any], parts: Parts, direct: bool) -> RemoteId | None:
        if parts.pointer is not None:
            self._of_topic.setdefault(parts.pointer.casefold(), str(message["id"]))
        head = parts.head
        if self._quotes:
            head = head or (self._written.get(parts.quoted) if parts.quoted else None)
            if head is None:  # a root, or alone: replies are no roots
                self._written.setdefault((str(message["sender_id"]), int(message["timestamp"])), str(message["id"]))
        if direct:
            return head
        topic = str(message["subject"]).removeprefix("✔ ").casefold()
        if topic == self._main_topic:
            return head
        if head is not None:
            self._of_topic.setdefault(topic, head)
        return head or self._of_topic.get(topic)


def remote_message(
    message: Mapping[str, Any],
    parts: Parts,
    root: RemoteId | None,
    files: tuple[RemoteFile, ...],
    shown_name: Callable[[str], str | None],
    shown_channel: Callable[[str], str | None],
    emoji: Mapping[str, str],
) -> RemoteMessage:
    text, emote = read(parts.html, shown_name, shown_channel), bool(message.get("is_me_message"))
    return RemoteMessage(
        key="",
        remote=str(message["id"]),
        author=str(message["sender_id"]),
        time=int(message["timestamp"]) * 1_000_000,
        text=text.removeprefix("/me ") if emote else text,
        root=root,
        reactions=tuple((_shown(row, emoji), str(row["user_id"])) for row in message.get("reactions", ())),
        files=files,
        edited="last_edit_timestamp" in message,
        emote=emote,
    )


def _shown(reaction: Mapping[str, Any], emoji: Mapping[str, str]) -> str:
    if reaction["reaction_type"] == "unicode_emoji":
        return "".join(chr(int(point, 16)) for point in str(reaction["emoji_code"]).split("-"))
    name = str(reaction["emoji_name"])
    return f":{emoji.get(name, name)}:"
