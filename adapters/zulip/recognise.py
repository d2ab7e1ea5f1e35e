"""What came of an archive once it was imported: people, channels, direct messages and emoji, found by what they are
called there. The same rules name them as when the archive was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from migrator.adapters.base import Key, Kind, RemoteId, Source
from migrator.adapters.zulip.archive_people import Roster
from migrator.adapters.zulip.archive_places import Places, is_direct
from migrator.adapters.zulip.emoji import custom_name
from migrator.adapters.zulip.lent import Person
from migrator.adapters.zulip.session import Session

__all__ = ["recognise"]


def recognise(
    session: Session, source: Source, known: Mapping[str, str], domain: str
) -> dict[Kind, dict[Key, RemoteId]]:
    """Keys to ids on the server. `known`, `domain`: as when the archive was written. Reads the export once."""
    workspace = source.workspace
    roster = Roster(workspace, 1, known, domain)
    writers, words = _met(source, roster)
    people: dict[Key, RemoteId] = {}
    for member in roster.members.values():
        if (account := session.accounts.of_address(member.email)) is not None:
            people[member.user.id] = str(account.id)
            session.memory.state.people.setdefault(member.user.id, Person(account.id, member.user.name))
    there = {name.casefold(): number for number, name in session.places.channel_names().items()}
    rooms: dict[Key, RemoteId] = {}
    for channel in Places(workspace, roster, 1, session.facts.major, folders=False).channels.values():
        if (number := there.get(channel.name.casefold())) is not None:
            rooms[channel.conversation.id] = str(number)
            session.memory.state.channels[channel.conversation.id] = (number, channel.conversation.name)
    for conversation in filter(is_direct, workspace.conversations.values()):
        members = _accounts(roster, people, conversation.members)
        wrote = _accounts(roster, people, writers[conversation.id])
        if members:
            rooms[conversation.id] = remote = "dm:" + ",".join(map(str, sorted(members)))
            if guests := sorted(wrote - members):
                session.memory.state.guests[remote] = guests
    emoji = {}
    for name in {*workspace.emoji, *words}:
        if session.has_emoji(custom_name(name)):
            emoji[name] = custom_name(name)
            session.memory.state.emoji[custom_name(name)] = name
    session.memory.save()
    return {Kind.USER: people, Kind.CONVERSATION: rooms, Kind.EMOJI: emoji}


def _accounts(roster: Roster, people: Mapping[Key, RemoteId], users: Iterable[str]) -> set[int]:
    members = [member for user in users if (member := roster.find(user)) is not None]
    return {int(people[member.user.id]) for member in members if member.user.id in people}


def _met(source: Source, roster: Roster) -> tuple[Mapping[str, set[str]], set[str]]:
    """Who wrote in direct messages, and the names of custom emoji that somebody reacted with. Whoever the export does
    not list comes into the roster, as when the archive was written."""
    writers: dict[str, Any] = defaultdict(set)
    words: set[str] = set()
    for conversation in source.workspace.conversations.values():
        direct = is_direct(conversation)
        for message in source.messages(conversation.id):
            roster.member(message.author.user)
            if direct:
                writers[conversation.id].add(message.author.user)
            words.update(reaction.name for reaction in message.reactions if not reaction.char)
    return writers, words
