"""What people and channels are called on Zulip: the same for both routes, derived from one record alone.

Zulip refuses some characters in names, and cuts or refuses what is too long (facts of the API, 5.1 and 6.1); what has
to give way here gives way in the same manner every time, and two channels never become one.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from migrator.adapters.base import Directory
from migrator.model import Conversation, User, UserGroup
from migrator.plain import canonical, plain

__all__ = [
    "MAX_CHANNEL",
    "MAX_DESCRIPTION",
    "MAX_GROUP",
    "MAX_NAME",
    "channel_name",
    "description",
    "distinct",
    "full_name",
    "group_name",
    "shortened",
]

MAX_CHANNEL = 60
MAX_DESCRIPTION = 1024
MAX_NAME = 100
MAX_GROUP = 100

_NOT_IN_NAMES = dict.fromkeys(map(ord, '*`\\>"@'), None)  # check_full_name
_NOT_IN_CHANNELS = {ord("*"): None, ord("`"): "'", ord(">"): "-", ord("$"): None}  # would break `#**channel>topic**`


def shortened(text: str, limit: int, identity: str) -> str:
    """Cut to `limit` characters; what is cut ends in a mark of its identity, so that two never become the same."""
    if len(text) <= limit:
        return text
    mark = blake2b(identity.encode(), digest_size=4).hexdigest()
    return f"{text[: limit - len(mark) - 1].rstrip()}~{mark}"


def full_name(user: User) -> str:
    """2 to 100 characters without * ` \\ > " @. Deactivated people keep their names."""
    for name in (user.name, user.full_name, user.handle, user.id):
        allowed = canonical(canonical(name).translate(_NOT_IN_NAMES))
        if len(allowed) >= 2:
            return shortened(allowed, MAX_NAME, user.id)
    return f"user {user.id}"


def distinct(name: str, identity: str, taken: Iterable[str], limit: int) -> str:
    """The name, or the name with its identity behind it where somebody else has it already (case aside)."""
    lowered = {other.casefold() for other in taken}
    if name.casefold() not in lowered:
        return name
    ending = f" ({identity})"
    return shortened(name, limit - len(ending), identity) + ending


def channel_name(conversation: Conversation) -> str:
    """1 to 60 characters. The name of a conversation that has none (an unlisted folder) is its id."""
    name = canonical(canonical(conversation.name).translate(_NOT_IN_CHANNELS)) or conversation.id
    return shortened(name, MAX_CHANNEL, conversation.id)


def group_name(group: UserGroup) -> str:
    """1 to 100 characters; "role:" and some others are kept for the server's own groups."""
    name = canonical(canonical(group.handle or group.name).translate(_NOT_IN_NAMES)) or group.id
    for reserved in ("role:", "user:", "stream:", "channel:"):
        if name.casefold().startswith(reserved):
            name = f"slack {name}"
    return shortened(name, MAX_GROUP, group.id)


def description(conversation: Conversation, directory: Directory) -> str:
    """Purpose and topic in one line of at most 1024 characters."""
    purpose, topic = (canonical(plain(c.body, directory)) for c in (conversation.purpose, conversation.topic))
    both = f"{purpose} · {topic}" if purpose and topic and purpose != topic else purpose or topic
    return both if len(both) <= MAX_DESCRIPTION else both[: MAX_DESCRIPTION - 1] + "…"
