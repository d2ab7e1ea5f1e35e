"""The bulk import format, one struct per object: what stands here is all that we ever write (facts/mattermost.md 4.2).

Field names are the server's JSON names; times are milliseconds since the epoch. Source of the format:
server/channels/app/imports/import_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

VERSION = b'{"type":"version","version":1}\n'
encode = msgspec.json.Encoder().encode


class _Object(Struct, frozen=True, omit_defaults=True, gc=False):
    """What is not set is not written: the server then leaves it alone or takes its own default."""


class Attachment(_Object, frozen=True):
    """`path` is looked up below `data/` in the zip, byte for byte."""

    path: str


class Reaction(_Object, frozen=True):
    user: str
    emoji_name: str
    create_at: int


class Follower(_Object, frozen=True):
    user: str
    last_viewed: int


class Reply(_Object, frozen=True):
    """A reply, and what every post has in common with it."""

    user: str
    message: str
    create_at: int
    type: str = ""
    props: Mapping[str, Any] = {}
    edit_at: int = 0
    is_pinned: bool = False
    reactions: tuple[Reaction, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Place(_Object, frozen=True):
    """What a post of a channel has beside that. Its `replies` and `thread_followers` come after it."""

    team: str
    channel: str


class Direct(_Object, frozen=True):
    """The same of a post of a direct channel."""

    channel_members: tuple[str, ...]


class Team(_Object, frozen=True):
    name: str
    display_name: str
    type: str


class Channel(_Object, frozen=True):
    team: str
    name: str
    display_name: str
    type: str
    header: str = ""
    purpose: str = ""
    deleted_at: int = 0


class ChannelMembership(_Object, frozen=True):
    """Counts equal to the channel's totals: nothing is unread."""

    name: str
    roles: str
    msg_count: int
    msg_count_root: int
    last_viewed_at: int


class TeamMembership(_Object, frozen=True):
    """`channels`: each a ChannelMembership as JSON, for it is the same of everybody in a channel."""

    name: str
    roles: str
    channels: tuple[Raw, ...]


class CustomStatus(_Object, frozen=True):
    emoji: str
    text: str


class User(_Object, frozen=True):
    username: str
    email: str
    nickname: str = ""
    first_name: str = ""
    last_name: str = ""
    position: str = ""
    roles: str = "system_user"
    locale: str = ""
    delete_at: int = 0
    profile_image: str = ""
    custom_status: CustomStatus | None = None
    teams: tuple[TeamMembership, ...] = ()


class Bot(_Object, frozen=True):
    username: str
    owner: str
    display_name: str = ""
    description: str = ""
    profile_image: str = ""


class Participant(_Object, frozen=True):
    username: str
    msg_count: int
    msg_count_root: int
    last_viewed_at: int


class DirectChannel(_Object, frozen=True):
    members: tuple[str, ...]
    participants: tuple[Participant, ...]
    header: str = ""


class Emoji(_Object, frozen=True):
    name: str
    image: str


def line(kind: str, content: _Object) -> bytes:
    """One line of an import file: an object that names its type, and under that name its content."""
    before, after = around(kind)
    return before + encode(content) + after


def more(content: _Object) -> bytes:
    """What an object goes on with, to be written before its closing brace."""
    return b"," + encode(content)[1:-1]


def around(kind: str) -> tuple[bytes, bytes]:
    """What stands before and after the content of a line."""
    return b'{"type":"%s","%s":' % (kind.encode(), kind.encode()), b"}\n"
