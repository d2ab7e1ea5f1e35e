"""Conversations of all kinds -> model. slack-format.md 2, 6, 18.

A conversation is listed in an index, or found only as a folder; both count. Where several exports list it, the last one
says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any

from migrator.model import Caption, Conversation, ConversationKind, Pin, UserId
from migrator.slack import mrkdwn
from migrator.slack.context import Context
from migrator.slack.loose import dicts, mapping, number, string, strings, truth

__all__ = ["INDEXES", "listed_conversation", "people_of", "pins_of", "unlisted_kind"]

Json = Mapping[str, Any]
INDEXES = {
    "channels": ConversationKind.PUBLIC,
    "groups": ConversationKind.PRIVATE,
    "mpims": ConversationKind.GROUP,
    "dms": ConversationKind.DIRECT,
    "file_conversations": ConversationKind.PRIVATE,
}
_EARLIEST = 1_000_000_000  # 0 and 1 stand for unknown


def listed_conversation(record: Json, kind: ConversationKind, context: Context) -> Conversation | None:
    """A record of channels.json and its like; None where it has neither id nor name."""
    name = string(record.get("name"))
    conversation = string(record.get("id")) or name
    if not conversation:
        return None
    created = number(record.get("created"))
    return Conversation(
        id=conversation,
        name="" if kind is ConversationKind.DIRECT else _readable(name) or conversation,
        kind=kind,
        members=tuple(_members(record)),
        topic=_caption(record.get("topic"), context),
        purpose=_caption(record.get("purpose"), context),
        creator=string(record.get("creator")),
        created=created if created >= _EARLIEST else 0,
        archived=truth(record.get("is_archived")),
        general=truth(record.get("is_general")),
        shared=any(truth(record.get(flag)) for flag in ("is_shared", "is_ext_shared", "is_org_shared")),
        pins=pins_of(record),
        previous_names=tuple(strings(record.get("previous_names"))),
        team=string(record.get("context_team_id")),
    )


def unlisted_kind(folder: str, *, private_indexes: bool) -> ConversationKind:
    """What a folder without an index entry holds. Where private conversations were exported too, nothing proves that
    it was public: then it stays private."""
    if folder.startswith("mpdm-"):
        return ConversationKind.GROUP
    if folder[:1] == "D" and len(folder) >= 9 and folder.isalnum() and folder.isupper():
        return ConversationKind.DIRECT
    if private_indexes or folder.startswith(("FC:", "FC_")):
        return ConversationKind.PRIVATE
    return ConversationKind.PUBLIC


def people_of(record: Json) -> Iterable[UserId]:
    """Everybody whom the record of a conversation names."""
    yield from _members(record)
    for owner in (record, mapping(record.get("topic")), mapping(record.get("purpose"))):
        if creator := string(owner.get("creator")):
            yield creator
    for pin in dicts(record.get("pins")):
        yield from filter(None, (string(pin.get("user")), string(pin.get("owner"))))


def pins_of(record: Json) -> tuple[Pin, ...]:
    """Current pins, the oldest first."""
    pins = []
    for item in dicts(record.get("pins")):
        target = string(item.get("id"))
        if not target:
            continue
        is_message = item.get("type") == "C" or "." in target
        pins.append(
            Pin(
                ts=target if is_message else "",
                file="" if is_message else target,
                by=string(item.get("user")),
                at=number(item.get("created")),
            )
        )
    return tuple(sorted(dict.fromkeys(pins), key=lambda pin: (pin.at, pin.ts, pin.file)))


def _readable(name: str) -> str:
    """ "FC:F05SCLAJUP2:Some title" is called by its title."""
    if name.startswith("FC:"):
        return name.partition(":")[2].partition(":")[2] or name
    return name


def _members(record: Json) -> list[UserId]:
    """Each once; a note to oneself names the same person twice; some tools write `user` instead. Interned: in a large
    company everybody is named by dozens of conversations."""
    members = [*map(intern, strings(record.get("members")))]
    user = string(record.get("user"))
    return members or ([user] if user else [])


def _caption(value: object, context: Context) -> Caption:
    caption = mapping(value)
    text = string(caption.get("value"))
    if not text:
        return Caption()
    return Caption(mrkdwn.parse(text, context), string(caption.get("creator")), number(caption.get("last_set")))
