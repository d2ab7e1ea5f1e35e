"""Where messages go: channels and direct messages, as the live route makes, finds and reads them.

A conversation's remote id is the channel's id, or "dm:ID,ID…" with everybody's account in it. Somebody who writes into
direct messages without being one of them (an app) writes to all of them and themself: read back, that is one place.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from migrator.adapters.base import RemoteId
from migrator.adapters.zulip import names
from migrator.adapters.zulip.accounts import Accounts
from migrator.adapters.zulip.client import Server
from migrator.adapters.zulip.lent import Memory
from migrator.adapters.zulip.loans import Loans
from migrator.adapters.zulip.preflight import Facts
from migrator.errors import SkipItem
from migrator.model import Conversation, ConversationKind

__all__ = ["Channel", "Places", "is_direct", "number_of", "participants", "shown_names"]

PAGE = 1000  # messages per read


class Channel(Struct):
    """A channel as the server lists it."""

    id: int
    name: str
    private: bool
    archived: bool
    description: str


def is_direct(remote: RemoteId) -> bool:
    return remote.startswith("dm:")


def number_of(remote: RemoteId) -> int:
    """The id of a channel. ValueError for direct messages."""
    return int(remote)


def participants(remote: RemoteId) -> list[int]:
    return [int(number) for number in remote.removeprefix("dm:").split(",")]


class Called:
    """Names as the export has them, for descriptions: a directory without remote ids."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def user_name(self, user: str, label: str = "") -> str:
        person = self._memory.state.people.get(user)
        return person.name if person else label.lstrip("@") or user

    def conversation_name(self, conversation: str, label: str = "") -> str:
        known = self._memory.state.channels.get(conversation)
        return known[1] if known else label.lstrip("#") or conversation

    def conversation_kind(self, conversation: str) -> ConversationKind:
        return ConversationKind.PUBLIC

    def group_name(self, group: str, label: str = "") -> str:
        return label.lstrip("@") or group

    def remote_user(self, user: str) -> None:
        return None

    def remote_conversation(self, conversation: str) -> None:
        return None

    def remote_post(self, conversation: str, ts: str) -> None:
        return None

    def remote_emoji(self, name: str) -> None:
        return None


