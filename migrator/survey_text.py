"""What a tree of rich text holds: one count per leaf or block that a target might not be able to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from migrator.ledger import Feature
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
    Marks,
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

__all__ = ["text_features"]

Found = list[Feature]

_MARKS = (
    (Marks.BOLD.value, Feature.BOLD),
    (Marks.ITALIC.value, Feature.ITALIC),
    (Marks.STRIKE.value, Feature.STRIKE),
    (Marks.CODE.value, Feature.INLINE_CODE),
    (Marks.UNDERLINE.value, Feature.UNDERLINE),
    (Marks.HIGHLIGHT.value, Feature.HIGHLIGHT),
)
# every combination of marks, worked out once
_FEATURES_OF_MARKS = tuple(tuple(f for bit, f in _MARKS if marks & bit) for marks in range(64))

_EMOJI, _EMOJI_CUSTOM = Feature.EMOJI, Feature.EMOJI_CUSTOM  # members of enums are slow to find
_LIST, _QUOTE = Feature.LIST, Feature.QUOTE
_LEAVES: dict[type, Feature] = {
    Link: Feature.LINK,
    UserMention: Feature.USER_MENTION,
    ConversationMention: Feature.CONVERSATION_MENTION,
    GroupMention: Feature.GROUP_MENTION,
    Broadcast: Feature.BROADCAST_MENTION,
    Date: Feature.DATE,
    Color: Feature.COLOR,
    MessageLink: Feature.MESSAGE_LINK,
    UnknownInline: Feature.UNKNOWN,
}


def text_features(blocks: Iterable[Block]) -> tuple[Feature, ...]:
    """The features of a text, each as often as it is there; none of words alone. Marks count once per leaf that carries
    them, labels of links included."""
    found: list[Feature] = []
    for block in blocks:
        if type(block) is Paragraph:
            for leaf in block.inlines:
                if type(leaf) is not Text or leaf.marks:
                    _leaf(leaf, found)
        else:
            _BLOCKS[type(block)](block, found)
    return tuple(found) if found else ()


def _leaf(leaf: Inline, found: Found) -> None:
    kind = type(leaf)
    if kind is Break:
        return
    if leaf.marks:  # type: ignore[union-attr]
        found += _FEATURES_OF_MARKS[leaf.marks]  # type: ignore[union-attr]
    if kind is Emoji:
        found.append(_EMOJI if leaf.char else _EMOJI_CUSTOM)  # type: ignore[union-attr]
    elif kind is not Text:
        found.append(_LEAVES[kind])
        if kind is Link or kind is MessageLink:
            _leaves(leaf.label, found)  # type: ignore[union-attr,arg-type]


def _leaves(leaves: Iterable[Inline], found: Found) -> None:
    for leaf in leaves:
        _leaf(leaf, found)


def _heading(block: Heading, found: Found) -> None:
    found.append(Feature.HEADING)
    _leaves(block.inlines, found)


def _list(block: List, found: Found) -> None:
    found.append(_LIST)
    for item in block.items:
        found += text_features(item.blocks)


def _quote(block: Quote, found: Found) -> None:
    found.append(_QUOTE)
    found += text_features(block.blocks)


def _table(block: Table, found: Found) -> None:
    found.append(Feature.TABLE)
    for row in block.rows:
        for cell in row:
            _leaves(cell, found)


def _fields(block: Fields, found: Found) -> None:
    found.append(Feature.FIELDS)
    for cell in block.cells:
        _leaves(cell, found)


def _card(block: Card, found: Found) -> None:
    found.append(Feature.PREVIEW if block.preview_of else Feature.CARD)
    found += text_features(block.pretext)
    found += text_features(block.body)
    for field in block.fields:
        found += text_features(field.value)
    if block.image is not None:
        found.append(Feature.PICTURE)


def _quoted(block: QuotedMessage, found: Found) -> None:
    found.append(Feature.QUOTED_MESSAGE)
    found += text_features(block.body)


def _one(feature: Feature) -> Callable[[Any, Found], None]:
    def count(_: object, found: Found) -> None:
        found.append(feature)

    return count


_BLOCKS: dict[type, Callable[[Any, Found], None]] = {
    Heading: _heading,
    List: _list,
    Quote: _quote,
    Code: _one(Feature.CODE),
    Divider: _one(Feature.DIVIDER),
    Table: _table,
    Fields: _fields,
    Picture: _one(Feature.PICTURE),
    Card: _card,
    QuotedMessage: _quoted,
    UnknownBlock: _one(Feature.UNKNOWN),
}
