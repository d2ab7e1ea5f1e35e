"""Rooms: creating them, who is in them and what they are set to. Everything may be called again after a crash.

The importer's own account joins no conversation. Each room is made and kept by one of its members, its host, in whose
name the application service reads and sets it; who that is stands in the importer's account data for the room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from migrator.adapters.matrix.client import Api, Client, Refused, path

__all__ = ["LOCKED", "OPEN", "Room", "Rooms", "locked"]

ABOUT = "slack_migrator.room"  # type of our account data: {"host": user id, "read": event id}
LOCKED = 100  # the power that writing takes in an archived channel
VERSION = "11"  # version 12 would make whoever creates a room its irrevocable owner
# As in the source: everybody may set the topic, pin and invite; the rest is for hosts and workspace owners.
OPEN: dict[str, Any] = {
    "events_default": 0,
    "state_default": 50,
    "invite": 0,
    "events": {"m.room.topic": 0, "m.room.pinned_events": 0},
}


def locked(levels: Mapping[str, Any]) -> dict[str, Any]:
    """Power levels of an archived channel: reading only."""
    return {
        **levels,
        "events_default": LOCKED,
        "state_default": LOCKED,
        "invite": LOCKED,
        "events": {"m.reaction": LOCKED},
    }


class Room:
    """What is known of a room: its host, and its state as read once and kept up to date."""

    def __init__(self, identifier: str, host: str, state: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.id, self.host, self.state = identifier, host, state
        self.guard = asyncio.Lock()

    def get(self, kind: str, key: str = "") -> dict[str, Any]:
        return self.state.get((kind, key), {})

    def joined(self) -> list[str]:
        return [
            key
            for (kind, key), content in self.state.items()
            if kind == "m.room.member" and content.get("membership") == "join"
        ]

    def has(self, user: str) -> bool:
        return self.get("m.room.member", user).get("membership") == "join"

    @property
    def is_locked(self) -> bool:
        return int(self.get("m.room.power_levels").get("events_default", 0)) >= LOCKED


class Rooms:
    """All rooms of a run. `sender` is the application service's own user.

    `quiet`: setting a name on this homeserver touches no rooms (MSC4069). Elsewhere Synapse repeats everybody's
    membership some time later, unless nothing would change; of a restricted join something always would, so there
    people are invited first: two events instead of one.
    """

    def __init__(self, client: Client, sender: str, *, quiet: bool = False) -> None:
        self.client, self.sender, self.quiet = client, sender, quiet
        self._known: dict[str, Room] = {}
        self._about: dict[str, dict[str, Any]] = {}

    async def resolve(self, alias: str) -> str | None:
        """The id of the room behind an alias."""
        try:
            return str((await self.client.call(Api.room_resolve_alias(alias)))["room_id"])
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, host: str, **what: Any) -> str:
        """Make a room of `nio.Api.room_create`'s arguments; `host` becomes its first member and administrator."""
        made = await self.client.call(Api.room_create("", room_version=VERSION, **what), user=host)
        await self.note(made["room_id"], host=host)
        return str(made["room_id"])

    async def about(self, room: str) -> dict[str, Any]:
        """Our notes on a room; {} where there are none."""
        if room not in self._about:
            where = path("user", self.sender, "rooms", room, "account_data", ABOUT)
            try:
                self._about[room] = await self.client.call(("GET", where))
            except Refused as refused:
                if refused.status != 404:
                    raise
                self._about[room] = {}
        return self._about[room]

    async def note(self, room: str, **facts: str) -> None:
        merged = await self.about(room) | facts
        where = path("user", self.sender, "rooms", room, "account_data", ABOUT)
        await self.client.call(("PUT", where, Api.to_json(merged)))
        self._about[room] = merged

    async def load(self, room: str, candidates: Iterable[str] = ()) -> Room | None:
        """A room with its state. `candidates` are tried as hosts where none was noted (a run died in between)."""
        if room in self._known:
            return self._known[room]
        noted = (await self.about(room)).get("host", "")
        for host in (noted,) if noted else tuple(candidates):
            try:
                events: Any = await self.client.call_list(Api.room_get_state("", room), user=host)
            except Refused as refused:
                if refused.status not in (403, 404) or noted:
                    raise
                continue
            if not noted:
                await self.note(room, host=host)
            state = {(e["type"], e["state_key"]): e["content"] for e in events}
            return self._known.setdefault(room, Room(room, host, state))
        return None

    async def put(
        self, room: Room, kind: str, content: dict[str, Any], key: str = "", user: str = "", ts: int | None = None
    ) -> None:
        """Set state unless it is so already."""
        if room.state.get((kind, key)) == content:
            return
        await self.client.call(Api.room_put_state("", room.id, kind, content, key), user=user or room.host, ts=ts)
        room.state[kind, key] = content

    async def seat(self, room: Room, user: str, ts: int | None) -> None:
        """See that somebody is in a room, dated `ts`. Where nobody may join unasked, the host invites first."""
        async with room.guard:
            if room.has(user):
                return
            join = {"membership": "join"}
            if self.quiet and room.get("m.room.join_rules").get("join_rule") in ("public", "restricted"):
                try:
                    await self._member(room, user, join, user, ts)
                except Refused as refused:
                    if refused.status != 403:
                        raise
                else:
                    return
            if room.get("m.room.member", user).get("membership") != "invite":
                await self._member(room, user, {"membership": "invite"}, room.host, ts)
            await self._member(room, user, join, user, ts)

    async def unseat(self, room: Room, user: str, ts: int | None) -> None:
        if room.has(user) and user != room.host:
            await self._member(room, user, {"membership": "leave"}, user, ts)

    async def _member(self, room: Room, user: str, content: dict[str, Any], by: str, ts: int | None) -> None:
        request = Api.room_put_state("", room.id, "m.room.member", content, user)
        await self.client.call(request, user=by, ts=ts)
        room.state["m.room.member", user] = content
