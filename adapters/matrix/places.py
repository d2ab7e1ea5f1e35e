"""How rooms and people look: what an export asks for, and what the homeserver says of them now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrator.adapters.base import Directory, Person, Place, RemoteId
from migrator.adapters.matrix.client import Api, Client, Refused, path
from migrator.adapters.matrix.content import mapping
from migrator.adapters.matrix.history import digest_of
from migrator.adapters.matrix.ids import alias, name_alias
from migrator.adapters.matrix.rooms import LOCKED, Room, Rooms
from migrator.model import Conversation, ConversationKind, Role, User, Workspace
from migrator.plain import plain

__all__ = [
    "foresee",
    "foresee_space",
    "inside",
    "join_rule",
    "person_name",
    "read",
    "read_person",
    "shown_name",
    "space_alias",
    "space_name",
    "topic",
]

CHANNELS = (ConversationKind.PUBLIC, ConversationKind.PRIVATE)
INSIDE = (Role.OWNER, Role.ADMIN, Role.MEMBER)


def space_name(workspace: Workspace) -> str:
    return workspace.name or workspace.domain or "Slack"


def inside(user: User) -> bool:
    """Who is in the space, and so may enter public channels unasked; guests are let in one by one."""
    return user.active and user.role in INSIDE


def person_name(user: User) -> str:
    return user.name.strip()[:256] or user.handle or user.id


def shown_name(conversation: Conversation) -> str:
    """Direct conversations have none: clients show who is in them."""
    return (conversation.name or conversation.id) if conversation.kind in CHANNELS else ""


def topic(conversation: Conversation, directory: Directory) -> str:
    """The topic, and below it the purpose where it says something else."""
    captions = [plain(caption.body, directory).strip() for caption in (conversation.topic, conversation.purpose)]
    return "\n".join(dict.fromkeys(text for text in captions if text))


def join_rule(conversation: Conversation) -> str:
    """Public channels are open to whoever is in the workspace's space, everything else to who is invited."""
    return "restricted" if conversation.kind is ConversationKind.PUBLIC else "invite"


def foresee(conversation: Conversation, directory: Directory, prefix: str, server: str) -> Place:
    addresses = {alias(prefix, conversation.id, server)}
    if conversation.kind is ConversationKind.PUBLIC:
        addresses.add(name_alias(prefix, conversation.name, server))
    return Place(
        name=shown_name(conversation),
        topic=topic(conversation, directory),
        access=_access(join_rule(conversation), listed=conversation.kind in CHANNELS),
        closed=conversation.archived,
        addresses=frozenset(addresses - {""}),
    )


def foresee_space(workspace: Workspace, members: frozenset[RemoteId], prefix: str, server: str) -> Place:
    return Place(
        name=space_name(workspace),
        access=_access("invite", listed=False),
        closed=True,  # nobody posts into a space
        members=members,
        addresses=frozenset({space_alias(workspace, prefix, server)}),
    )


def space_alias(workspace: Workspace, prefix: str, server: str) -> str:
    """By its domain, for older exports do not know the workspace's id."""
    return alias(prefix, workspace.domain or workspace.id or "workspace", server)


def _access(rule: str, *, listed: bool) -> str:
    return f"{rule}, {'listed in the space' if listed else 'not listed'}"


async def read(rooms: Rooms, room: Room, prefix: str) -> Place:
    """As the host sees it now. Where the address that people would use leads to another room, it was taken, and counts
    as if it led here."""
    events = await rooms.client.call_list(Api.room_get_state("", room.id), user=room.host)
    state = {(event["type"], event["state_key"]): mapping(event["content"]) for event in events}

    def content(kind: str) -> Mapping[str, Any]:
        return state.get((kind, ""), {})

    def keys(kind: str, field: str) -> dict[str, Any]:
        return {key: said.get(field) for (of, key), said in state.items() if of == kind and said.get(field)}

    spaces = list(keys("m.space.parent", "via"))
    pinned = content("m.room.pinned_events").get("pinned")
    name = str(content("m.room.name").get("name", ""))
    addresses = set((await rooms.client.call(("GET", path("rooms", room.id, "aliases")), user=room.host))["aliases"])
    wanted = name_alias(prefix, name, rooms.sender.partition(":")[2])
    if wanted and wanted not in addresses and await rooms.resolve(wanted):
        addresses.add(wanted)
    return Place(
        name=name,
        topic=str(content("m.room.topic").get("topic", "")),
        access=_access(
            str(content("m.room.join_rules").get("join_rule", "")),
            listed=bool(spaces) and await _is_child(rooms, spaces[0], room.id),
        ),
        closed=int(content("m.room.power_levels").get("events_default", 0)) >= LOCKED,
        members=frozenset(
            key
            for (kind, key), member in state.items()
            if kind == "m.room.member" and member.get("membership") == "join"
        ),
        pins=tuple(pinned) if isinstance(pinned, list) else (),
        addresses=frozenset(addresses),
    )


async def read_person(client: Client, person: RemoteId) -> Person | None:
    try:
        profile = await client.call(Api.profile_get(person))
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    picture = profile.get("avatar_url")
    return Person(str(profile.get("displayname") or ""), (await digest_of(client, picture))[1] if picture else "")


async def _is_child(rooms: Rooms, space: RemoteId, room: RemoteId) -> bool:
    where = path("rooms", space, "state", "m.space.child", room)
    try:
        child = await rooms.client.call(("GET", where), user=rooms.sender)  # the space is the importer's
    except Refused:
        return False
    return bool(child.get("via"))
