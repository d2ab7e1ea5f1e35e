"""Who wrote a record: one order of precedence, for the first pass and for messages alike. slack-format.md 13."""

from __future__ import annotations

from collections.abc import Callable

from migrator.model import UserId
from migrator.slack.loose import mapping, string
from migrator.slack.people import NAMELESS
from migrator.slack.wire import NULL, Record, loose

__all__ = ["author_of", "icon_of", "own_name"]


def author_of(record: Record, canonical: Callable[[str], UserId]) -> UserId:
    """The id of whoever wrote it; `canonical` knows whose a B… id is. Never "".

    A person who posts through an app stays the person: `bot_id` counts only where there is no user.
    """
    comment = record.comment
    if comment is None and record.user and record.room is NULL:
        return canonical(record.user)
    if comment is not None and comment.user and record.subtype == "file_comment":
        return canonical(comment.user)
    if record.room is not NULL and (host := string(mapping(loose(record.room)).get("created_by"))):
        return canonical(host)
    if record.user:
        return canonical(record.user)
    if record.bot_id:
        return canonical(record.bot_id)
    if record.username:
        return f"name:{record.username}"
    if comment is not None and comment.user:
        return canonical(comment.user)
    if record.file is not None and record.file.user:
        return canonical(record.file.user)
    return NAMELESS


def own_name(record: Record) -> str:
    """The name that this one record was posted under; people's records carry a `username` too, their handle."""
    return record.username or "" if record.bot_id or record.subtype == "bot_message" else ""


def icon_of(record: Record) -> str:
    """The emoji (":rocket:") or the address of the picture that this one record was posted with."""
    if record.icons is NULL or not (record.bot_id or record.subtype == "bot_message"):
        return ""
    icons = mapping(loose(record.icons))
    if emoji := string(icons.get("emoji")):
        return emoji
    for size in ("image_72", "image_64", "image_48", "image_36"):
        if url := string(icons.get(size)):
            return url
    return ""
