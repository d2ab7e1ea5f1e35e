"""Reading a room back: what was posted, by the keys its events carry."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from migrator.adapters.base import Key, RemoteFile, RemoteId, RemoteMessage
from migrator.adapters.matrix.client import Api, Client, path
from migrator.adapters.matrix.content import EDITED, KEY, PROFILE, is_media, latest_edit, mapping, markup
from migrator.adapters.matrix.read import read
from migrator.model import micros

__all__ = ["find", "latest", "messages", "unfinished"]

PAGE = 1_000  # the most that Synapse gives at once
POSTS, REACTIONS = "m.room.message", "m.reaction"


async def messages(client: Client, room: str, host: str, *, hashes: bool) -> AsyncIterator[RemoteMessage]:
    """Every post in the room's own order, oldest first, with reactions and the latest edit."""
    reactions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    async for event in _events(client, room, host, REACTIONS, back=False):
        relation = mapping(event["content"].get("m.relates_to"))
        if isinstance(relation.get("key"), str):
            reactions[relation.get("event_id", "")].append((relation["key"], event["sender"]))
    async for event in _events(client, room, host, POSTS, back=False):
        content: Mapping[str, Any] = event["content"]
        relation = mapping(content.get("m.relates_to"))
        if relation.get("rel_type") == "m.replace":
            continue
        edit = latest_edit(event)
        shown = mapping(edit["content"].get("m.new_content")) if edit else content
        yield RemoteMessage(
            key=_key(content),
            remote=event["event_id"],
            author=event["sender"],
            time=event["origin_server_ts"] * 1000,
            text=_text(shown),
            root=relation.get("event_id") if relation.get("rel_type") == "m.thread" else None,
            reactions=tuple(reactions.get(event["event_id"], ())),
            files=(await _file(client, shown, hashes),) if is_media(shown) else (),
            edited=edit is not None,
            deleted=not content,
            author_name=str(mapping(shown.get(PROFILE)).get("displayname", "")),
            emote=shown.get("msgtype") == "m.emote",
            markup=markup(shown),
        )


async def find(
    client: Client, room: str, host: str, keys: Collection[Key], *, reactions: bool
) -> dict[Key, Mapping[str, Any]]:
    """The events that carry these keys.

    Reads from the end and stops at the first post that is older than all of them: a run posts in ts order, so whatever
    it may have sent stands behind that.
    """
    wanted = set(keys)
    oldest = min(_time(key) for key in wanted)
    found: dict[Key, Mapping[str, Any]] = {}
    async for event in _events(client, room, host, REACTIONS if reactions else POSTS, back=True):
        key = _key(event["content"])
        if key in wanted:
            found.setdefault(key, event)
            if len(found) == len(wanted):
                break
        elif key and _time(key) < oldest:
            break
    return found


async def latest(client: Client, room: str, host: str) -> Mapping[str, Any] | None:
    """The last event of ours in a room."""
    async for event in _events(client, room, host, POSTS, back=True, page=50):
        if _key(event["content"]):
            return event
    return None


def unfinished(event: Mapping[str, Any]) -> bool:
    """Whether a post still lacks the edit event that shows when it was changed."""
    return bool(event["content"].get(EDITED)) and latest_edit(event) is None


async def _events(
    client: Client, room: str, host: str, kind: str, *, back: bool, page: int = PAGE
) -> AsyncIterator[dict[str, Any]]:
    start = ""
    while True:
        request = Api.room_messages("", room, start, None, "back" if back else "front", page, {"types": [kind]})
        answer = await client.call(request, user=host)
        for event in answer["chunk"]:
            yield event
        start = answer.get("end", "")
        if not start or not answer["chunk"]:
            return


def _key(content: Mapping[str, Any]) -> Key:
    key = content.get(KEY)
    return key if isinstance(key, str) else ""


def _time(key: Key) -> int:
    try:
        return micros(key.split("/")[1])
    except (IndexError, ValueError):
        return 0


def _text(content: Mapping[str, Any]) -> str:
    body = str(content.get("body", ""))
    if is_media(content) and body == content.get("filename", body):
        return ""
    html = content.get("formatted_body") if content.get("format") == "org.matrix.custom.html" else None
    return read(html, body)


async def _file(client: Client, content: Mapping[str, Any], hashes: bool) -> RemoteFile:
    name = str(content.get("filename") or content.get("body"))
    if hashes:
        return RemoteFile(name, *await digest_of(client, content["url"]))
    size = mapping(content.get("info")).get("size")
    return RemoteFile(name, size if isinstance(size, int) else 0)


async def digest_of(client: Client, address: RemoteId) -> tuple[int, str]:
    """Size and sha256 of stored bytes (authenticated media, spec 1.11)."""
    server, _, identifier = address.removeprefix("mxc://").partition("/")
    request = ("GET", path("media", "download", server, identifier, base="/_matrix/client/v1"))
    digest, size = hashlib.sha256(), 0
    async for chunk in client.stream(request):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()
