"""The bulk import format, one struct per line type: what stands here is all that we ever write (facts/mattermost.md 4.2).

Field names are the server's JSON names; times are milliseconds since the epoch. Source of the format:
server/channels/app/imports/import_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

__all__ = [
    "Attachment",
    "Bot",
    "Channel",
    "ChannelMembership",
    "CustomStatus",
    "DirectChannel",
    "DirectPost",
    "Emoji",
    "Follower",
    "Line",
    "Participant",
    "Post",
    "Reaction",
    "Reply",
    "Team",
    "TeamMembership",
    "User",
    "encode",
]

_ENCODER = msgspec.json.Encoder()
VERSION = b'{"type":"version","version":1,"info":{"generator":"slack-migrator"}}\n'


class _Part(Struct, frozen=True, omit_defaults=True):
    """What is not set is not written: the server then leaves it alone or takes its own default."""


class Attachment(_Part, frozen=True):
    """`path` is looked up below `data/` in the zip, byte for byte."""

    path: str


class Reaction(_Part, frozen=True):
    user: str
    emoji_name: str
    create_at: int


class Follower(_Part, frozen=True):
    user: str
    last_viewed: int
    unread_mentions: int = 0


class Reply(_Part, frozen=True):
    user: str
    message: str = field(default=None)  # type: ignore[assignment]  # mandatory, and written when "" too
    create_at: int = 0
    type: str = ""
    props: Mapping[str, Any] = {}
    edit_at: int = 0
    is_pinned: bool = False
    reactions: tuple[Reaction, ...] = ()
    attachments: tuple[Attachment, ...] = ()