class Places:
    """All channels of the organisation, read once, and what is made of conversations."""

    def __init__(self, server: Server, facts: Facts, memory: Memory, loans: Loans, accounts: Accounts) -> None:
        self.server, self.facts, self.memory, self.loans, self.accounts = server, facts, memory, loans, accounts
        self._lock = threading.RLock()
        self._channels: dict[int, Channel] = {}
        self._loaded = False
        self._readers: dict[RemoteId, int] = {}

    def load(self, *, again: bool = False) -> None:
        with self._lock:
            if self._loaded and not again:
                return
            asked = (
                {"include_all": True, "exclude_archived": False}
                if self.facts.level >= 356
                else {"include_all_active": True}
            )
            rows = self.server.call("GET", "streams", asked)["streams"]
            self._channels = {
                int(row["stream_id"]): Channel(
                    int(row["stream_id"]),
                    str(row["name"]),
                    bool(row.get("invite_only")),
                    bool(row.get("is_archived")),
                    str(row.get("description", "")),
                )
                for row in rows
            }
            self._loaded = True

    def channel(self, number: int) -> Channel:
        """SkipItem where it is not there any more."""
        self.load()
        if number not in self._channels:
            self.load(again=True)
        if number not in self._channels:
            raise SkipItem("its channel was deleted on the server")
        return self._channels[number]

    def channel_names(self) -> dict[int, str]:
        self.load()
        return {channel.id: channel.name for channel in self._channels.values()}

    # ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, conversation: Conversation, members: Mapping[str, RemoteId]) -> RemoteId:
        if conversation.kind in (ConversationKind.DIRECT, ConversationKind.GROUP):
            return self._put_direct(members)
        with self._lock:
            self.load()
            return self._put_channel(conversation, sorted({int(remote) for remote in members.values()}))

    def _put_direct(self, members: Mapping[str, RemoteId]) -> RemoteId:
        everybody = sorted({int(remote) for remote in members.values()})
        if not everybody:
            raise SkipItem("nobody of these direct messages is known")
        remote = "dm:" + ",".join(map(str, everybody))
        if self.accounts.reader(everybody) is None:
            raise SkipItem(
                "direct messages are moved only where they can be read back, and nobody's key is to be had "
                "(set jwt_key_file)"
            )
        return remote

    def _put_channel(self, conversation: Conversation, members: list[int]) -> RemoteId:
        private = conversation.kind is ConversationKind.PRIVATE
        about = names.description(conversation, Called(self.memory))
        known = self.memory.state.channels.get(conversation.id)
        channel = self._channels.get(known[0]) if known else None
        if channel is not None:
            if channel.description != about and about and not channel.archived:
                self.server.call("PATCH", f"streams/{channel.id}", {"description": about})
        else:
            channel = self._find_or_make(conversation, members, private, about)
        self.memory.state.channels[conversation.id] = (channel.id, conversation.name)
        self.memory.save()
        if not channel.archived:
            self._subscribe(channel, members)
        return str(channel.id)

    def foresee(self, conversation: Conversation) -> tuple[str, Channel | None]:
        """The name its channel will have, and the organisation's own of that name, if the two are to become one."""
        self.load()
        ours = {number for number, _ in self.memory.state.channels.values()}
        private = conversation.kind is ConversationKind.PRIVATE
        name = names.channel_name(conversation)
        there = next((c for c in self._channels.values() if c.name.casefold() == name.casefold()), None)
        if there is not None and there.id not in ours and there.private == private and not there.archived:
            return name, there
        return names.distinct(name, conversation.id, (c.name for c in self._channels.values()), names.MAX_CHANNEL), None

    def _find_or_make(self, conversation: Conversation, members: list[int], private: bool, about: str) -> Channel:
        name, there = self.foresee(conversation)
        if there is not None:
            return there
        taken = {channel.name.casefold(): channel for channel in self._channels.values()}
        if name.casefold() in taken:  # a killed run made it
            return taken[name.casefold()]
        self._join(name, about, [*members, self.facts.account] if private or not members else members, private)
        self.load(again=True)
        channel = next(c for c in self._channels.values() if c.name.casefold() == name.casefold())
        if private and self.facts.account not in members:
            self.loans.joined(channel.id)
        elif not private and not members:
            self.server.call("DELETE", "users/me/subscriptions", {"subscriptions": [channel.name]})
        return channel

    def _join(self, name: str, about: str, members: list[int], private: bool) -> None:
        active = [n for n in members if (account := self.accounts.get(n)) is not None and account.active]
        parameters: dict[str, Any] = {
            "subscriptions": [{"name": name, "description": about}],
            "principals": active or [self.facts.account],
            "invite_only": private,
            "history_public_to_subscribers": True,
            "announce": False,
            "authorization_errors_fatal": False,
        }
        if self.facts.level >= 397:
            parameters["send_new_subscription_messages"] = False
        self.server.call("POST", "users/me/subscriptions", parameters)

    def _subscribe(self, channel: Channel, members: list[int]) -> None:
        there = set(self.server.call("GET", f"streams/{channel.id}/members")["subscribers"])
        missing = [number for number in members if number not in there]
        if missing:
            self._join(channel.name, channel.description, missing, channel.private)

    @contextlib.contextmanager
    def seat(self, remote: RemoteId, account: int) -> Iterator[None]:
        """Somebody in a channel for as long as this lasts: who left it may have reacted there. SkipItem where the mover
        cannot let them in."""
        channel = self.channel(number_of(remote))
        if channel.archived:
            raise SkipItem("who left an archived channel cannot react there")
        self.loans.seated(channel.id, account)
        try:
            self._join(channel.name, channel.description, [account], channel.private)
            yield
        finally:
            self.loans.unseat(channel.id, channel.name, account)

    def close(self, conversation: Conversation, remote: RemoteId) -> None:
        """After the last message: an archived channel is archived."""
        if is_direct(remote) or not conversation.archived:
            return
        channel = self.channel(number_of(remote))
        if not channel.archived:
            self.server.call("DELETE", f"streams/{channel.id}")
            channel.archived = True

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(
        self, remote: RemoteId, *, after: int = 0, narrow: tuple[dict[str, Any], ...] = (), raw: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Messages of a conversation with ids greater than `after`, oldest first; `raw`: Markdown instead of HTML."""
        streams = [self._read(place, after, narrow, raw) for place in self._with_guests(remote)]
        return heapq.merge(*streams, key=lambda message: int(message["id"]))

    def _wider(self, remote: RemoteId, guest: int) -> RemoteId:
        """Direct messages with one person more."""
        return "dm:" + ",".join(map(str, sorted({*participants(remote), guest})))

    def _read(
        self, remote: RemoteId, after: int, narrow: tuple[dict[str, Any], ...], raw: bool
    ) -> Iterator[dict[str, Any]]:
        reader = self.reader(remote)
        anchor = after
        while True:
            parameters = {
                "anchor": anchor,
                "include_anchor": False,
                "num_before": 0,
                "num_after": PAGE,
                "narrow": [self._narrow(remote, reader), *narrow],
                "apply_markdown": not raw,
                "client_gravatar": True,
                "allow_empty_topic_name": True,
            }
            answer = self.call_as(reader, "GET", "messages", parameters)
            for message in answer["messages"]:
                yield message
                anchor = max(anchor, int(message["id"]))
            if answer.get("found_newest", True) or not answer["messages"]:
                return

    def newest(self, remote: RemoteId) -> int:
        """The id of a conversation's newest message, 0 where it is empty."""
        newest = 0
        for place in self._with_guests(remote):
            reader = self.reader(place)
            asked = {"anchor": "newest", "num_before": 1, "num_after": 0, "narrow": [self._narrow(place, reader)]}
            answer = self.call_as(reader, "GET", "messages", asked)
            newest = max(newest, *(int(message["id"]) for message in answer["messages"]), 0)
        return newest

    def _with_guests(self, remote: RemoteId) -> list[RemoteId]:
        """A conversation, and the direct messages that somebody else wrote into."""
        guests = self.memory.state.guests.get(remote, ())
        return [remote, *(self._wider(remote, guest) for guest in guests)]

    def message(self, remote: RemoteId, number: RemoteId, *, raw: bool) -> dict[str, Any]:
        """One message. SkipItem where it is not there (any more)."""
        answer = self.call_as(self.reader(remote), "GET", f"messages/{number}", {"apply_markdown": not raw})
        found: dict[str, Any] = answer["message"]
        return found

    def call_as(self, reader: int, method: str, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if reader == self.facts.account:
            return self.server.call(method, path, parameters)
        return self.accounts.as_(reader, method, path, parameters)

    def _narrow(self, remote: RemoteId, reader: int) -> dict[str, Any]:
        if is_direct(remote):
            others = [number for number in participants(remote) if number != reader]
            return {"operator": "dm", "operand": others or [reader]}
        return {"operator": "channel", "operand": number_of(remote)}

    def reader(self, remote: RemoteId) -> int:
        """An account that may read a conversation: the mover's own, or one of its people's."""
        if remote not in self._readers:
            self._readers[remote] = self._choose_reader(remote)
        return self._readers[remote]

    def _choose_reader(self, remote: RemoteId) -> int:
        mine = self.facts.account
        if is_direct(remote):
            people = participants(remote)
            reader = mine if mine in people else self.accounts.reader(people)
        else:
            channel = self.channel(number_of(remote))
            if not channel.private or channel.id in self.memory.state.joined:
                return mine
            members = self.server.call("GET", f"streams/{channel.id}/members")["subscribers"]
            reader = mine if mine in members else self.accounts.reader(members)
        if reader is None:
            raise SkipItem("nobody who may read this conversation has a key that is to be had (set jwt_key_file)")
        return reader


def shown_names(memory: Memory) -> tuple[dict[int, str], dict[int, str]]:
    """How the export calls people and channels, by their ids on the server."""
    people = {person.account: person.name for person in list(memory.state.people.values())}
    channels = {number: name for number, name in list(memory.state.channels.values()) if name}
    return people, channels
