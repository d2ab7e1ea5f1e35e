"""From conversations of the model to rooms: the space, who hosts and sits where, names, rights, what is read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from migrator.adapters.base import RemoteId
from migrator.adapters.matrix import history, ids
from migrator.adapters.matrix.client import Api, Refused, path
from migrator.adapters.matrix.places import inside, join_rule, shown_name, space_alias, space_name, topic
from migrator.adapters.matrix.rooms import OPEN, Room, Rooms, locked
from migrator.directory import Names
from migrator.errors import AuthError
from migrator.model import Conversation, ConversationKind, Role, User, Workspace

__all__ = ["Seating"]

WORKSPACE = "slack_migrator.workspace"  # state of the space; dated, to see whether the homeserver keeps dates
DATED = 1_376_438_400_000  # the day Slack opened
OWNERS = (Role.OWNER, Role.ADMIN)


class Seating:
    """Knows the workspace once `put_space` was called, which every run does first."""

    def __init__(self, rooms: Rooms, prefix: str, server: str, mxid: Callable[[str], RemoteId]) -> None:
        self.rooms, self.client = rooms, rooms.client
        self.prefix, self.server, self.mxid = prefix, server, mxid
        self.people: Mapping[str, User] = {}
        self.space: Room | None = None
        self.names = Names(Workspace("", "", "", {}, {}, {}, {}))
        self._direct: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    # ── the space ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def put_space(self, workspace: Workspace) -> RemoteId:
        self.people = workspace.users
        self.names = Names(workspace)
        alias = space_alias(workspace, self.prefix, self.server)
        room = await self.rooms.resolve(alias)
        if room is None:
            owners = {self.mxid(user.id): 100 for user in self.people.values() if user.active and user.role in OWNERS}
            room = await self.rooms.create(
                self.rooms.sender,
                alias=_local(alias),
                name=space_name(workspace),
                space=True,
                power_level_override={"events_default": 100, "users": {self.rooms.sender: 100, **owners}},
            )
        self.space = await self.rooms.load(room, [self.rooms.sender])
        if self.space is not None:
            await self._mark(self.space, workspace)
            await self.rooms.put(self.space, "m.room.name", {"name": space_name(workspace)})
        return room

    async def _mark(self, space: Room, workspace: Workspace) -> None:
        """Say what the space is, in the past: AuthError where the homeserver does not let us date events."""
        await self.rooms.put(space, WORKSPACE, {"id": workspace.id, "domain": workspace.domain}, ts=DATED)
        events = await self.client.call_list(Api.room_get_state("", space.id))
        if not any(e["type"] == WORKSPACE and e["origin_server_ts"] == DATED for e in events):
            raise AuthError(
                "this homeserver does not keep the dates we give: every message would be dated today",
                hint="only an application service may date events; check the registration",
            )

    async def enter_space(self, user: User) -> None:
        if self.space is not None and inside(user):
            await self.rooms.seat(self.space, self.mxid(user.id), None)

    # ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────

    async def put_conversation(self, conversation: Conversation, members: Mapping[str, RemoteId]) -> RemoteId:
        alias = ids.alias(self.prefix, conversation.id, self.server)
        identifier = await self.rooms.resolve(alias)
        if identifier is None:
            identifier = await self._create(conversation, members, alias)
        room = await self.rooms.load(identifier, [self._host(conversation, members), *members.values()])
        if room is None:
            raise Refused(403, "M_FORBIDDEN", "none of our users is in the room of this conversation")
        await self._name(conversation, room, alias)
        await self.rooms.put(room, "m.room.join_rules", self._join_rules(conversation))  # public to private, or back
        date = conversation.created * 1000 if conversation.created else None
        for user in members.values():
            await self.rooms.seat(room, user, date)
        if conversation.kind is ConversationKind.DIRECT:
            for user in members.values():
                await self._mark_direct(user, room.id, [other for other in members.values() if other != user])
        elif self.space is not None and conversation.kind is not ConversationKind.GROUP:
            child = {"via": [self.server], "suggested": conversation.general}
            await self.rooms.put(self.space, "m.space.child", child, room.id)
        return identifier

    async def _create(self, conversation: Conversation, members: Mapping[str, RemoteId], alias: str) -> RemoteId:
        host = self._host(conversation, members)
        powers = {host: 100, **{user: 100 for key, user in members.items() if self._is_owner(key)}}
        if conversation.kind is ConversationKind.DIRECT:
            powers |= dict.fromkeys(members.values(), 100)
        elif conversation.kind is ConversationKind.GROUP:
            powers = dict.fromkeys(members.values(), 50) | powers
        state: list[dict[str, Any]] = []
        if conversation.kind is ConversationKind.PUBLIC:
            state.append({"type": "m.room.join_rules", "content": self._join_rules(conversation)})
        if self.space is not None and conversation.kind in (ConversationKind.PUBLIC, ConversationKind.PRIVATE):
            parent = {"via": [self.server], "canonical": True}
            state.append({"type": "m.space.parent", "state_key": self.space.id, "content": parent})
        state.append({"type": "m.room.guest_access", "content": {"guest_access": "forbidden"}})
        return await self.rooms.create(
            host,
            alias=_local(alias),
            name=shown_name(conversation) or None,
            is_direct=conversation.kind is ConversationKind.DIRECT,
            initial_state=state,
            power_level_override={**OPEN, "users": powers},
        )

    def _join_rules(self, conversation: Conversation) -> dict[str, Any]:
        rules: dict[str, Any] = {"join_rule": join_rule(conversation)}
        if rules["join_rule"] == "restricted" and self.space is not None:
            rules["allow"] = [{"type": "m.room_membership", "room_id": self.space.id}]
        return rules

    def _host(self, conversation: Conversation, members: Mapping[str, RemoteId]) -> RemoteId:
        """The member who made it, else an owner among them, else the first who is still active.

        Where the export names no members: who made it, else the importer itself."""
        active = [key for key in members if (user := self.people.get(key)) is None or (user.active and not user.is_bot)]
        choices = [key for key in active if key == conversation.creator]
        choices += [key for key in active if self._is_owner(key)] + active + list(members)
        if not choices and conversation.creator in self.people:
            return self.mxid(conversation.creator)
        return members[choices[0]] if choices else self.rooms.sender

    def _is_owner(self, key: str) -> bool:
        user = self.people.get(key)
        return user is not None and user.active and user.role in OWNERS

    async def _name(self, conversation: Conversation, room: Room, alias: str) -> None:
        if name := shown_name(conversation):
            await self.rooms.put(room, "m.room.name", {"name": name})
        said = topic(conversation, self.names)
        if said or room.get("m.room.topic").get("topic"):
            set_at = conversation.topic.at or conversation.purpose.at or conversation.created
            await self.rooms.put(room, "m.room.topic", {"topic": said}, ts=set_at * 1000 or None)
        if conversation.kind is ConversationKind.PUBLIC:
            await self._address(room, alias, ids.name_alias(self.prefix, conversation.name, self.server))

    async def _address(self, room: Room, alias: str, wanted: str) -> None:
        """A readable alias beside ours, where nobody has it."""
        if not wanted or room.get("m.room.canonical_alias").get("alias") == wanted:
            return
        try:
            await self.client.call(Api.room_put_alias("", wanted, room.id), user=room.host)
        except Refused:
            if await self.rooms.resolve(wanted) != room.id:
                return  # another room has it, or the homeserver allows us no such name: ours does
        await self.rooms.put(room, "m.room.canonical_alias", {"alias": wanted, "alt_aliases": [alias]})

    async def _mark_direct(self, user: RemoteId, room: RemoteId, others: list[RemoteId]) -> None:
        """m.direct in somebody's account data, beside what stands there (spec 11.21)."""
        where = path("user", user, "account_data", "m.direct")
        async with self._direct[user]:
            try:
                direct: dict[str, Any] = await self.client.call(("GET", where), user=user)
            except Refused as refused:
                if refused.status != 404:
                    raise
                direct = {}
            before = {key: list(value) for key, value in direct.items()}
            for other in others or [user]:
                direct[other] = [*dict.fromkeys([*direct.get(other, []), room])]
            if direct != before:
                await self.client.call(("PUT", where, Api.to_json(direct)), user=user)

    # ── before and after history ────────────────────────────────────────────────────────────────────────────────────

    async def unlock(self, room: Room) -> None:
        """Open an archived room that history is still missing in; `settle` locks it again."""
        if room.is_locked:
            levels = room.get("m.room.power_levels")
            await self.rooms.put(room, "m.room.power_levels", {**levels, **OPEN})

    async def settle(self, conversation: Conversation, room: Room, members: Mapping[str, RemoteId]) -> None:
        """Who only wrote here once leaves; what was brought counts as read; an archived channel is locked."""
        last = await history.latest(self.client, room.id, room.host)
        date = last["origin_server_ts"] if last else None
        if members:
            ours = {self.mxid(key) for key in self.people}
            for user in sorted(set(room.joined()) & ours - set(members.values())):
                await self.rooms.unseat(room, user, date)
        if last and (await self.rooms.about(room.id)).get("read") != last["event_id"]:
            await self._read(room, last["event_id"], members)
            await self.rooms.note(room.id, read=last["event_id"])
        levels = room.get("m.room.power_levels")
        wanted = locked(levels) if conversation.archived else {**levels, **OPEN}
        if room.is_locked != conversation.archived:
            await self.rooms.put(room, "m.room.power_levels", wanted)

    async def _read(self, room: Room, event: RemoteId, members: Mapping[str, RemoteId]) -> None:
        where = path("rooms", room.id, "read_markers")
        body = Api.to_json({"m.fully_read": event, "m.read": event})
        for key, user in members.items():
            person = self.people.get(key)
            if room.has(user) and (person is None or (person.active and not person.is_bot)):
                await self.client.call(("POST", where, body), user=user)


def _local(alias: str) -> str:
    return alias[1:].partition(":")[0]
