"""The server's side of the adapter: open, find, load, read back. `package` writes, `rounds` brings it there.

A load goes in rounds, one per export: convert into zips, upload and import each while the next is made, read back what
arrived, write receipts. A round that was converted is delivered to its end, by this process or a later one, before a
newer export begins another: what an import began must not be converted again from a server that it has changed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from msgspec import structs

from migrator.adapters.base import Composed, Directory, Key, Kind, Largest, Limits, RemoteId, RemoteMessage, Target
from migrator.adapters.bulk import Move
from migrator.adapters.mattermost import finish, preflight, readback
from migrator.adapters.mattermost.readback import RemotePost
from migrator.adapters.mattermost.rest import Rest
from migrator.config import in_the_clear
from migrator.errors import TargetUnavailable, UsageError
from migrator.model import Local, Message, Workspace
from migrator.secret import Secret, read_secret

if TYPE_CHECKING:
    from migrator.adapters.mattermost.book import Book, Room
    from migrator.adapters.mattermost.present import Present

__all__ = ["Driver", "Host"]


class Host(Protocol):
    """What the driver asks of the adapter it serves."""

    settings: Mapping[str, Any]
    team: str
    workers: int
    may_change_settings: bool
    present: Present
    pixels: int

    @property
    def book(self) -> Book | None: ...
    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed: ...
    def prepare(self, workspace: Workspace, remote: Callable[[Kind, Key], RemoteId | None]) -> None: ...


class Driver:
    """One connection to one team of a server. Settings: `url`, `team`, `token` (or `username` and `password`),
    `ca_file`, `workers`, `set_server_config`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.facts: preflight.Facts | None = None
        self.users: dict[str, RemoteId] = {}  # usernames to ids, once they are there
        self.channels: dict[str, RemoteId] = {}  # channel names of the team to ids
        self.archived: dict[str, RemoteId] = {}  # those of them that are archived
        self._rest: Rest | None = None
        self._quiet: bool | None = None  # None: not thought about yet

    @property
    def rest(self) -> Rest:
        if self._rest is None:
            raise UsageError("there is no server", hint="add --config FILE with a [mattermost] table")
        return self._rest

    # ── open and close ──────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> Target:
        return await asyncio.to_thread(self._open)

    def _open(self) -> Target:
        settings = self.host.settings
        url, team = str(settings.get("url", "")), self.host.team
        if not team:
            raise UsageError("the configuration names no team", hint='team = "example" (made if it is not there)')
        login = str(settings.get("username", ""))
        token = Secret("") if login else read_secret(settings, "token")
        self._rest = Rest(url, token, ca_file=str(settings.get("ca_file", "")))
        if login:
            self._rest.login(login, read_secret(settings, "password"))
        facts = self._look(team)
        self.host.pixels = 0 if self.host.may_change_settings else facts.pixels
        place = urlsplit(self._rest.url)
        return Target(
            identity=f"mattermost:{place.netloc}{place.path}/{team}",
            version=facts.version,
            # where the setting may be changed, the largest file decides what it is to be
            limits=Limits(text=facts.text, file=0 if self.host.may_change_settings else facts.file - preflight.ROOM),
            warnings=(*filter(None, [in_the_clear(self._rest.url)]), *preflight.warnings(facts)),
        )

    def _look(self, team: str) -> preflight.Facts:
        self.facts = facts = preflight.look(self.rest, team)
        conversation_of = partial(readback.conversation_of, self.rest)
        self.host.present = preflight.present(self.rest, facts, conversation_of)
        return facts

    def look_around(self, move: Move) -> None:
        """Learn anew what is there, and name everything by it: another round has been imported since `open`."""
        self._look(self.host.team)
        self.host.prepare(move.source.workspace, move.done)

    async def close(self) -> None:
        if self._rest is not None:
            await asyncio.to_thread(self._give_back)
            self._rest.close()
            self._rest = None

    def _give_back(self) -> None:
        """Previews are on again, also where a killed run left them off. An unreachable server is left to the next."""
        self._quiet = None
        if self.facts is not None:
            with suppress(TargetUnavailable):
                preflight.resume_previews(self.rest)

    def posts(self, channel: str) -> list[RemotePost]:
        """All posts of a channel; see `preflight.stop_previews` for why a setting is changed for it."""
        if self._quiet is None and self.facts is not None:
            self._quiet = self.host.may_change_settings and preflight.stop_previews(self.rest, self.facts)
        return readback.posts(self.rest, channel)

    # ── what is there ───────────────────────────────────────────────────────────────────────────────────────────────

    async def find(self, kind: Kind, keys: Sequence[Key], within: RemoteId | None = None) -> dict[Key, RemoteId]:
        book = self.host.book
        if book is None or not keys:
            return {}
        if kind is Kind.USER:
            people = {key: person for key in keys if (person := book.person(key)) is not None}
            found = {key: person.there or self.users.get(person.username, "") for key, person in people.items()}
            return {key: remote for key, remote in found.items() if remote}
        if kind is Kind.CONVERSATION:
            rooms = [room for key in keys if (room := book.rooms.get(key)) is not None]
            return await asyncio.to_thread(self.places, rooms)
        if kind is Kind.POST and within is not None:
            wanted = set(keys)
            posts = await asyncio.to_thread(self.posts, within.partition("/")[0])
            return {post.key: post.id for post in posts if post.key in wanted}
        return {}

    def places(self, rooms: Iterable[Room]) -> dict[Key, RemoteId]:
        """Conversations to the channels that hold their posts, where there are such.

        The id of a channel that two conversations share is followed by the conversation's.
        """
        found: dict[Key, RemoteId] = {}
        for room in rooms:
            place, key = self.place(room), room.conversation.id
            if place and not room.there:
                held = {post.key.partition("/")[0] for post in self.posts(place.partition("/")[0])}
                if key not in held:
                    continue
            if place:
                found[key] = place
        return found

    def place(self, room: Room) -> RemoteId:
        """Where a conversation's posts are or would be; "" where there is no such channel yet."""
        channel = room.there.partition("/")[0] or self._channel_id(room)
        return f"{channel}/{room.conversation.id}" if channel and room.shared else channel

    def meet_direct_channels(self, book: Book) -> None:
        """Direct channels among people who were there before may exist: no line for them, it would take read state."""
        for key, room in book.rooms.items():
            known = room.direct and not room.there and all(book.by_username[name].there for name in room.members)
            if known and (channel := self._channel_id(room)):
                book.rooms[key] = structs.replace(room, there=channel)

    def _channel_id(self, room: Room) -> RemoteId:
        """A room's channel by its name, direct ones by the name that the server makes of its members' ids."""
        team = self.facts.team if self.facts else ""
        if not room.direct:
            return self.channels.get(room.name, "") if team else ""
        book = self.host.book
        ids = [
            self.users.get(name) or (person.there if book and (person := book.by_username.get(name)) else "")
            for name in room.members
        ]
        if not all(ids):
            return ""
        if not team:  # ours is not there yet; direct channels belong to none, but are asked for by one
            team = next((str(some["id"]) for some in self.rest.get("/teams", per_page=1)), "")
        if not team:
            return ""
        found = self.rest.find(f"/teams/{team}/channels/name/{direct_name(ids)}", include_deleted="true")
        return str(found["id"]) if found else ""

    # ── read back ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        """All posts of a conversation, oldest first."""
        channel, _, only = conversation.partition("/")
        posts = await asyncio.to_thread(self.posts, channel)
        if only:
            posts = [post for post in posts if post.key.partition("/")[0] == only]
        for start in range(0, len(posts), readback.PAGE):
            some = posts[start : start + readback.PAGE]
            files = await asyncio.to_thread(readback.files, self.rest, some, hashes=hashes)
            for post in some:
                yield self._message(post, files)

    def _message(self, post: RemotePost, files: Mapping[str, Any]) -> RemoteMessage:
        from migrator.adapters.mattermost.emoji import character

        book = self.host.book
        ours = {made: name for name, made in book.emoji.items()} if book else {}
        meta = post.metadata or readback.Metadata()
        props = post.props or {}
        return RemoteMessage(
            key=post.key,
            remote=post.id,
            author=post.user_id,
            time=post.time,
            text=self.words(post),
            root=post.root_id or None,
            reactions=tuple(
                (character(r.emoji_name) or f":{ours.get(r.emoji_name, r.emoji_name)}:", r.user_id)
                for r in meta.reactions or ()
            ),
            files=tuple(files[info.id] for info in meta.files or ()),
            edited=post.edit_at > 0,
            author_name=str(props.get("override_username") or ""),
            emote=post.type == "me",
        )

    def words(self, post: RemotePost) -> str:
        """What a reader sees of a post's text."""
        from migrator.adapters.mattermost.read import read

        book = self.host.book
        if book is None:
            return read(post.message)
        channels = {room.name: room.conversation.name for room in book.rooms.values() if room.name}
        emoji = {made: name for name, made in book.emoji.items()}
        return read(post.message, book.shown_name, channels.get, emoji.get)

    # ── before anything is written ──────────────────────────────────────────────────────────────────────────────────

    def needs(self) -> list[preflight.Need]:
        """Settings in the way of what the book says is to come."""
        facts, book = self.facts, self.host.book
        if facts is None or book is None:
            return []
        return preflight.needs(
            facts,
            newcomers=sum(1 for person in book.people.values() if not person.there),
            channels=sum(1 for room in book.rooms.values() if not room.direct and not room.there),
            emoji=sum(isinstance(emoji.image, Local) for emoji in book.workspace.emoji.values()),
            overrides=any(person.user.is_bot for person in book.people.values()),
        )

    def foresee(self) -> list[str]:
        """Settings, the user limit, and accounts that are there already: they are used as they are."""
        facts, book = self.facts, self.host.book
        if facts is None or book is None:
            return []
        ending = " (will be set)" if self.host.may_change_settings else ""
        said = [need.sentence() + ending for need in self.needs()]
        new = [person for person in book.people.values() if not person.there]
        if warning := preflight.cap_warning(facts, sum(p.active and not p.user.is_bot for p in new)):
            said.append(warning)
        if there := sorted(person.username for person in book.people.values() if person.there):
            shown = ", ".join(there[:20]) + (" …" if len(there) > 20 else "")
            said.append(
                f"{len(there)} accounts are there already and stay as they are (password, roles, e-mail): {shown}"
            )
        return said

    def conclude(self, largest: Largest) -> list[str]:
        """What the files need."""
        if self.facts is None:
            return []
        ending = " (will be set)" if self.host.may_change_settings else " (set_server_config = true has it set)"
        return [need.sentence() + ending for need in preflight.needs_of_files(self.facts, largest)]

    # ── load ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, move: Move) -> Sequence[str]:
        from migrator.adapters.mattermost.rounds import Rounds

        return await Rounds(self, move).run()

    def refresh(self, usernames: Iterable[str]) -> None:
        """Learn the ids of what an import made."""
        facts = self.facts
        if facts is None:
            return
        team = self.host.team
        self.facts = facts = preflight.look(self.rest, team)
        self.users |= finish.user_ids(self.rest, usernames)
        mine = [c for c in self.rest.pages("/channels", include_deleted="true") if c["team_id"] == facts.team]
        self.channels = {str(c["name"]): str(c["id"]) for c in mine}
        self.archived = {str(c["name"]): str(c["id"]) for c in mine if c["delete_at"]}


def direct_name(ids: Sequence[str]) -> str:
    """The name of a direct channel: both ids, or for groups the SHA-1 of all (model.GetGroupNameFromUserIds)."""
    ordered = sorted(ids)
    if len(ids) <= 2:
        return "__".join(ordered)
    return hashlib.sha1("".join(ordered).encode(), usedforsecurity=False).hexdigest()
