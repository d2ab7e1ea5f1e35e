"""From compound blocks to primitives: how cards, quoted messages and field columns read on targets without them.

What is made up here never carries a feature that a ledger counts (no mentions, no links to messages): only what the
source held is counted, in the blocks that are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from migrator.adapters.base import Directory
from migrator.model import (
    Block,
    Break,
    Card,
    CardField,
    Fields,
    File,
    Inline,
    Link,
    Marks,
    Paragraph,
    Quote,
    QuotedMessage,
    Text,
    UnknownBlock,
)

__all__ = ["lower"]


def lower(block: Block, directory: Directory) -> tuple[Block, ...]:
    """Primitives (Paragraph, Heading, List, Quote, Code, Divider, Table, Picture) that say the same; those themselves
    come back unchanged. Blocks inside a primitive are not touched: lower them when you get there."""
    if isinstance(block, Card):
        return _card(block)
    if isinstance(block, QuotedMessage):
        return _quoted(block, directory)
    if isinstance(block, Fields):
        return tuple(Paragraph(cell) for cell in block.cells)
    if isinstance(block, UnknownBlock):
        return (Paragraph(_lines(block.fallback.strip() or f"[{block.kind}]")),)
    return (block,)


def _card(card: Card) -> tuple[Block, ...]:
    """The text before the card, then the card itself as a quote: both have a bar at the side."""
    inner: list[Block] = []
    if card.service and card.service != card.author:
        inner.append(Paragraph((Text(card.service),), small=True))
    if card.author:
        inner.append(Paragraph(_linked(card.author, card.author_url), small=True))
    if card.title or card.title_url:
        inner.append(Paragraph(_linked(card.title or card.title_url, card.title_url, Marks.BOLD)))
    inner.extend(card.body)
    for field in card.fields:
        inner.extend(_field(field))
    if card.image is not None:
        inner.append(card.image)
    if card.footer or card.at:
        words = " | ".join(word for word in (card.footer, _moment(card.at)) if word)
        inner.append(Paragraph(_lines(words), small=True))
    return (*card.pretext, Quote(tuple(inner))) if inner else card.pretext


def _field(field: CardField) -> Iterable[Block]:
    title = _lines(field.title, Marks.BOLD) if field.title.strip() else ()
    if title and field.value and isinstance(first := field.value[0], Paragraph):
        yield Paragraph((*title, Break(), *first.inlines))
        yield from field.value[1:]
    else:
        if title:
            yield Paragraph(title)
        yield from field.value


def _quoted(block: QuotedMessage, directory: Directory) -> tuple[Block, ...]:
    """A quote headed by the author's name, which leads to the message where its address is known."""
    name = block.author_name or (directory.user_name(block.author) if block.author else "")
    head: list[Block] = []
    if name or block.url:
        head.append(Paragraph(_linked(name or block.url, block.url, Marks.BOLD)))
    return (Quote((*head, *block.body, *map(_file, block.files))),)


def _file(file: File) -> Paragraph:
    return Paragraph(_linked(file.title or file.name or file.id, file.link))


def _linked(words: str, url: str, marks: Marks = Marks.NONE) -> tuple[Inline, ...]:
    words = " ".join(words.split())
    return (Link(url, (Text(words, marks),), marks),) if url else (Text(words, marks),)


def _lines(words: str, marks: Marks = Marks.NONE) -> tuple[Inline, ...]:
    out: list[Inline] = []
    for line in words.splitlines():
        if out:
            out.append(Break())
        if line:
            out.append(Text(line, marks))
    return tuple(out)


def _moment(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC") if at else ""
    except (OverflowError, ValueError, OSError):
        return str(at)
