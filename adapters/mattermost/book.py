"""Who and what is called how on the server: people, channels, direct channels, emoji. Unique and valid by construction.

One book serves lines, mentions and read-back alike, so that a name is never made twice in two ways. Identity is the
Slack id (a bot's B and U ids are one person, strangers of other workspaces are people of their own); accounts that the
server has already are met by the journal, by our own invented address, or by e-mail, never by a mere name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from msgspec import Struct, structs

from migrator.adapters.base import Key, Kind, RemoteId
from migrator.adapters.mattermost.emoji import character, custom_name, is_name, reaction_name
from migrator.adapters.mattermost.names import (
    channel_name,
    is_channel_name,
    slug,
    team_name,
    unique,
    username,
)
from migrator.adapters.mattermost.present import NOTHING, Account, Present
from migrator.model import Conversation, ConversationId, ConversationKind, Reaction, Role, User, UserId, Workspace

__all__ = ["NO_NAMES", "Book", "Lookup", "Names", "Person", "Room", "bot_note", "invented_address"]

Lookup = Callable[[Kind, Key], RemoteId | None]
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*")
_LONGEST_EMAIL = 128
GROUP_SIZES = range(3, 9)  # members of a group message, the sender included; more is a private channel


class Names(Struct, frozen=True):
    """What a round that is under way calls those it brings: people and bots by username, channels by name.

    Its import may have made some of them and not yet their posts, so that nothing on the server says whose they are.
    """

    people: Mapping[UserId, str] = {}
    channels: Mapping[ConversationId, str] = {}


NO_NAMES = Names()


class Person(Struct, frozen=True):
    """Somebody as the server knows them. `there` is the id of an account that exists already: it is left as it is."""

    user: User
    username: str
    email: str
    there: RemoteId = ""

    @property
    def active(self) -> bool:
        """Whether the account can be logged into: people of other workspaces and made-up ones cannot."""
        return self.user.active and self.user.role is not Role.STRANGER and not self.user.reason


class Room(Struct, frozen=True):
    """Where a conversation's posts go: a channel by name, or a direct channel by its members' usernames.

    `there` is the id of a channel that exists; `archived` says that it is archived there. `shared`: another
    conversation of the export has the same members, so both end in one direct channel.
    """

    conversation: Conversation
    name: str = ""
    private: bool = False
    members: tuple[str, ...] = ()
    there: RemoteId = ""
    archived: bool = False
    shared: bool = False

    @property
    def direct(self) -> bool:
        return not self.name

    @property
    def place(self) -> str:
        """One text per channel of the server."""
        return self.name or ",".join(sorted(self.members))


class Book:
    """Built once per run from the export, the journal and what the server holds; nothing in it changes later."""

    def __init__(
        self,
        workspace: Workspace,
        present: Present = NOTHING,
        lookup: Lookup | None = None,
        *,
        team: str = "",
        merge_channels: bool = False,
        match_usernames: bool = False,
        given: Names = NO_NAMES,
    ) -> None:
        self.workspace, self.present, self.given = workspace, present, given
        self._lookup: Lookup = lookup or (lambda _kind, _key: None)
        self.team = team or team_name(workspace.domain or workspace.name)
        self._canonical = {bot: user.id for user in workspace.users.values() for bot in user.bot_ids}
        self.people = self._name_people(match_usernames)
        # whom to name: usernames by every id of their people
        self.mentions = {bot: self.people[user].username for bot, user in self._canonical.items()}
        self.mentions.update((user, person.username) for user, person in self.people.items())
        self.by_username = {person.username: person for person in self.people.values()}
        self.rooms = self._name_rooms(merge_channels)
        self.emoji = self._name_emoji()

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def person(self, user: UserId) -> Person | None:
        """By any of their ids."""
        return self.people.get(user) or self.people.get(self._canonical.get(user, user))

    def usernames(self, users: Iterable[UserId]) -> tuple[str, ...]:
        """Each once, in the order given; people that are not in the export are left out."""
        return tuple(filter(None, dict.fromkeys(map(self.mentions.get, users))))

    def channel(self, conversation: ConversationId) -> str | None:
        """The name behind a ~mention; None for direct channels, which have none."""
        room = self.rooms.get(conversation)
        return room.name or None if room else None

    def shown_name(self, username: str) -> str | None:
        """What a mention of this username stands for, to read back what was written."""
        person = self.by_username.get(username)
        return person.user.name if person else None

    def reaction(self, reaction: Reaction) -> str:
        """What a reaction is called: by the server's name for its emoji, else by that of an emoji of its own."""
        if reaction.char and (standard := reaction_name(reaction)) is not None:
            return standard.name
        return self.emoji.get(reaction.name) or custom_name(reaction.name)

    def reaction_shown(self, reaction: Reaction) -> str:
        """How the server gives back a reaction that is not shown as it was; "" for all others."""
        standard = reaction_name(reaction) if reaction.char else None
        if standard is not None:
            return "" if standard.exact else character(standard.name)
        return "" if reaction.name in self.emoji else f":{custom_name(reaction.name)}:"

    @property
    def newcomers(self) -> Names:
        """The names that the next round gives: of everybody and every channel that is not there yet."""
        return Names(
            {key: person.username for key, person in self.people.items() if not person.there},
            {key: room.name for key, room in self.rooms.items() if room.name and not room.there},
        )

    # ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _name_people(self, match_usernames: bool) -> dict[UserId, Person]:
        accounts = self.present.accounts
        by_id = {account.id: account for account in accounts.values()}
        by_email = {account.email.lower(): account for account in accounts.values() if account.email}
        by_note = {account.note: account for account in accounts.values() if account.bot and account.note}
        met: dict[UserId, Account] = {}
        claimed: set[str] = set()
        order = sorted(self.workspace.users.values(), key=_precedence)
        for user in order if accounts else ():
            account = by_id.get(self._lookup(Kind.USER, user.id) or "")
            account = account or accounts.get(self.given.people.get(user.id, ""))
            account = account or by_email.get(invented_address(user, self.workspace))
            if user.is_bot:
                account = account or by_note.get(bot_note(user))
            elif user.email:
                account = account or by_email.get(user.email.lower())
            if account is None and match_usernames and not user.reason:
                account = accounts.get(username(user.handle, user.id))
                account = account if account and account.bot is user.is_bot else None
            if account is not None and account.username not in claimed:
                met[user.id] = account
                claimed.add(account.username)
        taken = set(accounts) | claimed | set(self.given.people.values())
        emails = set(by_email)
        people: dict[UserId, Person] = {}
        for user in order:
            if account := met.get(user.id):
                people[user.id] = Person(user, account.username, account.email, account.id)
                continue
            name = self.given.people.get(user.id) or unique(username(user.handle, user.id), taken, user.id)
            taken.add(name)
            email = user.email.strip().lower()
            if user.is_bot or email in emails or not _is_email(email):
                email = invented_address(user, self.workspace)
            emails.add(email)
            people[user.id] = Person(user, name, email)
        return people

    # ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────

    def _name_rooms(self, merge: bool) -> dict[ConversationId, Room]:
        rooms: dict[ConversationId, Room] = {}
        ours = {place.conversation: place for place in self.present.channels.values() if place.conversation}
        by_id = {place.id: place for place in self.present.channels.values()}
        taken = {name for name, place in self.present.channels.items() if not (merge or place.empty)}
        taken |= set(self.given.channels.values())
        order = sorted(self.workspace.conversations.values(), key=lambda c: (c.archived, bool(c.reason), c.id))
        places: dict[tuple[str, ...], list[ConversationId]] = {}
        for conversation in order:
            there = (self._lookup(Kind.CONVERSATION, conversation.id) or "").partition("/")[0]
            members = self._direct_members(conversation)
            if members:
                rooms[conversation.id] = Room(conversation, members=members, there=there)
                places.setdefault(tuple(sorted(members)), []).append(conversation.id)
                continue
            private = conversation.kind is not ConversationKind.PUBLIC
            given = self.present.channels.get(self.given.channels.get(conversation.id, ""))
            if place := by_id.get(there) or ours.get(conversation.id) or given:
                taken.add(place.name)
                rooms[conversation.id] = Room(
                    conversation, name=place.name, private=private, there=place.id, archived=place.archived
                )
        for conversation in order:
            if conversation.id in rooms:
                continue
            group = conversation.kind in (ConversationKind.GROUP, ConversationKind.DIRECT)
            wanted = channel_name(conversation.name, conversation.id)
            wanted = f"group-{slug(conversation.id, '')}" if group else wanted
            name = self.given.channels.get(conversation.id) or unique(wanted, taken, conversation.id, is_channel_name)
            taken.add(name)
            private = conversation.kind is not ConversationKind.PUBLIC
            rooms[conversation.id] = Room(conversation, name=name, private=private)
        for sharing in places.values():
            if len(sharing) > 1:
                for one in sharing:
                    rooms[one] = _shared(rooms[one])
        return {conversation: rooms[conversation] for conversation in self.workspace.conversations}

    def _direct_members(self, conversation: Conversation) -> tuple[str, ...]:
        """Members of the direct channel that it becomes; () where it can only be a private channel."""
        if conversation.kind in (ConversationKind.PUBLIC, ConversationKind.PRIVATE):
            return ()
        members = self.usernames(conversation.members)
        if conversation.kind is ConversationKind.GROUP:
            return members if len(members) in GROUP_SIZES else ()
        return (members * 2)[:2] if len(members) in (1, 2) else ()

    # ── emoji ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _name_emoji(self) -> dict[str, str]:
        """Custom emoji by their own names, to what the server calls them."""
        made: dict[str, str] = {}
        taken: set[str] = set()
        for name in self.workspace.emoji:
            made[name] = unique(custom_name(name), taken, name)
            taken.add(made[name])
        for name, emoji in self.workspace.emoji.items():
            if emoji.alias_of and emoji.alias_of not in self.workspace.emoji:
                # another name for a standard one, which has no image to send
                made[name] = emoji.alias_of if is_name(emoji.alias_of) else custom_name(name)
        return made


def _shared(room: Room) -> Room:
    return structs.replace(room, shared=True)


def _precedence(user: User) -> tuple[object, ...]:
    """Who keeps a name that several want: listed people before made-up ones, humans, active, members, then by id."""
    return bool(user.reason), user.is_bot, not user.active, user.role is Role.STRANGER, user.id


def _is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


def invented_address(user: User, workspace: Workspace) -> str:
    """An address that belongs to nobody (RFC 2606) and names the user for good."""
    return f"{slug(user.id, '-')[:40] or 'somebody'}@{_domain(workspace.domain or workspace.id)}.slack.invalid"


@cache
def _domain(workspace: str) -> str:
    return slug(workspace, "-")[:40] or "workspace"


def bot_note(user: User) -> str:
    """A bot's description: what it was, and the id by which a later run recognises it."""
    return f"Slack app {user.id}"
