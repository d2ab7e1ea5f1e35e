"""Legacy attachments, link previews and quoted messages -> Card and QuotedMessage. slack-format.md 15."""

from __future__ import annotations

import html
import re
from typing import Any

from msgspec import structs

from migrator.ledger import Fate, Feature, Loss
from migrator.model import Block, Card, CardField, File, Paragraph, Picture, QuotedMessage
from migrator.slack import mrkdwn
from migrator.slack.blockkit import actions_line, block_kit
from migrator.slack.context import Context
from migrator.slack.loose import dicts, string
from migrator.slack.richtext import best_text

__all__ = ["attachments"]

Json = dict[str, Any]
_ENTITY = re.compile(r"&(?:amp;)?(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_COLORS = {"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}
_AFTER_ADDRESS = ("", "|", ">", " ", "\n")
STANDS = Loss(Feature.PREVIEW, Fate.SKIPPED, "the link itself stands in the text")


def attachments(items: list[object], text: str, context: Context) -> tuple[list[Block], list[Loss]]:
    """The attachments of a message with this raw text. A preview of a link in the text is skipped, and counted."""
    out: list[Block] = []
    losses: list[Loss] = []
    for item in items:
        if not isinstance(item, dict):
            continue
        if item.get("is_msg_unfurl"):
            out.append(_quoted(item, context))
        elif _is_preview(item) and _stands_in(item, text):
            losses.append(STANDS)
        else:
            card = _card(item, context)
            if card is not None:
                out.append(card)
    return out, losses


def _is_preview(item: Json) -> bool:
    """An app's own preview holds what no target can fetch again: that is a card like any other."""
    return bool(item.get("from_url") or item.get("original_url")) and not item.get("is_app_unfurl")


def _stands_in(item: Json, text: str) -> bool:
    for key in ("from_url", "original_url"):
        url = string(item.get(key))
        for spelled in {url, url.replace("&", "&amp;")} if url else ():
            at = text.find(spelled)
            while at >= 0:
                if text[at + len(spelled) : at + len(spelled) + 1] in _AFTER_ADDRESS:
                    return True
                at = text.find(spelled, at + len(spelled))
    return False


def _quoted(item: Json, context: Context) -> QuotedMessage:
    body: list[Block] = []
    for inner in dicts(item.get("message_blocks")):
        message = inner.get("message")
        blocks = message.get("blocks") if isinstance(message, dict) else None
        if isinstance(blocks, list):
            body.extend(block_kit(blocks, context))
    if not body:
        body.extend(mrkdwn.parse(string(item.get("text")), context))
    return QuotedMessage(
        author=string(item.get("author_id")),
        author_name=string(item.get("author_name")) or string(item.get("author_subname")),
        body=tuple(body),
        conversation=string(item.get("channel_id")),
        ts=string(item.get("ts")),
        url=string(item.get("from_url")),
        files=tuple(map(_file, dicts(item.get("files")))),
    )


def _file(file: Json) -> File:
    """A file of a quoted message: its name and address, for its bytes hang on the quoted message itself."""
    return File(
        string(file.get("id")),
        string(file.get("name")),
        title=string(file.get("title")),
        link=string(file.get("permalink")),
    )


def _card(item: Json, context: Context) -> Card | None:
    preview = _is_preview(item)
    clean = _page_text if preview else _same
    address = string(item.get("from_url")) or string(item.get("original_url")) if preview else ""
    title = _label(clean(string(item.get("title"))))
    pretext = mrkdwn.parse(string(item.get("pretext")), context)
    body: list[Block] = []
    blocks = item.get("blocks")
    if isinstance(blocks, list) and blocks:
        body.extend(block_kit(blocks, context))
    elif text := string(item.get("text")):
        body.extend(mrkdwn.parse(clean(text), context))
    fields = tuple(
        CardField(
            title=_label(_spelled(field.get("title"))),
            value=mrkdwn.parse(_spelled(field.get("value")), context),
            short=bool(field.get("short")),
        )
        for field in dicts(item.get("fields"))
    )
    if line := actions_line(item, context):
        body.append(Paragraph(line))
    image = string(item.get("image_url")) or string(item.get("thumb_url"))
    card = Card(
        title=title,
        title_url=mrkdwn.decode(string(item.get("title_link"))) or string(item.get("from_url")) or address,
        author=_label(item.get("author_name")) or _label(item.get("author_subname")),
        author_url=mrkdwn.decode(string(item.get("author_link"))),
        pretext=pretext,
        body=tuple(body),
        fields=fields,
        image=Picture(mrkdwn.decode(image), title) if image else None,
        footer=_label(item.get("footer")),
        at=_seconds(item.get("ts")),
        color=_color(item.get("color")),
        service=_label(item.get("service_name")),
        preview_of=address,
    )
    bare = Card(at=card.at, color=card.color, preview_of=address, service=card.service, title_url=card.title_url)
    if card == bare:
        fallback = mrkdwn.parse(string(item.get("fallback")), context)
        if not fallback:
            return card if card.service or card.title_url else None
        card = structs.replace(card, body=fallback)
    return card


def _spelled(value: object) -> str:
    return str(value) if isinstance(value, int | float) else best_text(value)


def _same(text: str) -> str:
    return text


def _page_text(text: str) -> str:
    """A page's title and text come with the page's own HTML entities, perhaps escaped by Slack: undone here only."""
    return _ENTITY.sub(_entity, text) if "&" in text else text


def _entity(match: re.Match[str]) -> str:
    if match[0] in ("&amp;", "&lt;", "&gt;"):
        return match[0]
    text = html.unescape(f"&{match[1]};")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _label(value: object) -> str:
    """A one-line label: tokens and entities undone, no markup."""
    return mrkdwn.unwrap(" ".join(string(value).split()))


def _seconds(value: object) -> int:
    try:
        return int(float(value)) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0


def _color(value: object) -> str:
    text = string(value).lstrip("#")
    if text in _COLORS:
        return _COLORS[text]
    return f"#{text.lower()}" if len(text) in (3, 6) and all(c in "0123456789abcdefABCDEF" for c in text) else ""
