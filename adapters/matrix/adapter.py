"""Matrix: a homeserver written to by its client-server API, as an application service.

Settings: `homeserver` (address), `as_token` (see `migrator.secret`), `prefix` of our users and aliases ("slack_"),
`ca_file`, `lanes`, `quiet_names` (the homeserver has MSC4069 switched on). The application service acts as ghost users
and dates events (`ts`), which nobody else may.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

from migrator.adapters.base import (
    Composed,
    Directory,
    Draft,
    Key,
    Kind,
    Limits,
    Person,
    Place,
    Post,
    ReactionPost,
    Receipts,
    RemoteId,
    RemoteMessage,
    Route,
    Target,
)
from migrator.adapters.matrix import content as event_content
from migrator.adapters.matrix import ids
from migrator.adapters.matrix.fates import LIVE
from migrator.adapters.matrix.registration import usable_prefix
from migrator.adapters.matrix.render import MatrixWriter
from migrator.config import flag, in_the_clear, number
from migrator.errors import AuthError, Retry, SkipItem, TargetUnavailable, UsageError
from migrator.model import Conversation, File, Local, Message, User, Workspace
from migrator.secret import read_secret

if TYPE_CHECKING:
    from migrator.adapters.matrix.client import Client
    from migrator.adapters.matrix.rooms import Room, Rooms
    from migrator.adapters.matrix.seating import Seating

__all__ = ["Matrix"]

# MSC4069. Without it Synapse repeats somebody's memberships, dated today, some time after their name is set.
QUIETLY = "org.matrix.msc4069.propagate"


class Matrix:
    """The adapter. `open` first; only `compose`, `routes` and `user_id` work without."""

    name: ClassVar[str] = "matrix"
    time_unit: ClassVar[int] = 1_000
    routes: ClassVar[tuple[Route, ...]] = (LIVE,)
    knows: ClassVar[tuple[str, ...]] = (
        *("homeserver", "server_name", "as_token", "as_token_file", "as_token_command"),
        *("prefix", "ca_file", "lanes", "quiet_names"),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.prefix = usable_prefix(str(settings.get("prefix", "slack_")))
        self.server = str(settings.get("server_name", ""))
        self.lanes = number(settings, "lanes", 8)
        self.quiet = flag(settings, "quiet_names")
        self.target: Target | None = None
        self._client: Client | None = None
        self._seating: Seating | None = None
        self._writer = MatrixWriter((self.server,) if self.server else ())
        self._half: dict[Key, RemoteId] = {}  # posts that still lack the event which shows that they were changed

    def user_id(self, user: User) -> RemoteId:
        """The ghost that stands for somebody, whether it exists or not."""
        return self._mxid(user.id)

    # ── required of every adapter ───────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> Target:
        from migrator.adapters.matrix.client import Client
        from migrator.adapters.matrix.rooms import Rooms
        from migrator.adapters.matrix.seating import Seating

        if self.target is not None:
            return self.target
        address = self._address()
        client = self._client = Client(address, read_secret(self.settings, "as_token"), self._text("ca_file"))
        try:
            self.target = await self._look(client)
        except Retry as error:
            hint = "check `homeserver` in the configuration"
            if "certificate" in str(error):
                hint = 'name its authority: ca_file = "PATH" under [matrix]'
            raise TargetUnavailable(f"{address}: {error}", hint=hint) from None
        except SkipItem as error:
            raise UsageError(
                f"{address} is not a homeserver we can use: {error}", hint="check `homeserver` in the configuration"
            ) from None
        self._seating = Seating(
            Rooms(client, self._sender, quiet=self.quiet),
            self.prefix,
            self.server,
            self._mxid,
        )
        self._writer = MatrixWriter((self.server,))
        return self.target

    async def _look(self, client: Client) -> Target:
        from migrator.adapters.matrix.client import Api, Refused, path

        await client.call(("GET", path("versions", base="/_matrix/client")))
        self._sender = str((await client.call(Api.whoami("")))["user_id"])
        server = self._sender.partition(":")[2]
        if self.server and self.server != server:
            raise UsageError(
                f"this homeserver is {server}, not {self.server}", hint="correct server_name, or remove it"
            )
        self.server = server
        probe = f"@{self.prefix}probe:{server}"
        try:
            answer = await client.call(Api.whoami(""), user=probe)
        except Refused:
            pass  # there is no such user: an application service is told so, anybody else's `user_id` is ignored
        else:
            if answer["user_id"] != probe:
                raise AuthError(
                    "this is a user's token, not an application service's",
                    hint="make a registration: slack-migrator matrix registration",
                )
        capabilities = (await client.call(("GET", path("capabilities"))))["capabilities"]
        from migrator.adapters.matrix.rooms import VERSION

        if VERSION not in capabilities.get("m.room_versions", {}).get("available", {VERSION: "stable"}):
            raise UsageError(f"this homeserver cannot make rooms of version {VERSION}", hint="upgrade the homeserver")
        media = await client.call(Api.content_repository_config(""))
        return Target(
            identity=f"matrix:{server}",
            version=await self._version(client),
            limits=Limits(file=int(media.get("m.upload.size") or 0), lanes=self.lanes, batch=16),
        )

    async def _version(self, client: Client) -> str:
        from migrator.adapters.matrix.client import path

        try:
            server = (await client.call(("GET", path("version", base="/_matrix/federation/v1"))))["server"]
        except SkipItem:  # federation's address is often closed to clients
            return "a Matrix homeserver"
        return f"{server.get('name')} {server.get('version')}"

    async def close(self) -> None:
        client, self._client, self.target = self._client, None, None
        if client is not None:
            await client.close()

    async def find(self, kind: Kind, keys: Sequence[Key], within: RemoteId | None = None) -> dict[Key, RemoteId]:
        if kind in (Kind.POST, Kind.REACTION):
            return await self._find_events(kind, keys, within or "") if keys else {}
        if kind is Kind.CONVERSATION:
            rooms = self._opened_rooms()
            aliases = [ids.alias(self.prefix, key, self.server) for key in keys]
            found = [await rooms.resolve(alias) for alias in aliases]
            return {key: room for key, room in zip(keys, found, strict=True) if room}
        if kind is Kind.USER:
            return {key: self._mxid(key) for key in keys if await self._exists(self._mxid(key))}
        return {}

    async def _find_events(self, kind: Kind, keys: Sequence[Key], within: RemoteId) -> dict[Key, RemoteId]:
        from migrator.adapters.matrix import history

        room = await self._room(within)
        events = await history.find(self._api(), room.id, room.host, keys, reactions=kind is Kind.REACTION)
        half = {key: event["event_id"] for key, event in events.items() if history.unfinished(event)}
        self._half |= half
        return {key: event["event_id"] for key, event in events.items() if key not in half}

    async def _exists(self, user: RemoteId) -> bool:
        from migrator.adapters.matrix.client import Api, Refused

        try:
            await self._api().call(Api.profile_get(user))
        except Refused:
            return False
        return True

    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed:
        return event_content.compose(message, directory, limits, self._writer)

    async def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        from migrator.adapters.matrix import history

        room = await self._opened_rooms().load(conversation)
        if room is None:
            return  # a run died while it made the room: nothing was said in it
        async for message in history.messages(self._api(), room.id, room.host, hashes=hashes):
            yield message

    # ── what verify may ask besides ─────────────────────────────────────────────────────────────────────────────────

    def markup(self, draft: Draft) -> str:
        return event_content.markup(event_content.event(draft.content, {file.id: "mxc:" for file in draft.files}))

    def foresee_place(self, conversation: Conversation, directory: Directory) -> Place:
        from migrator.adapters.matrix.places import foresee

        return foresee(conversation, directory, self.prefix, self.server)

    def foresee_workspace(self, workspace: Workspace) -> Place:
        from migrator.adapters.matrix.places import foresee_space, inside

        members = frozenset(self._mxid(user.id) for user in workspace.users.values() if inside(user))
        return foresee_space(workspace, members, self.prefix, self.server)

    async def read_place(self, conversation: RemoteId) -> Place:
        from migrator.adapters.matrix.places import read

        rooms = self._opened_rooms()
        room = await rooms.load(conversation)
        return await read(rooms, room, self.prefix) if room else Place()

    def foresee_person(self, user: User) -> Person:
        from migrator.adapters.matrix.places import person_name

        return Person(person_name(user))

    async def read_person(self, person: RemoteId) -> Person | None:
        from migrator.adapters.matrix.places import read_person

        return await read_person(self._api(), person)

    # ── required of a target that is written by calls ───────────────────────────────────────────────────────────────

    async def put_workspace(self, workspace: Workspace) -> RemoteId:
        return await self._seats().put_space(workspace)

    async def put_user(self, user: User) -> RemoteId:
        from migrator.adapters.matrix.client import Api, Refused, path
        from migrator.adapters.matrix.places import person_name

        client, mxid = self._api(), self._mxid(user.id)
        form = {
            "type": "m.login.application_service",
            "username": mxid[1:].partition(":")[0],
            "inhibit_login": True,
        }
        try:
            await client.call(("POST", path("register"), Api.to_json(form)))
        except Refused as refused:
            if refused.code != "M_USER_IN_USE":
                raise
        named = path("profile", mxid, "displayname")
        try:
            current = (await client.call(("GET", named))).get("displayname")
        except Refused:
            current = None
        wanted = person_name(user)
        if current != wanted:
            if current in (None, form["username"]):  # a new account is in no room that should hear of its name
                named = path("profile", mxid, "displayname", **{QUIETLY: "false"})
            await client.call(("PUT", named, Api.to_json({"displayname": wanted})), user=mxid)
        await self._seats().enter_space(user)
        return mxid

    async def put_avatar(self, user: User, remote: RemoteId, image: File, body: BinaryIO) -> RemoteId:
        from migrator.adapters.matrix.client import Api, path

        url = await self.put_file(image, body, remote, "")
        rooms = (await self._api().call(Api.joined_rooms(""), user=remote))["joined_rooms"]
        query = {QUIETLY: "false"} if len(rooms) <= 1 else {}  # in the space at most: no conversation need hear of it
        request = ("PUT", path("profile", remote, "avatar_url", **query), Api.to_json({"avatar_url": url}))
        await self._api().call(request, user=remote)
        return url

    async def put_conversation(self, conversation: Conversation, members: Mapping[str, RemoteId]) -> RemoteId:
        return await self._seats().put_conversation(conversation, members)

    async def put_file(self, file: File, body: BinaryIO, owner: RemoteId | None, conversation: RemoteId) -> RemoteId:
        from migrator.adapters.matrix.client import Api

        size = file.data.size if isinstance(file.data, Local) else file.size
        sent = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal sent
            while chunk := await asyncio.to_thread(body.read, 1 << 20):
                sent += len(chunk)
                if sent > size:
                    return
                yield chunk
            if sent < size:
                raise EOFError

        headers = {"Content-Type": file.mime or "application/octet-stream", "Content-Length": str(size)}
        try:
            request = Api.upload("", file.name or file.id)
            answer = await self._api().call(request, user=owner or "", data=chunks(), headers=headers)
        except (Retry, EOFError):
            if sent < size:
                raise SkipItem(f"{sent} bytes came instead of {size}") from None
            raise
        if sent != size:
            raise SkipItem(f"more than {size} bytes came")
        return str(answer["content_uri"])

    async def send(self, posts: Sequence[Post], receipts: Receipts) -> None:
        for post in posts:
            receipts.done(post.key, await self._send(post, receipts))

    async def _send(self, post: Post, receipts: Receipts) -> RemoteId:
        draft: event_content.Content = post.draft.content
        room, date = await self._room(post.conversation), post.time // 1000
        said = event_content.event(draft, {file.id: remote for file, remote in post.files})
        there = self._half.pop(post.key, None)
        if there is None:
            whole = said | {event_content.KEY: post.key} | self._relation(post, receipts)
            if draft.edited:
                whole[event_content.EDITED] = True
            there = await self._event(room, post.author, "m.room.message", whole, ids.event_txn(post.key), date)
        if draft.edited:
            edit = event_content.replacement(said, there)
            when = max(draft.edited, date)
            self._half[post.key] = there  # should the next request fail, only that one is missing
            await self._event(room, post.author, "m.room.message", edit, ids.event_txn(post.key, "edited"), when)
            del self._half[post.key]
        return there

    def _relation(self, post: Post, receipts: Receipts) -> dict[str, Any]:
        root = receipts.remote(post.root) if post.root else None
        if root:
            previous = receipts.remote(post.previous) if post.previous else None
            return {"m.relates_to": event_content.thread(root, previous or root)}
        if post.draft.part == "broadcast" and (reply := receipts.remote(post.key.removesuffix("/broadcast"))):
            return {"m.relates_to": {"m.in_reply_to": {"event_id": reply}}}
        return {}

    async def _event(
        self, room: Room, author: RemoteId, kind: str, said: dict[str, Any], txn: str, date: int
    ) -> RemoteId:
        from migrator.adapters.matrix.client import Api

        if not author:
            raise SkipItem("its author was refused")
        await self._seats().unlock(room)
        await self._opened_rooms().seat(room, author, date)
        answer = await self._api().call(Api.room_send("", room.id, kind, said, txn), user=author, ts=date)
        return str(answer["event_id"])

    # ── optional ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def react(self, reactions: Sequence[ReactionPost], receipts: Receipts) -> None:
        for reaction in reactions:
            receipts.done(reaction.key, await self._react(reaction))

    async def _react(self, reaction: ReactionPost) -> RemoteId:
        from migrator.adapters.matrix.client import Refused

        room = await self._room(reaction.conversation)
        shown = reaction.reaction.char or f":{reaction.reaction.name}:"
        said = event_content.reaction(reaction.key, reaction.post, shown)
        date = reaction.time // 1000 + reaction.order
        try:
            return await self._event(room, reaction.user, "m.reaction", said, ids.event_txn(reaction.key), date)
        except Refused as refused:
            if refused.code != "M_DUPLICATE_ANNOTATION":
                raise
            return reaction.post  # two names of one emoji: to this server it is one reaction

    async def edit(self, post: Post, remote: RemoteId) -> None:
        """Dated as in the source, but after what it replaces: of several edits the latest date wins (spec 11.5.3)."""
        from migrator.adapters.matrix.client import path

        draft: event_content.Content = post.draft.content
        room = await self._room(post.conversation)
        said = event_content.event(draft, {file.id: remote for file, remote in post.files})
        whole = await self._api().call(("GET", path("rooms", room.id, "event", remote)), user=room.host)
        before = event_content.latest_edit(whole)
        shown = before["content"].get("m.new_content") if before else _bare(whole["content"])
        if shown == said:
            return
        date = max(draft.edited, (before or whole)["origin_server_ts"] + 1)
        txn = ids.event_txn(post.key, f"edit {post.draft.digest} {before['event_id'] if before else ''}")
        edit = event_content.replacement(said, remote)
        await self._event(room, post.author, "m.room.message", edit, txn, date)

    async def pin(self, conversation: RemoteId, posts: Sequence[RemoteId]) -> None:
        room = await self._room(conversation)
        await self._seats().unlock(room)
        await self._opened_rooms().put(room, "m.room.pinned_events", {"pinned": list(posts)})

    async def finish_conversation(
        self, conversation: Conversation, remote: RemoteId, members: Mapping[str, RemoteId]
    ) -> None:
        await self._seats().settle(conversation, await self._room(remote), members)

    async def finish(self, workspace: Workspace, users: Mapping[str, RemoteId]) -> Sequence[str]:
        return [
            f"Nobody can log in yet: give people a password or single sign-on for their account (@{self.prefix}…), "
            "then take the registration out of the homeserver's configuration and restart it.",
        ]

    # ── what the verbs share ────────────────────────────────────────────────────────────────────────────────────────

    def _mxid(self, user: str) -> RemoteId:
        if not self.server:
            raise UsageError("the homeserver's name is not known yet", hint="set server_name in the configuration")
        return f"@{ids.localpart(self.prefix, user)}:{self.server}"

    async def _room(self, identifier: RemoteId) -> Room:
        room = None
        with suppress(SkipItem):
            room = await self._opened_rooms().load(identifier)
        if room is None:
            raise AuthError(
                f"none of our users is in room {identifier} any more",
                hint="invite the one who made it again, and run the same command once more",
            )
        return room

    def _api(self) -> Client:
        return self._seats().client

    def _opened_rooms(self) -> Rooms:
        return self._seats().rooms

    def _seats(self) -> Seating:
        if self._seating is None:
            raise UsageError("the adapter is not open")
        return self._seating

    def _text(self, name: str) -> str:
        return str(self.settings.get(name, ""))

    def _address(self) -> str:
        address = self._text("homeserver").rstrip("/")
        parts = urlsplit(address)
        if not address or parts.scheme not in ("http", "https") or not parts.hostname:
            problem = f"homeserver = {address!r} is no address" if address else "the configuration has no homeserver"
            raise UsageError(problem, hint='write homeserver = "https://matrix.example.org" under [matrix]')
        if in_the_clear(address):
            raise UsageError(f"{parts.hostname} would get our token in the clear", hint="use its https:// address")
        return address


def _bare(content: Mapping[str, Any]) -> dict[str, Any]:
    ours = (event_content.KEY, event_content.EDITED, "m.relates_to")
    return {name: value for name, value in content.items() if name not in ours}
