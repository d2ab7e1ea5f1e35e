"""Slack's rich_text blocks -> the tree. slack-format.md 14.2-14.4.

A rich_text block is a flat row of sections, lists, quotes and preformatted texts. Nested lists are siblings with a
larger `indent`; `border` 1 lifts a list or preformatted text one quote deeper. Everything is tolerated: a missing key
reads as absent, a wrong type as nothing, an unknown element becomes `UnknownInline` with the best text found in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from migrator.model import (
    Block,
    Break,
    Broadcast,
    Code,
    Color,
    ConversationMention,
    Date,
    Emoji,
    GroupMention,
    Inline,
    Marks,
    MessageLink,
    Paragraph,
    Quote,
    Text,
    UnknownBlock,
    UnknownInline,
    UserMention,
)
from migrator.slack.context import Context, link
from migrator.slack.emoji import lookup
from migrator.slack.lists import MAX_DEPTH, Row, nest
from migrator.slack.loose import dicts, string

__all__ = [
    "all_text",
    "best_text",
    "bounded",
    "emoji_leaf",
    "link_leaf",
    "marks_of",
    "quoted",
    "rich_inlines",
    "rich_text",
    "run",
    "text_runs",
    "trim",
]

Json = dict[str, Any]
_MARKS = {
    "bold": Marks.BOLD.value,
    "italic": Marks.ITALIC.value,
    "strike": Marks.STRIKE.value,
    "code": Marks.CODE.value,
    "underline": Marks.UNDERLINE.value,
    "highlight": Marks.HIGHLIGHT.value,
}
_TEXT_KEYS = ("text", "fallback", "alt_text", "name", "title", "label", "value", "url")


def rich_text(block: Json, context: Context) -> list[Block]:
    """One rich_text block as blocks of the tree."""
    out: list[Block] = []
    lists: list[Json] = []  # adjacent lists of one border, waiting to be nested
    for element in dicts(block.get("elements")):
        kind = element.get("type")
        if kind == "rich_text_list":
            if lists and _border(lists[-1]) != _border(element):
                _close_lists(lists, context, out)
            lists.append(element)
            continue
        _close_lists(lists, context, out)
        if kind == "rich_text_section":
            _paragraph(element, context, out)
        elif kind == "rich_text_quote":
            body = rich_inlines(element.get("elements"), context)
            quoted(1 + _border(element), [Paragraph(trim(body))], out)
        elif kind == "rich_text_preformatted":
            language = element.get("language")
            code = Code(_code_text(element.get("elements")), language if isinstance(language, str) else "")
            if code.text:
                quoted(_border(element), [code], out)
        else:
            out.append(UnknownBlock(str(kind), best_text(element)))
    _close_lists(lists, context, out)
    return out


def _paragraph(element: Json, context: Context, out: list[Block]) -> None:
    body = trim(rich_inlines(element.get("elements"), context))
    if body:
        out.append(Paragraph(body))


def quoted(depth: int, blocks: Sequence[Block], out: list[Block]) -> None:
    """Blocks at a quote depth; those next to each other at the same depth form one quote."""
    if depth == 0:
        out.extend(blocks)
        return
    if out and isinstance(out[-1], Quote):
        inner = list(out.pop().blocks)  # type: ignore[union-attr]
        quoted(depth - 1, blocks, inner)
    else:
        inner = []
        quoted(depth - 1, blocks, inner)
    out.append(Quote(tuple(inner)))


def _border(element: Json) -> int:
    border = element.get("border")
    return 1 if isinstance(border, int) and border > 0 else 0


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _close_lists(lists: list[Json], context: Context, out: list[Block]) -> None:
    """Nest the waiting lists by indent and hand them over."""
    if not lists:
        return
    rows: list[Row] = []
    for element in lists:
        depth, ordered = bounded(element.get("indent")), element.get("style") == "ordered"
        number = bounded(element.get("offset")) + 1
        for item in dicts(element.get("elements")):
            rows.append(Row(min(depth, MAX_DEPTH), ordered, number, trim(rich_inlines(item.get("elements"), context))))
            number = 0
    quoted(_border(lists[0]), nest(rows), out)
    lists.clear()


# ── inlines ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def rich_inlines(elements: object, context: Context) -> list[Inline]:
    """The elements of a section, quote or item."""
    out: list[Inline] = []
    for element in dicts(elements):
        kind = element.get("type")
        if kind == "text":
            text_runs(element.get("text"), _marks(element), out)
        elif isinstance(kind, str) and (known := _LEAVES.get(kind)) and element.get(known[0]):
            out.append(known[1](element, _marks(element), context))
        else:
            out.append(_unknown(element, kind if isinstance(kind, str) else "element", _marks(element)))
    return out


def text_runs(value: object, marks: int, out: list[Inline]) -> None:
    if not isinstance(value, str) or not value:
        return
    if "\n" not in value and "\r" not in value:
        run(value, marks, out)
        return
    for number, line in enumerate(value.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if number:
            out.append(Break())
        if line:
            run(line, marks, out)


def run(text: str, marks: int, out: list[Inline]) -> None:
    """Append text, joined to the run before it where the marks are the same."""
    if out and type(out[-1]) is Text and out[-1].marks == marks:
        out[-1] = Text(out[-1].text + text, marks)
    else:
        out.append(Text(text, marks))


def _marks(element: Json) -> int:
    style = element.get("style")
    return marks_of(style) if isinstance(style, dict) else 0


def marks_of(style: Json) -> int:
    """The bits of a style: {"bold": true, …}."""
    marks = 0
    for name, on in style.items():
        if on:
            marks |= _MARKS.get(name, 0)
    return marks


def _link(element: Json, marks: int, context: Context) -> Inline:
    return link_leaf(string(element.get("url")), string(element.get("text")), marks, context)


def link_leaf(url: str, label: str, marks: int, context: Context) -> Inline:
    if not url:
        return Text(label.replace("\n", " "), marks)
    inner: list[Inline] = []
    if label and label != url:
        text_runs(label.replace("\n", " "), 0, inner)
    return link(url, tuple(inner), marks, context)


def _emoji(element: Json, marks: int, context: Context) -> Inline:
    tone, unicode = element.get("skin_tone"), string(element.get("unicode"))
    return emoji_leaf(string(element.get("name")), tone, unicode, marks, context)


def emoji_leaf(name: str, tone: object, unicode: str, marks: int, context: Context) -> Inline:
    """`unicode`: code points as Slack tells them ("1f44d-1f3fb"), for a name that we do not know."""
    spelled = f"{name}::skin-tone-{tone}" if isinstance(tone, int) and "::" not in name else name
    base, char, tone_found = lookup(spelled, context)
    if not char and base not in context.emoji:
        char = _from_code_points(unicode)
    return Emoji(base, char, tone_found, marks)


def _from_code_points(text: str) -> str:
    try:
        return "".join(chr(int(point, 16)) for point in text.split("-")) if text else ""
    except (ValueError, OverflowError):
        return ""


def _date(element: Json, marks: int, context: Context) -> Inline:
    at = element.get("timestamp")
    seconds = 0
    if isinstance(at, int | float | str):
        with suppress(ValueError, OverflowError):
            seconds = int(at)
    fallback = string(element.get("fallback"))
    return Date(seconds, string(element.get("format")), fallback, string(element.get("url")), marks)


def _unknown(element: Json, kind: str, marks: int) -> Inline:
    """A newcomer, or what a Go program made of one: {"type": "message_mention", "Raw": "<json>"}."""
    raw = element.get("Raw")
    if isinstance(raw, str):
        try:
            inner = json.loads(raw)
        except ValueError:
            inner = None
        if isinstance(inner, dict):
            element = inner
    if kind == "message_mention":
        conversation, ts = string(element.get("channel_id")), string(element.get("message_ts"))
        url, text = string(element.get("url")), string(element.get("text"))
        if conversation and ts:
            return MessageLink(conversation, ts, url, (Text(text.replace("\n", " ")),) if text else (), marks=marks)
    text, url = best_text(element), string(element.get("url"))
    return UnknownInline(kind, f"{text} ({url})" if text and url and text != url else text, marks)


# type -> the key without which it is nothing, and what makes a leaf of it
_LEAVES: dict[str, tuple[str, Callable[[Json, int, Context], Inline]]] = {
    "link": ("type", _link),
    "emoji": ("name", _emoji),
    "date": ("type", _date),
    "user": ("user_id", lambda e, m, _: UserMention(string(e.get("user_id")), marks=m)),
    "channel": ("channel_id", lambda e, m, _: ConversationMention(string(e.get("channel_id")), marks=m)),
    "usergroup": ("usergroup_id", lambda e, m, _: GroupMention(string(e.get("usergroup_id")), marks=m)),
    "broadcast": ("type", lambda e, m, _: Broadcast(string(e.get("range")) or "channel", m)),
    "color": ("value", lambda e, m, _: Color(string(e.get("value")), m)),
}


def trim(inlines: list[Inline]) -> tuple[Inline, ...]:
    """Without the line breaks at both ends: a block begins and ends its own line."""
    start, end = 0, len(inlines)
    while start < end and type(inlines[start]) is Break:
        start += 1
    while end > start and type(inlines[end - 1]) is Break:
        end -= 1
    return tuple(inlines[start:end])


def _code_text(elements: object) -> str:
    return "".join(_in_code(element) for element in dicts(elements)).removesuffix("\n")


def _in_code(element: Json) -> str:
    match element.get("type"):
        case "link":
            return string(element.get("text")) or string(element.get("url"))
        case "user":
            return f"@{string(element.get('user_id'))}"
        case "channel":
            return f"#{string(element.get('channel_id'))}"
        case "broadcast":
            return f"@{string(element.get('range'))}"
        case "emoji":
            return f":{string(element.get('name'))}:"
        case _:
            return best_text(element)


def all_text(element: object, depth: int = 0) -> str:
    """Every text found in something unknown, a line each, in reading order."""
    if isinstance(element, str):
        return element
    if depth > 12:
        return ""
    if isinstance(element, list):
        return "\n".join(dict.fromkeys(filter(None, (all_text(part, depth + 1) for part in element[:1000]))))
    if isinstance(element, dict):
        named = [element[key] for key in _TEXT_KEYS if key in element]
        others = [value for key, value in element.items() if key not in _TEXT_KEYS and isinstance(value, dict | list)]
        return all_text([*named, *others], depth + 1)
    return ""


def best_text(element: object, depth: int = 0) -> str:
    """The most telling text found in something unknown; "" where there is none."""
    if isinstance(element, str):
        return element
    if depth > 8:
        return ""
    if isinstance(element, dict):
        for key in _TEXT_KEYS:
            if found := best_text(element.get(key), depth + 1):
                return found
        return best_text(element.get("elements"), depth + 1)
    if isinstance(element, list):
        return " ".join(filter(None, (best_text(part, depth + 1) for part in element[:100])))
    return ""


def bounded(value: object) -> int:
    return min(max(value, 0), 10_000) if isinstance(value, int) else 0
