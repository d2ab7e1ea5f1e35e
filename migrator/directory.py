"""Names and remote ids for writers: the one place that knows how a workspace's things are called on the target."""

from __future__ import annotations

from collections.abc import Callable

from migrator.adapters.base import Directory, Key, Kind, RemoteId
from migrator.model import Conversation, ConversationId, ConversationKind, GroupId, Ts, UserId, Workspace

__all__ = ["Names"]


def _nowhere(_kind: Kind, _key: Key) -> None:
    return None


class Names(Directory):
    """Looks names up in the workspace, remote ids where `lookup` finds them (a journal, usually; nothing offline)."""

    def __init__(self, workspace: Workspace, lookup: Callable[[Kind, Key], RemoteId | None] = _nowhere) -> None:
        self._workspace = workspace
        self._lookup = lookup
        self._users: dict[UserId, RemoteId] = {}
        self._conversations: dict[ConversationId, RemoteId] = {}
        self._canonical = {bot: user.id for user in workspace.users.values() for bot in user.bot_ids}
        self.missed: set[Key] = set()  # messages of this workspace that were asked for and are not there yet

    def canonical_user(self, user: UserId) -> UserId:
        """A bot's B… id is the same bot as its U… id."""
        return user if user in self._workspace.users else self._canonical.get(user, user)

    def user_name(self, user: UserId, label: str = "") -> str:
        users = self._workspace.users
        known = users.get(user) or users.get(self._canonical.get(user, user))
        return known.name if known and known.name else label.lstrip("@") or user

    def conversation_name(self, conversation: ConversationId, label: str = "") -> str:
        known = self._workspace.conversations.get(conversation)
        return known.name if known and known.name else label.lstrip("#") or conversation

    def title(self, conversation: Conversation) -> str:
        """How to call a conversation before people: by its name, or by who is in it; "" where nobody is known."""
        return conversation.name or ", ".join(self.user_name(user) for user in conversation.members)

    def conversation_kind(self, conversation: ConversationId) -> ConversationKind:
        known = self._workspace.conversations.get(conversation)
        return known.kind if known else ConversationKind.PUBLIC

    def group_name(self, group: GroupId, label: str = "") -> str:
        known = self._workspace.groups.get(group)
        return known.handle if known and known.handle else label.lstrip("@") or group

    def remote_user(self, user: UserId) -> RemoteId | None:
        return self._remembered(self._users, Kind.USER, self.canonical_user(user))

    def remote_conversation(self, conversation: ConversationId) -> RemoteId | None:
        return self._remembered(self._conversations, Kind.CONVERSATION, conversation)

    def remote_post(self, conversation: ConversationId, ts: Ts) -> RemoteId | None:
        key = f"{conversation}/{ts}"
        remote = self._lookup(Kind.POST, key)
        if remote is None and conversation in self._workspace.conversations:
            self.missed.add(key)
        return remote

    def remote_emoji(self, name: str) -> RemoteId | None:
        return self._lookup(Kind.EMOJI, name)

    def _remembered(self, memory: dict[str, RemoteId], kind: Kind, key: Key) -> RemoteId | None:
        remote = memory.get(key)
        if remote is None and (found := self._lookup(kind, key)) is not None:
            remote = memory[key] = found
        return remote
