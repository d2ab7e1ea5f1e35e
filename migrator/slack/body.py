"""A message's text, blocks and attachments -> one tree, without losing the person's own words. slack-format.md 14.4.

rich_text present: the blocks are the message. Otherwise the text is, and other blocks (an app's) follow it; a text
whose words all stand in its blocks is only their notification. Attachments come last.
"""

from __future__ import annotations

import msgspec

from migrator.ledger import Loss
from migrator.model import Block
from migrator.slack import mrkdwn
from migrator.slack.attachments import attachments as attached
from migrator.slack.blockkit import block_kit
from migrator.slack.context import Context
from migrator.slack.richrecord import RichBlocks, rich_blocks
from migrator.slack.richtext import all_text
from migrator.slack.wire import NULL

__all__ = ["Context", "body", "body_with_notes", "text_and_blocks"]

_decode = msgspec.json.Decoder().decode
_WORDY = frozenset({"rich_text", "section", "header", "markdown", "table", "data_table"})


def body(
    text: str, blocks: msgspec.Raw | bytes | None, attachments: msgspec.Raw | bytes | None, context: Context
) -> tuple[Block, ...]:
    """The tree of a message. Never raises: what cannot be decoded leaves the text."""
    return body_with_notes(text, blocks, attachments, context)[0]


def body_with_notes(
    text: str,
    blocks: msgspec.Raw | bytes | RichBlocks | None,
    attachments: msgspec.Raw | bytes | None,
    context: Context,
) -> tuple[tuple[Block, ...], tuple[Loss, ...]]:
    """As `body`, with what was left out on purpose (previews of links that stand in the text)."""
    own = text_and_blocks(text, blocks, context)
    extra = _listed(attachments)
    if not extra:
        return own, ()
    more, losses = attached(extra, text, context)
    return (*own, *more), tuple(losses)


def text_and_blocks(text: str, blocks: msgspec.Raw | bytes | RichBlocks | None, context: Context) -> tuple[Block, ...]:
    """The tree of a message without its attachments."""
    if isinstance(blocks, list):
        return rich_blocks(blocks, context) or mrkdwn.parse(text, context)
    if blocks is NULL:
        return mrkdwn.parse(text, context)
    listed = _listed(blocks)
    kinds = {str(block.get("type")) for block in listed if isinstance(block, dict)}
    if "rich_text" in kinds:
        return tuple(block_kit(listed, context)) or mrkdwn.parse(text, context)
    if kinds & _WORDY:
        out = block_kit(listed, context)
        return (*mrkdwn.parse(text, context), *out) if text and not _says(listed, text) else tuple(out)
    return (*mrkdwn.parse(text, context), *block_kit(listed, context))


def _listed(raw: msgspec.Raw | bytes | None) -> list[object]:
    if raw is None or raw is NULL:
        return []
    try:
        value = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def _says(blocks: list[object], text: str) -> bool:
    """Whether an app's text is only the notification for its blocks: its words are all among theirs."""
    said = set(_words(all_text(blocks)))
    return said.issuperset(_words(text))


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text).lower().split()
