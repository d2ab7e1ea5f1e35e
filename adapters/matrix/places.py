"""How a room itself looks: what an export asks for, and what the homeserver says of it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrator.adapters.base import Directory, Place, RemoteId
from migrator.adapters.matrix.client import Api, Client, Refused, path
from migrator.adapters.matrix.content import mapping
from migrator.adapters.matrix.rooms import LOCKED
from migrator.model import Conversation, ConversationKind
from migrator.plain import plain

__all__ = ["foresee", "join_rule", "read", "shown_name", "topic"]

CHANNELS = (ConversationKind.PUBLIC, ConversationKind.PRIVATE)


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


def foresee(conversation: Conversation, directory: Directory) -> Place:
    return Place(
        name=shown_name(conversation),
        topic=topic(conversation, directory),
        access=_access(join_rule(conversation), listed=conversation.kind in CHANNELS),
        closed=conversation.archived,
    )


def _access(rule: str, *, listed: bool) -> str:
    return f"{rule}, {'listed in the space' if listed else 'not listed'}"


async def read(client: Client, room: RemoteId, host: RemoteId, importer: RemoteId) -> Place:
    """As `host` sees it; the space is the importer's."""
    state = {(e["type"], e["state_key"]): e for e in await client.call_list(Api.room_get_state("", room), user=host)}

    def content(kind: str) -> Mapping[str, Any]:
        return mapping(state.get((kind, ""), {}).get("content"))

    spaces = [key for (kind, key), event in state.items() if kind == "m.space.parent" and event["content"].get("via")]
    pinned = content("m.room.pinned_events").get("pinned")
    return Place(
        name=str(content("m.room.name").get("name", "")),
        topic=str(content("m.room.topic").get("topic", "")),
        access=_access(
            str(content("m.room.join_rules").get("join_rule", "")),
            listed=bool(spaces) and await _is_child(client, spaces[0], room, importer),
        ),
        closed=int(content("m.room.power_levels").get("events_default", 0)) >= LOCKED,
        members=frozenset(
            key
            for (kind, key), event in state.items()
            if kind == "m.room.member" and event["content"].get("membership") == "join"
        ),
        pins=tuple(pinned) if isinstance(pinned, list) else (),
    )


async def _is_child(client: Client, space: RemoteId, room: RemoteId, importer: RemoteId) -> bool:
    try:
        child = await client.call(("GET", path("rooms", space, "state", "m.space.child", room)), user=importer)
    except Refused:
        return False
    return bool(child.get("via"))
