"""Who stands in the archive: accounts with unique names and addresses, numbered in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from msgspec import Struct, structs

from migrator.adapters.zulip import names, people
from migrator.model import Role, User, UserId, Workspace

__all__ = ["Member", "Roster"]

_WILDCARDS = frozenset({"all", "everyone", "stream", "channel", "topic"})  # names that a mention would take for all
OWNER, MEMBER = 100, 400
MAX_ZONE = 40
MAX_STATUS = 255


class Member(Struct, frozen=True):
    """An account. `id` is the archive's own; where sequences are given, also the one it will have on the server."""

    id: int
    user: User
    name: str
    email: str


class Roster:
    """Everybody, by any of their ids. Whoever is met only later is added at the end."""

    def __init__(self, workspace: Workspace, first: int, known: Mapping[str, str], domain: str) -> None:
        self._next, self._known, self._domain = first, known, domain or people.NO_ADDRESS
        self._canonical = {bot: user.id for user in workspace.users.values() for bot in user.bot_ids}
        self._names: set[str] = set(_WILDCARDS)
        self._emails: set[str] = set()
        self.members: dict[UserId, Member] = {}
        for user in sorted(workspace.users.values(), key=lambda u: (bool(u.reason), u.is_bot, not u.active)):
            self._add(user)
        self.made_owner = False
        self.owner = self._choose_owner()

    def member(self, user: UserId) -> Member:
        """Whoever has this id; an id that the export does not know becomes an account that nobody can enter."""
        found = self.members.get(user) or self.members.get(self._canonical.get(user, ""))
        return found or self._add(User(user or "nobody", user or "nobody", user or "nobody", role=Role.STRANGER))

    def find(self, user: UserId) -> Member | None:
        return self.members.get(user) or self.members.get(self._canonical.get(user, ""))

    def _add(self, user: User) -> Member:
        if user.id in self.members:
            return self.members[user.id]
        name = names.full_name(user).replace("|", "/")  # "Name|12" would mention account 12
        if name.casefold() in self._names:
            name = names.distinct(name, user.id.translate(dict.fromkeys(map(ord, '*`\\>"@|'))), [name], names.MAX_NAME)
        email = people.address(user, self._domain, self._known)
        if email in self._emails:
            email = people.address(structs.replace(user, email="", handle=""), self._domain)
        self._names.add(name.casefold())
        self._emails.add(email)
        member = self.members[user.id] = Member(self._next, user, name, email)
        self._next += 1
        return member

    def _choose_owner(self) -> Member:
        """The export's first owner who can enter; else an admin or a member is made owner; else somebody is made up."""
        living = [m for m in self.members.values() if not m.user.is_bot and not people.leaves(m.user)]
        listed = [m for m in living if not m.user.reason] or living
        for role in (Role.OWNER, Role.ADMIN, Role.MEMBER, Role.GUEST, Role.SINGLE_GUEST):
            if found := next((m for m in listed if m.user.role is role), None):
                self.made_owner = role is not Role.OWNER
                return found
        self.made_owner = True
        return self._add(User("slack-migrator-owner", "owner", "Owner of the import", role=Role.OWNER))

    def rows(
        self, joined: float, first_message: int | None, idle: bool, pictured: Set[int]
    ) -> Iterator[dict[str, Any]]:
        """zerver_userprofile. `idle`: the server gives people their old messages at their next login (facts 4.5)."""
        for member in self.members.values():
            user = member.user
            leaves = people.leaves(user)
            sleeping = idle and not user.is_bot and first_message is not None
            yield {
                "id": member.id,
                "realm": 1,
                "email": member.email,
                "delivery_email": member.email,
                "full_name": member.name,
                "role": OWNER if member is self.owner else people.ROLES[user.role],
                "is_active": not leaves,
                "is_bot": user.is_bot,
                "bot_type": 1 if user.is_bot else None,
                "bot_owner": self.owner.id if user.is_bot else None,
                "is_mirror_dummy": leaves and user.role is Role.STRANGER,
                "default_sending_stream": None,
                "default_events_register_stream": None,
                "last_active_message_id": first_message if sleeping else None,
                "long_term_idle": sleeping,
                "date_joined": joined,
                "last_login": None,
                "last_reminder": None,
                "user_permissions": [],
                "groups": [],
                "translate_emoticons": False,
                "timezone": user.timezone if len(user.timezone) <= MAX_ZONE else "",
                "avatar_source": "U" if member.id in pictured else "G",
                "avatar_version": 1,
            }

    def profiles(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """zerver_customprofilefield and zerver_customprofilefieldvalue."""
        fields: dict[str, int] = {}
        values: list[dict[str, Any]] = []
        for member in self.members.values():
            if member.user.is_bot:
                continue
            for label, value in people.profile_fields(member.user).items():
                field = fields.setdefault(label, len(fields) + 1)
                values.append({"id": len(values) + 1, "user_profile": member.id, "field": field, "value": value})
        rows = [
            {"id": number, "realm": 1, "name": label, "field_type": 1, "order": number}
            for label, number in fields.items()
        ]
        return rows, values

    def statuses(self, when: float) -> list[dict[str, Any]]:
        """zerver_userstatus: the words that people had beside their names."""
        found = [
            (member.id, text)
            for member in self.members.values()
            if not member.user.is_bot and (text := " ".join(member.user.profile.status_text.split())[:MAX_STATUS])
        ]
        return [
            {
                "id": number,
                "user_profile": user,
                "client": 1,
                "timestamp": when,
                "status_text": text,
                "emoji_name": "",
                "emoji_code": "",
                "reaction_type": "unicode_emoji",
            }
            for number, (user, text) in enumerate(found, 1)
        ]
