"""Where messages stand in the archive: channels, direct messages, and who receives what (facts/zulip.md 4.4, 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from migrator.adapters.base import Directory
from migrator.adapters.zulip import names
from migrator.adapters.zulip.archive_people import Roster
from migrator.model import Conversation, ConversationId, ConversationKind, Workspace

__all__ = ["Channel", "Places", "is_direct"]

USER, CHANNEL, GROUP = 1, 2, 3  # types of recipients
GROUPS_ONLY = 12  # from this version on, messages between two people go to a group of two (facts 4.9)
COLOR = "#76ce90"


def is_direct(conversation: Conversation) -> bool:
    return conversation.kind in (ConversationKind.DIRECT, ConversationKind.GROUP)


class Channel(Struct, frozen=True):
    id: int
    name: str
    recipient: int
    conversation: Conversation
    members: tuple[int, ...]


class Places:
    def __init__(self, workspace: Workspace, roster: Roster, first: int, version: int, folders: bool) -> None:
        self._workspace, self._roster, self._version, self._folders = workspace, roster, version, folders
        self._recipients: dict[tuple[int, int], int] = {}
        self._groups: dict[tuple[int, ...], int] = {}  # by members, in order: one group for each
        self.channels: dict[ConversationId, Channel] = {}
        taken: set[str] = set()
        listed = [c for c in workspace.conversations.values() if not is_direct(c)]
        for number, conversation in enumerate(sorted(listed, key=lambda c: (c.archived, bool(c.reason), c.id)), first):
            name = names.channel_name(conversation)
            if name.casefold() in taken:
                name = names.distinct(name, conversation.id, [name], names.MAX_CHANNEL)
            taken.add(name.casefold())
            members = self.numbers(conversation.members)
            recipient = self._recipient(CHANNEL, number)
            self.channels[conversation.id] = Channel(number, name, recipient, conversation, members)

    def numbers(self, users: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted({self._roster.member(user).id for user in users}))

    def direct(self, people: tuple[int, ...], sender: int) -> int:
        """The recipient of a message that `sender` writes to these people (in order, the sender among them)."""
        if len(people) > 2 or self._version >= GROUPS_ONLY:
            number = self._groups.setdefault(people, len(self._groups) + 1)
            return self._recipient(GROUP, number)
        other = next((number for number in people if number != sender), sender)
        return self._recipient(USER, other)

    def _recipient(self, kind: int, number: int) -> int:
        return self._recipients.setdefault((kind, number), len(self._recipients) + 1)

    def tables(self, directory: Directory, created: float) -> dict[str, list[dict[str, Any]]]:
        """Everything but people and messages; after the last message, for direct messages are met only there."""
        subscribed: list[tuple[int, int]] = [
            (self._recipient(USER, member.id), member.id) for member in self._roster.members.values()
        ]
        for channel in self.channels.values():
            subscribed += [(channel.recipient, member) for member in channel.members]
        for members, number in self._groups.items():
            subscribed += [(self._recipient(GROUP, number), member) for member in members]
        general = [c for c in self.channels.values() if c.conversation.general and not c.conversation.archived]
        return {
            "zerver_stream": [self._stream(channel, directory, created) for channel in self.channels.values()],
            "zerver_huddle": [{"id": n, "group_size": len(people)} for people, n in self._groups.items()],
            "zerver_recipient": [
                {"id": n, "type": kind, "type_id": what} for (kind, what), n in self._recipients.items()
            ],
            "zerver_subscription": [
                {"id": n, "recipient": recipient, "user_profile": user, "active": True, "color": COLOR}
                for n, (recipient, user) in enumerate(subscribed, 1)
            ],
            "zerver_defaultstream": [{"id": n, "realm": 1, "stream": c.id} for n, c in enumerate(general, 1)],
        }

    def _stream(self, channel: Channel, directory: Directory, created: float) -> dict[str, Any]:
        conversation = channel.conversation
        creator = self._roster.find(conversation.creator) if conversation.creator else None
        private = conversation.kind is not ConversationKind.PUBLIC
        row = {
            "id": channel.id,
            "realm": 1,
            "name": channel.name,
            "date_created": float(conversation.created or created),
            "description": names.description(conversation, directory),
            "creator": creator.id if creator else None,
            "deactivated": conversation.archived,
            "invite_only": private,
            "history_public_to_subscribers": True,
            "stream_post_policy": 1,
        }
        return {**row, "folder": None} if self._folders else row
