"""Block Kit -> the tree: everything but rich_text, which has a module of its own. slack-format.md 14.1.

One function per block type. What has none becomes `UnknownBlock` with the best text found in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migrator.model import (
    Block,
    Break,
    Divider,
    Fields,
    Heading,
    Inline,
    Link,
    Paragraph,
    Picture,
    Table,
    Text,
    UnknownBlock,
)
from migrator.slack import mrkdwn
from migrator.slack.commonmark import commonmark
from migrator.slack.context import Context
from migrator.slack.inline import plain_inlines
from migrator.slack.loose import dicts, string
from migrator.slack.richtext import all_text, best_text, rich_inlines, rich_text

__all__ = ["actions_line", "block_kit"]

Json = dict[str, Any]


def block_kit(blocks: list[object], context: Context) -> list[Block]:
    """A list of Slack blocks. One strange block costs itself only."""
    out: list[Block] = []
    for block in blocks:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        make = _BLOCKS.get(kind) if isinstance(kind, str) else None
        if make is None:
            out.append(UnknownBlock(str(kind), all_text(block)))
            continue
        try:
            out.extend(make(block, context))
        except (TypeError, ValueError, AttributeError, KeyError, RecursionError):
            out.append(UnknownBlock(str(kind), all_text(block)))
    return out


def _text_blocks(value: object, context: Context) -> list[Block]:
    """A text object {type: mrkdwn | plain_text, text}."""
    if isinstance(value, str):
        return list(mrkdwn.parse(value, context))
    if not isinstance(value, dict):
        return []
    text = value.get("text")
    if not isinstance(text, str) or not text:
        return []
    if value.get("type") == "plain_text":
        return [Paragraph(_plain(text, context))]
    return list(mrkdwn.parse(text, context))


def _plain(text: str, context: Context) -> tuple[Inline, ...]:
    """plain_text: no markup but emoji, no entities."""
    return plain_inlines(text, context)


def _text_inlines(value: object, context: Context) -> tuple[Inline, ...]:
    if isinstance(value, str):
        return mrkdwn.inlines(value, context)
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return ()
    if value.get("type") == "plain_text":
        return _plain(value["text"], context)
    return mrkdwn.inlines(value["text"], context)


def _section(block: Json, context: Context) -> list[Block]:
    out = _text_blocks(block.get("text"), context)
    fields = block.get("fields")
    if isinstance(fields, list) and fields:
        out.append(Fields(tuple(_text_inlines(field, context) for field in fields)))
    accessory = block.get("accessory")
    if isinstance(accessory, dict):
        if accessory.get("type") == "image":
            out.extend(_image(accessory, context))
        elif line := _element_line(accessory, context):
            out.append(Paragraph(line))
    return out


def _header(block: Json, context: Context) -> list[Block]:
    inlines = _text_inlines(block.get("text"), context)
    return [Heading(3, inlines)] if inlines else []


def _context(block: Json, context: Context) -> list[Block]:
    line: list[Inline] = []
    pictures: list[Block] = []
    for element in dicts(block.get("elements")):
        if element.get("type") == "image":
            pictures.extend(_image(element, context))
            continue
        inlines = _text_inlines(element, context)
        if line and inlines:
            line.append(Text(" "))
        line.extend(inlines)
    return [*pictures, *([Paragraph(tuple(line), small=True)] if line else [])]


def _divider(_block: Json, _context: Context) -> list[Block]:
    return [Divider()]


def _image(block: Json, _context: Context) -> list[Block]:
    title = block.get("title")
    title_text = title.get("text") if isinstance(title, dict) else title
    file = block.get("slack_file")
    url = block.get("image_url") or (file.get("url") if isinstance(file, dict) else "")
    picture = Picture(string(url), string(block.get("alt_text")), string(title_text))
    return [picture] if picture != Picture("") else [UnknownBlock("image", "")]


def _element_line(element: Json, context: Context) -> tuple[Inline, ...]:
    """A button: its label, linked where it has an address. Other controls only acted in Slack: nothing."""
    label = _text_inlines(element.get("text"), context)
    url = string(element.get("url"))
    return (Link(url, label),) if url else label


def actions_line(block: Json, context: Context) -> tuple[Inline, ...]:
    """The buttons of a block or of a legacy attachment, on one line."""
    line: list[Inline] = []
    for element in dicts(block.get("elements")) or dicts(block.get("actions")):
        inlines = _element_line(element, context)
        if line and inlines:
            line.append(Text(" · "))
        line.extend(inlines)
    return tuple(line)


def _actions(block: Json, context: Context) -> list[Block]:
    line = actions_line(block, context)
    return [Paragraph(line)] if line else [UnknownBlock("actions", all_text(block.get("elements")))]


def _video(block: Json, context: Context) -> list[Block]:
    title = _text_inlines(block.get("title"), context)
    url = string(block.get("title_url")) or string(block.get("video_url"))
    out: list[Block] = [Paragraph((Link(url, title),))] if url else [Paragraph(title)]
    if description := _text_inlines(block.get("description"), context):
        out.append(Paragraph(description))
    return out


def _markdown(block: Json, context: Context) -> list[Block]:
    return commonmark(string(block.get("text")), context)


def _table(block: Json, context: Context) -> list[Block]:
    rows = [[_cell(cell, context) for cell in row] for row in _lists(block.get("rows"))]
    width = max(map(len, rows), default=0)
    even = tuple(tuple(row + [()] * (width - len(row))) for row in rows)
    aligned = tuple(string(setting.get("align")) for setting in dicts(block.get("column_settings")))
    caption = _text_inlines(block.get("caption"), context)
    return [*([Paragraph(caption)] if caption else []), *([Table(even, aligned)] if width else [])]


def _cell(cell: object, context: Context) -> tuple[Inline, ...]:
    if not isinstance(cell, dict):
        return (Text(best_text(cell)),)
    if cell.get("type") == "rich_text":
        line: list[Inline] = []
        for part in dicts(cell.get("elements")):
            if line:
                line.append(Text(" "))
            line.extend(Text(" ") if isinstance(i, Break) else i for i in rich_inlines(part.get("elements"), context))
        return tuple(line)
    value = cell.get("text")
    if value is None:
        value = cell.get("value")
    return _plain(" ".join(str(value).split()), context) if value is not None else ()


def _call(block: Json, _context: Context) -> list[Block]:
    call = block.get("call")
    inner = call.get("v1") if isinstance(call, dict) else None
    inner = inner if isinstance(inner, dict) else {}
    name = string(inner.get("name")) or "Call"
    url = string(inner.get("join_url"))
    label = (Text(name),)
    return [Paragraph((Link(url, label),) if url else label)]


def _file(block: Json, _context: Context) -> list[Block]:
    file = block.get("file")
    file = file if isinstance(file, dict) else {}
    name = string(file.get("title")) or string(file.get("name")) or string(block.get("external_id")) or "file"
    url = string(file.get("permalink")) or string(file.get("external_url"))
    label = (Text(name),)
    return [Paragraph((Link(url, label),) if url else label)]


_BLOCKS: dict[str, Callable[[Json, Context], list[Block]]] = {
    "rich_text": rich_text,
    "section": _section,
    "header": _header,
    "context": _context,
    "divider": _divider,
    "image": _image,
    "actions": _actions,
    "video": _video,
    "markdown": _markdown,
    "table": _table,
    "data_table": _table,
    "call": _call,
    "file": _file,
}


def _lists(value: object) -> list[list[object]]:
    return [item for item in value if isinstance(item, list)] if isinstance(value, list) else []
