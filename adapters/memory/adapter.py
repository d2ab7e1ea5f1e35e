"""A target that lives in memory, and in a file of JSON lines if asked: the simplest complete adapter.

It refuses what a real server refuses (unknown authors, replies to nothing, files that come up short), keeps posts in
order of arrival like all of them, and takes faults: set `fail` to make calls fail before or after they landed.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import msgspec
from msgspec import Struct, field

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
    RemoteFile,
    RemoteId,
    RemoteMessage,
    Route,
    Support,
    Target,
)
from migrator.config import number
from migrator.directory import Names
from migrator.errors import Retry, SkipItem
from migrator.ledger import Fate, Feature
from migrator.model import (
    Conversation,
    ConversationKind,
    CustomEmoji,
    File,
    Local,
    Message,
    MessageKind,
    User,
    UserGroup,
    Workspace,
)
from migrator.plain import plain

__all__ = ["Fault", "Memory", "Stored"]


class Fault(Struct, frozen=True):
    """Chances per call, from a seeded source: lost before it landed, lost after it landed, told to wait, refused."""

    before: float = 0.0
    after: float = 0.0
    wait: float = 0.0
    refuse: float = 0.0
    seed: int = 0


class Stored(Struct):
    """A post as this target keeps it. Mutable on purpose: tests damage it to see whether verify notices."""

    key: Key
    conversation: RemoteId
    author: RemoteId
    time: int
    text: str
    root: RemoteId | None
    files: list[RemoteFile]
    reactions: list[tuple[str, RemoteId]] = field(default_factory=list)
    emote: bool = False
    name: str = ""
    edited: bool = False


class Memory:
    """The adapter. Settings: `path` (a file that survives the process), `pause` (seconds that a post takes), `fault`,
    `lanes`, `file_limit`."""

    name: ClassVar[str] = "memory"
    time_unit: ClassVar[int] = 1
    routes: ClassVar[tuple[Route, ...]] = (
        Route("live", {feature: Support(Fate.LOSSLESS) for feature in Feature}, rate=50_000.0),
    )

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        settings = settings or {}
        self.path = Path(settings["path"]) if settings.get("path") else None
        lanes, largest = number(settings, "lanes", 8), number(settings, "file_limit", 0)
        self.limits = Limits(lanes=lanes, file=largest, batch=16, settle=0)
        self.pause = float(settings.get("pause", 0))
        self.fault: Fault = settings.get("fault") or Fault()
        self._dice = random.Random(self.fault.seed)  # noqa: S311 - faults, not secrets
        self.entities: dict[tuple[Kind, Key], RemoteId] = {}
        self.posts: dict[RemoteId, Stored] = {}
        self.rooms: dict[RemoteId, list[RemoteId]] = {}
        self.places: dict[RemoteId, Place] = {}
        self.people: dict[RemoteId, Person] = {}
        self._names = Names(Workspace("", "", "", {}, {}, {}, {}))
        self._keys: dict[Key, RemoteId] = {}
        if self.path and self.path.exists():
            self._load(self.path)

    # ── required of every adapter ───────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> Target:
        return Target(identity=f"memory:{self.path.name if self.path else id(self)}", version="1", limits=self.limits)

    async def close(self) -> None:
        return

    async def find(self, kind: Kind, keys: Sequence[Key], within: RemoteId | None = None) -> dict[Key, RemoteId]:
        if kind is Kind.POST:
            return {key: self._keys[key] for key in keys if key in self._keys}
        return {key: self.entities[kind, key] for key in keys if (kind, key) in self.entities}

    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed:
        text = plain(message.body, directory)
        if message.kind is MessageKind.PLACEHOLDER:
            text = "(the first message of this thread is not in the export)"
        seen = (text, message.kind, [file.id for file in message.files])
        drafts = [Draft("", None, text, seen, message.files)]
        if message.broadcast:
            drafts.append(Draft("broadcast", None, text, seen, thread=False))
        return Composed(tuple(drafts))

    async def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        for remote in list(self.rooms.get(conversation, ())):
            post = self.posts.get(remote)
            if post is None:
                continue
            yield RemoteMessage(
                key=post.key,
                remote=remote,
                author=post.author,
                time=post.time,
                text=post.text,
                root=post.root,
                reactions=tuple(post.reactions),
                files=tuple(post.files),
                edited=post.edited,
                author_name=post.name,
                emote=post.emote,
            )

    # ── required of a target that is written by calls ───────────────────────────────────────────────────────────────

    async def put_user(self, user: User) -> RemoteId:
        remote = self._put(Kind.USER, user.id)
        picture = self.people.get(remote, Person()).picture
        self._set_person(remote, msgspec.structs.replace(self.foresee_person(user), picture=picture))
        return remote

    async def put_conversation(self, conversation: Conversation, members: Mapping[str, RemoteId]) -> RemoteId:
        remote = self._put(Kind.CONVERSATION, conversation.id)
        self.rooms.setdefault(remote, [])
        pins = self.places.get(remote, Place()).pins
        place = self.foresee_place(conversation, self._names)
        place = msgspec.structs.replace(place, members=frozenset(members.values()), pins=pins)
        self._set_place(remote, place)
        return remote

    async def put_file(self, file: File, body: BinaryIO, owner: RemoteId | None, conversation: RemoteId) -> RemoteId:
        self._misbehave_before()
        digest, size = hashlib.sha256(), 0
        while chunk := body.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
        if isinstance(file.data, Local) and size != file.data.size:
            raise SkipItem(f"{size} bytes came instead of {file.data.size}")
        remote = f"{size}:{digest.hexdigest()}"
        self._keep("entity", (Kind.FILE, file.id, remote))
        self.entities[Kind.FILE, file.id] = remote
        self._misbehave_after()
        return remote

    async def send(self, posts: Sequence[Post], receipts: Receipts) -> None:
        for post in posts:
            if self.pause:
                await asyncio.sleep(self.pause)
            self._misbehave_before()
            if post.author not in self.entities.values():
                raise SkipItem("its author has no account")
            root = receipts.remote(post.root) if post.root else None
            if post.root and root is None:
                raise SkipItem("the thread it replies to is not there")
            files = [RemoteFile(file.name, *_size_and_hash(remote)) for file, remote in post.files if remote]
            message = post.message
            stored = Stored(
                key=post.key,
                conversation=post.conversation,
                author=post.author,
                time=post.time,
                text=post.draft.text,
                root=root,
                files=files,
                emote=message.kind is MessageKind.EMOTE,
                name=message.author.name,
                edited=message.edited is not None,
            )
            remote_id = f"post-{len(self.posts) + 1}"
            self._keep("post", (remote_id, stored))
            self._store(remote_id, stored)
            self._misbehave_after()
            receipts.done(post.key, remote_id)

    # ── optional verbs ──────────────────────────────────────────────────────────────────────────────────────────────

    async def put_workspace(self, workspace: Workspace) -> RemoteId:
        self._names = Names(workspace)
        remote = self._put(Kind.WORKSPACE, workspace.id)
        self._set_place(remote, self.foresee_workspace(workspace))
        return remote

    async def put_avatar(self, user: User, remote: RemoteId, image: File, body: BinaryIO) -> RemoteId:
        stored = await self.put_file(image, body, remote, "")
        self._set_person(remote, msgspec.structs.replace(self.people[remote], picture=_size_and_hash(stored)[1]))
        return stored

    async def put_emoji(self, emoji: CustomEmoji, body: BinaryIO | None) -> RemoteId:
        return self._put(Kind.EMOJI, emoji.name)

    async def put_group(self, group: UserGroup, members: Mapping[str, RemoteId]) -> RemoteId:
        return self._put(Kind.GROUP, group.id)

    async def react(self, reactions: Sequence[ReactionPost], receipts: Receipts) -> None:
        for reaction in reactions:
            self._misbehave_before()
            shown = reaction.reaction.char or f":{reaction.reaction.name}:"
            remote = f"reaction-{reaction.key}"
            self._keep("reaction", (reaction.key, reaction.post, shown, reaction.user))
            self._react(reaction.key, reaction.post, shown, reaction.user)
            self._misbehave_after()
            receipts.done(reaction.key, remote)

    async def edit(self, post: Post, remote: RemoteId) -> None:
        self._misbehave_before()
        self._keep("edit", (remote, post.draft.text))
        self._edit(remote, post.draft.text)

    async def pin(self, conversation: RemoteId, posts: Sequence[RemoteId]) -> None:
        self._set_place(conversation, msgspec.structs.replace(self.places[conversation], pins=tuple(posts)))

    def foresee_place(self, conversation: Conversation, directory: Directory) -> Place:
        return Place(
            name=conversation.name,
            topic=plain(conversation.topic.body, directory),
            access="everybody" if conversation.kind is ConversationKind.PUBLIC else "members",
            closed=conversation.archived,
            addresses=frozenset({f"#{conversation.id}"}),
        )

    def foresee_workspace(self, workspace: Workspace) -> Place:
        return Place(name=workspace.name)

    async def read_place(self, conversation: RemoteId) -> Place:
        return self.places.get(conversation, Place())

    def foresee_person(self, user: User) -> Person:
        return Person(user.name)

    async def read_person(self, person: RemoteId) -> Person | None:
        return self.people.get(person)

    # ── storage and faults ──────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, kind: Kind, key: Key) -> RemoteId:
        self._misbehave_before()
        if (kind, key) not in self.entities:
            remote = f"{kind}-{key}"
            self._keep("entity", (kind, key, remote))
            self.entities[kind, key] = remote
        self._misbehave_after()
        return self.entities[kind, key]

    def _store(self, remote: RemoteId, stored: Stored) -> None:
        self.posts[remote] = stored
        self.rooms.setdefault(stored.conversation, []).append(remote)
        self._keys[stored.key] = remote

    def _react(self, key: Key, post: RemoteId, shown: str, user: RemoteId) -> None:
        self.entities[Kind.REACTION, key] = f"reaction-{key}"
        if (shown, user) not in self.posts[post].reactions:
            self.posts[post].reactions.append((shown, user))

    def _edit(self, remote: RemoteId, text: str) -> None:
        self.posts[remote].text, self.posts[remote].edited = text, True

    def _set_place(self, remote: RemoteId, place: Place) -> None:
        if self.places.get(remote) != place:
            self._keep("place", (remote, place))
            self.places[remote] = place

    def _set_person(self, remote: RemoteId, person: Person) -> None:
        if self.people.get(remote) != person:
            self._keep("person", (remote, person))
            self.people[remote] = person

    def _keep(self, what: str, content: object) -> None:
        if self.path:
            with self.path.open("ab") as lines:
                lines.write(msgspec.json.encode((what, content)) + b"\n")

    def _load(self, path: Path) -> None:
        for line in path.read_bytes().splitlines():
            what, content = msgspec.json.decode(line)
            if what == "entity":
                kind, key, remote = content
                self.entities[Kind(kind), key] = remote
                if kind == Kind.CONVERSATION:
                    self.rooms.setdefault(remote, [])
            elif what == "post":
                self._store(content[0], msgspec.convert(content[1], Stored))
            elif what == "reaction":
                self._react(*content)
            elif what == "edit":
                self._edit(*content)
            elif what == "place":
                self.places[content[0]] = msgspec.convert(content[1], Place)
            elif what == "person":
                self.people[content[0]] = msgspec.convert(content[1], Person)

    def _misbehave_before(self) -> None:
        dice = self._dice.random()
        if dice < self.fault.before:
            raise Retry("connection reset before the call landed")
        if dice < self.fault.before + self.fault.wait:
            raise Retry("too many requests", after=0.001, landed=False)
        if dice < self.fault.before + self.fault.wait + self.fault.refuse:
            raise SkipItem("refused by the dice")

    def _misbehave_after(self) -> None:
        if self._dice.random() < self.fault.after:
            raise Retry("connection reset after the call landed")


def _size_and_hash(remote: RemoteId) -> tuple[int, str]:
    size, _, digest = remote.partition(":")
    return int(size), digest
