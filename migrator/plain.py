"""The words a reader sees, without decoration: what previews show and what verify compares.

Every writer must bring exactly these words onto its target. What counts as a word here therefore decides for all of
them: an address that no target may link to stands in brackets behind its label, something of unknown kind shows its
fallback, or its kind where it has none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from migrator.adapters.base import Directory
from migrator.lower import lower
from migrator.model import (
    Block,
    Break,
    Broadcast,
    Card,
    Code,
    Color,
    ConversationMention,
    Date,
    Divider,
    Emoji,
    Fields,
    GroupMention,
    Heading,
    Inline,
    Link,
    List,
    MessageLink,
    Paragraph,
    Picture,
    Quote,
    QuotedMessage,
    Table,
    Text,
    UnknownBlock,
    UnknownInline,
    UserMention,
)

__all__ = ["canonical", "clean", "linkable", "picture_label", "plain", "shown", "shown_all", "visible"]

_LINKABLE = re.compile(r"(?:https?|ftp)://[^\s/]\S*|mailto:\S+", re.IGNORECASE)

# Control characters other than white space, and half characters, which no server takes.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
# The same and what takes no room: that differs between what was sent and what comes back (targets strip or add it);
# variation selectors are among it, for emoji come back with or without.
_NO_ROOM = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff"
    "\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


def _replaced(found: re.Match[str]) -> str:
    return "\ufffd" if "\ud800" <= found[0] <= "\udfff" else ""


def canonical(text: str) -> str:
    """For comparison: NFC, without control and zero-width characters, every run of white space one space, trimmed."""
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _NO_ROOM.sub(_replaced, text))
    return " ".join(text.split())


def clean(text: str) -> str:
    """Without control characters other than white space (PostgreSQL refuses NUL) and without lone surrogates."""
    if text.isprintable() or text.replace("\n", "").isprintable() or _CONTROL.search(text) is None:
        return text
    return _CONTROL.sub(_replaced, text)


def visible(text: str) -> bool:
    """Whether there is anything to be seen of a text."""
    if "!" <= text[:1] <= "~":  # as nearly every text begins
        return True
    return bool(text.strip()) if text.isprintable() else bool(canonical(text))


def plain(blocks: Sequence[Block], directory: Directory) -> str:
    """Paragraphs, items and rows on lines of their own; no bullets, numbers, quote marks. Never raises."""
    if len(blocks) == 1 and type(block := blocks[0]) is Paragraph:  # as nearly every message is
        return clean(shown_all(block.inlines, directory))
    lines: list[str] = []
    for block in blocks:
        _BLOCKS[type(block)](block, directory, lines)
    return clean("\n".join(lines))


def shown(inline: Inline, directory: Directory) -> str:
    """The words of one leaf: "@Name", "#channel", emoji as characters or ":name:", a link's label or address."""
    return _INLINES[type(inline)](inline, directory)


def shown_all(inlines: Sequence[Inline], directory: Directory) -> str:
    if len(inlines) == 1 and type(leaf := inlines[0]) is Text:  # as nearly every item and quote is
        return leaf.text
    return "".join([i.text if type(i) is Text else _INLINES[type(i)](i, directory) for i in inlines])


def linkable(url: str) -> bool:
    """Whether every target makes a link of it: http, https, ftp and mailto without white space (matrix.org spec
    11.3.1.1, Zulip and Mattermost alike)."""
    return _LINKABLE.fullmatch(url) is not None


def picture_label(picture: Picture) -> str:
    """What stands for a picture in text: its title and its description, else its address."""
    title, alt = picture.title.strip(), picture.alt.strip()
    if title and alt and title != alt:
        return f"{title} ({alt})"
    return title or alt or picture.url


def _one_line(text: str) -> str:
    return " ".join(text.split())


# ── leaves ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(node: Text, _directory: Directory) -> str:
    return node.text


def _break(_node: Break, _directory: Directory) -> str:
    return "\n"


def _link(node: Link, directory: Directory) -> str:
    if not node.label or not visible(label := shown_all(node.label, directory)):
        return node.url
    return label if linkable(node.url) else f"{label} ({node.url})"


def _user(node: UserMention, directory: Directory) -> str:
    return "@" + _one_line(directory.user_name(node.user, node.label))


def _conversation(node: ConversationMention, directory: Directory) -> str:
    return "#" + _one_line(directory.conversation_name(node.conversation, node.label))


def _group(node: GroupMention, directory: Directory) -> str:
    return "@" + _one_line(directory.group_name(node.group, node.label))


def _broadcast(node: Broadcast, _directory: Directory) -> str:
    return "@" + node.range


def _emoji(node: Emoji, _directory: Directory) -> str:
    return node.char or f":{node.name}:"


def _date(node: Date, _directory: Directory) -> str:
    if node.fallback.strip():
        return node.fallback
    try:
        return datetime.fromtimestamp(node.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return str(node.at)


def _color(node: Color, _directory: Directory) -> str:
    return node.value


def _message_link(node: MessageLink, directory: Directory) -> str:
    label = shown_all(node.label, directory)
    return label if visible(label) else node.url


def _unknown(node: UnknownInline, _directory: Directory) -> str:
    return node.fallback if node.fallback.strip() else f"[{node.kind}]"


_INLINES: dict[type, Callable[[Any, Directory], str]] = {
    Text: _text,
    Break: _break,
    Link: _link,
    UserMention: _user,
    ConversationMention: _conversation,
    GroupMention: _group,
    Broadcast: _broadcast,
    Emoji: _emoji,
    Date: _date,
    Color: _color,
    MessageLink: _message_link,
    UnknownInline: _unknown,
}

# ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _paragraph(node: Paragraph | Heading, directory: Directory, lines: list[str]) -> None:
    lines.append(shown_all(node.inlines, directory))


def _list(node: List, directory: Directory, lines: list[str]) -> None:
    for item in node.items:
        for block in item.blocks:
            _BLOCKS[type(block)](block, directory, lines)


def _quote(node: Quote, directory: Directory, lines: list[str]) -> None:
    for block in node.blocks:
        _BLOCKS[type(block)](block, directory, lines)


def _code(node: Code, _directory: Directory, lines: list[str]) -> None:
    lines.append(node.text)


def _divider(_node: Divider, _directory: Directory, _lines: list[str]) -> None:
    pass


def _table(node: Table, directory: Directory, lines: list[str]) -> None:
    lines.extend("\t".join([shown_all(cell, directory) for cell in row]) for row in node.rows)


def _picture(node: Picture, _directory: Directory, lines: list[str]) -> None:
    lines.append(picture_label(node))


def _lowered(node: Block, directory: Directory, lines: list[str]) -> None:
    for block in lower(node, directory):
        _BLOCKS[type(block)](block, directory, lines)


_BLOCKS: dict[type, Callable[[Any, Directory, list[str]], None]] = {
    Paragraph: _paragraph,
    Heading: _paragraph,
    List: _list,
    Quote: _quote,
    Code: _code,
    Divider: _divider,
    Table: _table,
    Picture: _picture,
    Fields: _lowered,
    Card: _lowered,
    QuotedMessage: _lowered,
    UnknownBlock: _lowered,
}
