"""Records of edits and deletions, in exports of workspaces that keep every change. slack-format.md 10.

They speak of another message and are none themselves. Slack's exports put the new text into the log and the message as
it was under `original`; the API's events have `message` and `previous_message`. A log's own `ts` is a whole second, and
several logs of one conversation may share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrator.model import Ts
from migrator.slack.loose import mapping, string
from migrator.slack.subtypes import LOGS
from migrator.slack.times import is_ts
from migrator.slack.wire import NULL, Record, loose

__all__ = ["key_of", "new_of", "old_of", "subject_of"]

Json = Mapping[str, Any]


def old_of(record: Record) -> Json:
    """The message as it was; empty where the log does not hold it."""
    return mapping(loose(record.original)) or mapping(loose(record.previous_message))


def new_of(record: Record) -> Json:
    """What an edit made of it: `text`, `blocks`, `attachments`."""
    if record.message is not NULL and (new := mapping(loose(record.message))):
        return new
    return {"text": record.text, "blocks": loose(record.blocks), "attachments": loose(record.attachments)}


def subject_of(record: Record) -> Ts:
    """The message that a log speaks of; "" where it does not tell."""
    told = (string(mapping(loose(record.message)).get("ts")), string(old_of(record).get("ts")), record.deleted_ts)
    return next((ts for ts in told if is_ts(ts)), "") or ""


def key_of(record: Record) -> str:
    """What makes two records of one conversation the same: `ts`, and for a log the message it speaks of."""
    return record.ts if record.subtype not in LOGS else f"{record.ts} {record.subtype} {subject_of(record)}"
