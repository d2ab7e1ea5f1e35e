"""Records whose blocks are rich text of the common elements, decoded together with them in one step.

Nearly every message that a person wrote is of this kind. The types here are strict: a record that does not fit them is
left to `wire.py` and `richtext.py`, which take anything; where it fits, both come to the same (test_agree.py).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from migrator.model import (
    Block,
    Break,
    Broadcast,
    Code,
    ConversationMention,
    GroupMention,
    Inline,
    Paragraph,
    Text,
    UserMention,
)
from migrator.slack import wire
from migrator.slack.context import Context
from migrator.slack.lists import MAX_DEPTH, Row, nest
from migrator.slack.richtext import bounded, emoji_leaf, link_leaf, marks_of, quoted, run, text_runs, trim
from migrator.slack.wire import NULL, Record

__all__ = ["RichBlocks", "RichRecord", "decode", "decode_all", "rich_blocks"]

Filled = Annotated[str, Meta(min_length=1)]
Style: TypeAlias = dict[str, bool] | None


class _Text(Struct, tag_field="type", tag="text", gc=False):
    text: str
    style: Style = None


class _Link(Struct, tag_field="type", tag="link", gc=False):
    url: str
    text: str | None = None
    style: Style = None


class _Emoji(Struct, tag_field="type", tag="emoji", gc=False):
    name: Filled
    skin_tone: Annotated[int, Meta(ge=0, le=9)] | None = None
    unicode: str | None = None
    style: Style = None


class _User(Struct, tag_field="type", tag="user", gc=False):
    user_id: Filled
    style: Style = None


class _Channel(Struct, tag_field="type", tag="channel", gc=False):
    channel_id: Filled
    style: Style = None


class _Group(Struct, tag_field="type", tag="usergroup", gc=False):
    usergroup_id: Filled
    style: Style = None


class _Broadcast(Struct, tag_field="type", tag="broadcast", gc=False):
    range: str
    style: Style = None


_Element: TypeAlias = _Text | _Link | _Emoji | _User | _Channel | _Group | _Broadcast


class _Section(Struct, tag_field="type", tag="rich_text_section", gc=False):
    elements: list[_Element]


class _Quote(Struct, tag_field="type", tag="rich_text_quote", gc=False):
    elements: list[_Element]
    border: int = 0


class _List(Struct, tag_field="type", tag="rich_text_list", gc=False):
    elements: list[_Section]
    style: str = ""
    indent: int = 0
    offset: int = 0
    border: int = 0


class _Typed(Struct, tag_field="type", tag="text", gc=False):
    """Text in a code block. An empty one may be told by other keys: that is for `richtext.py`."""

    text: Filled


class _Address(Struct, tag_field="type", tag="link", gc=False):
    url: str
    text: str | None = None


class _Code(Struct, tag_field="type", tag="rich_text_preformatted", gc=False):
    elements: list[_Typed | _Address]
    language: str | None = None
    border: int = 0


class _RichText(Struct, gc=False):
    type: Literal["rich_text"]  # not a tag: that may be missing where it is the only one
    elements: list[_Section | _List | _Quote | _Code]


RichBlocks: TypeAlias = list[_RichText]


class RichRecord(Record, gc=False, kw_only=True):
    """A `Record`; `blocks` is NULL where there are none."""

    blocks: RichBlocks | None = NULL  # type: ignore[assignment]
    slackdump_thread_replies: None = None  # nested records: for `fronts.py`


_one = msgspec.json.Decoder(RichRecord).decode
decode_all = msgspec.json.Decoder(list[RichRecord]).decode
_MISFITS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(raw: Raw | bytes) -> Record:
    """As `wire.decode`, a RichRecord where it is one."""
    try:
        record = _one(raw)
    except _MISFITS:
        return wire.decode(raw)
    return wire.usable(record)


# ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rich_blocks(blocks: RichBlocks, context: Context) -> tuple[Block, ...]:
    """As `blockkit.block_kit`."""
    if len(blocks) != 1:
        return tuple([made for block in blocks for made in rich_blocks([block], context)])
    elements = blocks[0].elements
    if len(elements) == 1 and type(only := elements[0]) is _Section:  # as nearly every message is
        body = _leaves(only.elements, context)
        return (Paragraph(body),) if body else ()
    out: list[Block] = []
    lists: list[_List] = []  # adjacent lists of one border, waiting to be nested
    for element in elements:
        if isinstance(element, _List):
            if lists and (lists[-1].border > 0) != (element.border > 0):
                _close(lists, context, out)
            lists.append(element)
            continue
        if lists:
            _close(lists, context, out)
        if isinstance(element, _Section):
            if body := _leaves(element.elements, context):
                out.append(Paragraph(body))
            continue
        depth = 1 if element.border > 0 else 0
        if isinstance(element, _Quote):
            quoted(1 + depth, [Paragraph(_leaves(element.elements, context))], out)
        elif text := _code_text(element.elements):
            quoted(depth, [Code(text, element.language or "")], out)
    if lists:
        _close(lists, context, out)
    return tuple(out)


def _close(lists: list[_List], context: Context, out: list[Block]) -> None:
    """Nest the waiting lists by indent and hand them over."""
    rows: list[Row] = []
    for element in lists:
        depth, number = min(bounded(element.indent), MAX_DEPTH), bounded(element.offset) + 1
        for item in element.elements:
            rows.append(Row(depth, element.style == "ordered", number, _leaves(item.elements, context)))
            number = 0
    quoted(1 if lists[0].border > 0 else 0, nest(rows), out)
    lists.clear()


def _code_text(elements: list[_Typed | _Address]) -> str:
    return "".join(e.text if isinstance(e, _Typed) else e.text or e.url for e in elements).removesuffix("\n")


def _leaves(elements: list[_Element], context: Context) -> tuple[Inline, ...]:
    """The elements of a section, quote or item, without line breaks at both ends."""
    out: list[Inline] = []
    for element in elements:
        marks = marks_of(element.style) if element.style else 0
        if type(element) is _Text:
            text = element.text
            if "\n" in text or "\r" in text:
                text_runs(text, marks, out)
            elif text and out:
                run(text, marks, out)
            elif text:
                out.append(Text(text, marks))
        elif type(element) is _Link:
            out.append(link_leaf(element.url, element.text or "", marks, context))
        elif type(element) is _Emoji:
            out.append(emoji_leaf(element.name, element.skin_tone, element.unicode or "", marks, context))
        elif type(element) is _User:
            out.append(UserMention(element.user_id, marks=marks))
        elif type(element) is _Channel:
            out.append(ConversationMention(element.channel_id, marks=marks))
        elif type(element) is _Group:
            out.append(GroupMention(element.usergroup_id, marks=marks))
        elif type(element) is _Broadcast:
            out.append(Broadcast(element.range or "channel", marks))
    if out and (type(out[0]) is Break or type(out[-1]) is Break):
        return trim(out)
    return tuple(out)
