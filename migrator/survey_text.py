"""What a tree of rich text holds: one count per leaf or block that a target might not be able to show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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

__all__ = ["is_bare", "text_features"]

Tally = dict[Feature, int]

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


def text_features(blocks: Iterable[Block]) -> Tally:
    """Count the features of a text. Marks count once per leaf that carries them, labels of links included."""
    tally: Tally = defaultdict(int)
    for block in blocks:
        _BLOCKS[type(block)](block, tally)
    return tally


def is_bare(blocks: Sequence[Block]) -> bool:
    """Whether a text is nothing but words in one piece, as most are: it has no features."""
    if len(blocks) != 1 or type(block := blocks[0]) is not Paragraph:
        return not blocks
    leaves = block.inlines
    return len(leaves) == 1 and type(leaf := leaves[0]) is Text and not leaf.marks


def _inlines(leaves: Iterable[Inline], tally: Tally) -> None:
    for leaf in leaves:
        kind = type(leaf)
        if kind is Break:
            continue
        if leaf.marks:  # type: ignore[union-attr]
            for feature in _FEATURES_OF_MARKS[leaf.marks]:  # type: ignore[union-attr]
                tally[feature] += 1
        if kind is Text:
            continue
        if kind is Emoji:
            tally[_EMOJI if leaf.char else _EMOJI_CUSTOM] += 1  # type: ignore[union-attr]
        elif feature_of_leaf := _LEAVES.get(kind):
            tally[feature_of_leaf] += 1
            if kind is Link or kind is MessageLink:
                _inlines(leaf.label, tally)  # type: ignore[union-attr,arg-type]


def _blocks(blocks: Iterable[Block], tally: Tally) -> None:
    for block in blocks:
        _BLOCKS[type(block)](block, tally)


def _paragraph(block: Paragraph, tally: Tally) -> None:
    _inlines(block.inlines, tally)


def _heading(block: Heading, tally: Tally) -> None:
    tally[Feature.HEADING] += 1
    _inlines(block.inlines, tally)


def _list(block: List, tally: Tally) -> None:
    tally[Feature.LIST] += 1
    for item in block.items:
        _blocks(item.blocks, tally)


def _quote(block: Quote, tally: Tally) -> None:
    tally[Feature.QUOTE] += 1
    _blocks(block.blocks, tally)


def _table(block: Table, tally: Tally) -> None:
    tally[Feature.TABLE] += 1
    for row in block.rows:
        for cell in row:
            _inlines(cell, tally)


def _fields(block: Fields, tally: Tally) -> None:
    tally[Feature.FIELDS] += 1
    for cell in block.cells:
        _inlines(cell, tally)


def _card(block: Card, tally: Tally) -> None:
    tally[Feature.PREVIEW if block.preview_of else Feature.CARD] += 1
    _blocks(block.pretext, tally)
    _blocks(block.body, tally)
    for field in block.fields:
        _blocks(field.value, tally)
    if block.image is not None:
        tally[Feature.PICTURE] += 1


def _quoted(block: QuotedMessage, tally: Tally) -> None:
    tally[Feature.QUOTED_MESSAGE] += 1
    _blocks(block.body, tally)


def _one(feature: Feature) -> Callable[[Any, Tally], None]:
    def count(_: object, tally: Tally) -> None:
        tally[feature] += 1

    return count


_BLOCKS: dict[type, Callable[[Any, Tally], None]] = {
    Paragraph: _paragraph,
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
