"""What the core asks of a target: a few required verbs, optional ones that are discovered, and an honest declaration.

To add a target, copy `memory/`, write the verbs, declare a fate for every feature, add one line to `BUILTIN` in
`migrator/adapters/__init__.py`; the conformance suite (tests/conformance) then runs over it.

An adapter has up to two routes. **Live**: the core walks the export and calls the verbs, one conversation per lane,
strictly in order within a lane, lanes in parallel (`Live`). **Bulk**: the server takes a whole import package; the
adapter writes and loads it (`Bulk`). What `Adapter` itself asks serves both.

Errors: verbs raise `Retry` (later, perhaps), `SkipItem` (never, for this one item) or a `MigratorError` (stop the run).
SDK errors never leave an adapter. Every verb may be called again with the same arguments after a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol, TypeAlias, runtime_checkable

import msgspec
from msgspec import Struct

from migrator.ledger import Fate, Feature, Ledger, Loss
from migrator.model import (
    Conversation,
    ConversationId,
    ConversationKind,
    CustomEmoji,
    Event,
    File,
    GroupId,
    Local,
    Message,
    Reaction,
    Ts,
    User,
    UserGroup,
    UserId,
    Workspace,
)

RemoteId: TypeAlias = str  # an id as the target gives it out; may be any text without a newline
Key: TypeAlias = str  # our own, stable over runs; see `Kind`
_ENCODE = msgspec.json.Encoder(order="deterministic").encode


class Kind(StrEnum):
    """What a key names, and how it is spelled."""

    WORKSPACE = "workspace"  # the workspace's id
    USER = "user"  # user id
    CONVERSATION = "conversation"  # conversation id
    FILE = "file"  # file id
    EMOJI = "emoji"  # emoji name
    GROUP = "group"  # user group id
    POST = "post"  # "conversation/ts" for a message's first post, "conversation/ts/part" for the others
    REACTION = "reaction"  # "conversation/ts/emoji name with tone/user id"


# ── what an adapter declares ────────────────────────────────────────────────────────────────────────────────────────


class Support(Struct, frozen=True):
    """The fate a route gives to a feature, and how or why in a few words (needed where it is not lossless)."""

    fate: Fate
    how: str = ""


class Limits(Struct, frozen=True):
    """Hard limits of a target as read from the server by `open` where it tells them. None or 0: no limit.

    `text`: characters of one post as the target counts them; the adapter's own `compose` respects it. `file`: bytes.
    `lanes`: conversations in parallel; `batch`: posts per `send`. `settle`: seconds for which an act of a killed run
    may still be on its way, so that `find` cannot be believed yet.
    """

    text: int = 0
    file: int = 0
    lanes: int = 8
    batch: int = 1
    settle: float = 5.0


class Route(Struct, frozen=True):
    """One way into a target. `fates` names every Feature (the conformance suite fails on a missing one).

    `needs` lists the rights and settings this route asks for, one sentence each; `rate` is posts per second as measured
    on a real server, for the estimate (0: unknown). `by_hand`: the limits of a package that an admin loads on the
    server's host, where no server is asked before and nothing can be read back until then (`Recognises`).
    """

    name: str  # "live" or "bulk" or the target's own word ("archive", "file")
    fates: Mapping[Feature, Support]
    needs: tuple[str, ...] = ()
    rate: float = 0.0
    by_hand: Limits | None = None


class Target(Struct, frozen=True):
    """What `open` learned. `identity` names the server for good ("matrix:example.org"): journals and plans hang on it.

    `warnings` are sentences the user should read before anything is written.
    """

    identity: str
    version: str
    limits: Limits
    warnings: tuple[str, ...] = ()


# ── what goes in ────────────────────────────────────────────────────────────────────────────────────────────────────


class Source(Protocol):
    """An opened export, as adapters and core see it (`migrator.slack.reader.Export`)."""

    fingerprint: str
    workspace: Workspace

    def messages(self, conversation: ConversationId, ledger: Ledger | None = None) -> Iterator[Message]:
        """All messages of a conversation, each once, in ts order; roots before replies, missing roots made up.

        A `ledger` is told what was found in the raw records, and the fate of what does not come out as a message.
        """
        ...

    def holds(self, conversation: ConversationId, ts: Ts) -> bool:
        """Whether there is a message of this `ts`: for links to messages, before they are read."""
        ...

    def open(self, file: File) -> BinaryIO:
        """The bytes of a file whose `data` is Local. Raises SkipItem where they turn out to be unreadable."""
        ...


class Directory(Protocol):
    """Names and remote ids for writers. Unknown ids give a readable name, never an exception."""

    def user_name(self, user: UserId, label: str = "") -> str: ...
    def conversation_name(self, conversation: ConversationId, label: str = "") -> str: ...
    def group_name(self, group: GroupId, label: str = "") -> str: ...
    def conversation_kind(self, conversation: ConversationId) -> ConversationKind: ...
    def remote_user(self, user: UserId) -> RemoteId | None: ...
    def remote_conversation(self, conversation: ConversationId) -> RemoteId | None: ...
    def remote_post(self, conversation: ConversationId, ts: Ts) -> RemoteId | None:
        """The post that a message became, where it is there already: for links to messages."""
        ...

    def remote_emoji(self, name: str) -> RemoteId | None: ...


class Draft(Struct, frozen=True, gc=False):
    """One post to be, as `compose` made it of a message or a part of it.

    `part`: "" for the first post of a message, then a stable word ("2", "broadcast", "file:F123"). `content` belongs to
    the adapter; `text` is the plain text it is to show, which verify holds against what is read back (the words of all
    drafts of a message hold all words of the message); `seen` is what a reader would see of it, remote ids left out, as
    anything that can be written as JSON. `files` are those this post shows. `thread`: this post goes into the message's
    thread (a broadcast copy does not).
    """

    part: str
    content: Any
    text: str
    seen: Any
    files: tuple[File, ...] = ()
    thread: bool = True

    @property
    def digest(self) -> str:
        """A stable hash of what is seen, to notice changes on delta runs."""
        return blake2b(_ENCODE(self.seen), digest_size=10).hexdigest()


class Composed(Struct, frozen=True, gc=False):
    """A message as this target will show it: its drafts in order, and what is not lossless about its text."""

    drafts: tuple[Draft, ...]
    losses: tuple[Loss, ...] = ()


class Post(Struct, frozen=True):
    """One post to send. `root` and `previous` are keys: look them up in `Receipts.remote` at the moment of sending.

    `time` is in microseconds since the epoch. `previous` is the post before this one in the same thread. `files` pairs
    each file of the draft with what `put_file` returned (None: its bytes are not to be had; show a placeholder).
    """

    key: Key
    message: Message
    draft: Draft
    conversation: RemoteId
    author: RemoteId
    time: int
    root: Key | None = None
    previous: Key | None = None
    files: tuple[tuple[File, RemoteId | None], ...] = ()


class ReactionPost(Struct, frozen=True):
    """One person's emoji under a post. `order` counts a message's reactions from 0, for targets that date them."""

    key: Key
    conversation: RemoteId
    post: RemoteId
    reaction: Reaction
    user: RemoteId
    time: int  # of the message, microseconds
    order: int


class Receipts(Protocol):
    """The journal's side of `send`: told of each post the moment the target acknowledged it."""

    def done(self, key: Key, remote: RemoteId) -> None: ...
    def remote(self, key: Key) -> RemoteId | None: ...


# ── what comes back ─────────────────────────────────────────────────────────────────────────────────────────────────


class RemoteFile(Struct, frozen=True):
    """A file read back: sha256 in hex ("" where the bytes were not asked for) and size in bytes."""

    name: str
    size: int
    sha256: str = ""


class RemoteMessage(Struct, frozen=True):
    """A post read back, in the target's own order.

    `key` is our key where the target keeps it ("" else: the core pairs by its id map). `text` is the plain text that
    is seen, made by parsing what the server returned (not what we sent). `time` in microseconds, as precise as it is
    kept. `reactions` pairs emoji (characters, or ":name:" for custom ones) with people. `author_name` is "" unless
    this post overrides its author's name. `markup`: see `KeepsMarkup`.
    """

    key: Key
    remote: RemoteId
    author: RemoteId
    time: int
    text: str
    root: RemoteId | None = None
    reactions: tuple[tuple[str, RemoteId], ...] = ()
    files: tuple[RemoteFile, ...] = ()
    edited: bool = False
    deleted: bool = False
    author_name: str = ""
    emote: bool = False
    markup: str = ""


class Place(Struct, frozen=True):
    """A conversation itself as a target shows it, beside its posts; see `ShowsPlaces`.

    `access`: who may come in and where it is listed, in the adapter's own words. `closed`: nobody may write any more.
    `pins`: the pinned posts. `addresses`: names that lead to it, beside its id.
    """

    name: str = ""
    topic: str = ""
    access: str = ""
    closed: bool = False
    members: frozenset[RemoteId] = frozenset()
    pins: tuple[RemoteId, ...] = ()
    addresses: frozenset[str] = frozenset()


class Person(Struct, frozen=True):
    """Somebody as a target shows them; see `ShowsPeople`. `picture`: sha256 of its bytes in hex, "" for none."""

    name: str = ""
    picture: str = ""


# ── the verbs ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Adapter(Protocol):
    """A target. Made without side effects by a factory `(settings: Mapping[str, Any]) -> Adapter`; see `open`.

    One whose reactions know no skin tones says so by `skin_tones: ClassVar[bool] = False`; one that lists the names of
    its settings (`knows: ClassVar[tuple[str, ...]]`) has any other refused.
    """

    name: ClassVar[str]
    routes: ClassVar[tuple[Route, ...]]
    time_unit: ClassVar[int]  # microseconds that one step of the target's clock takes: 1, 1_000 or 1_000_000

    async def open(self) -> Target:
        """Connect, authenticate, read version and limits. Writes nothing. AuthError, TargetUnavailable, UsageError."""
        ...

    async def close(self) -> None:
        """Give back connections and whatever was lent for the run. May be called twice, and after a failed `open`."""
        ...

    async def find(self, kind: Kind, keys: Sequence[Key], within: RemoteId | None = None) -> dict[Key, RemoteId]:
        """Which of these are there already, by their keys; `within` is the conversation for posts and reactions.

        Must see whatever an earlier call of this process or a killed one got acknowledged (read your writes).
        """
        ...

    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed:
        """Pure: the message as this target will show it, split where limits ask for it. Never raises."""
        ...

    def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        """Everything a conversation holds, in the target's order, oldest first; `hashes`: fetch files and hash them."""
        ...


@runtime_checkable
class Live(Adapter, Protocol):
    """A target that is written by calls."""

    async def put_user(self, user: User) -> RemoteId:
        """Create the account, or return the one that stands for this user already; changes no real person's account."""
        ...

    async def put_conversation(self, conversation: Conversation, members: Mapping[UserId, RemoteId]) -> RemoteId:
        """Create the room or channel with its members, name, topic; or bring the one that is there up to date."""
        ...

    async def put_file(self, file: File, body: BinaryIO, owner: RemoteId | None, conversation: RemoteId) -> RemoteId:
        """Store the bytes. `body` yields exactly `file.data.size` bytes or the call must fail (Retry, SkipItem)."""
        ...

    async def send(self, posts: Sequence[Post], receipts: Receipts) -> None:
        """Send in order, one after the other, telling `receipts` after each. The first error is raised and ends it."""
        ...


# Optional verbs: implement what the target can do, and the core finds it (isinstance on these protocols).


@runtime_checkable
class Prepares(Protocol):
    def prepare(self, workspace: Workspace, remote: Callable[[Kind, Key], RemoteId | None]) -> None:
        """Told once what is to move and what the journal knows: after `open` (if there is a server), before anything is
        composed, found or read back. For targets whose names must be agreed on before anything is there."""
        ...


@runtime_checkable
class Foresees(Protocol):
    async def foresee(self, workspace: Workspace) -> Sequence[str]:
        """After `open` (and `prepare`): sentences to read before anything is written, about this workspace there."""
        ...


class Largest(Struct):
    """The largest file of an export, in bytes, and the picture with most pixels (0: none, or not told)."""

    file: int = 0
    pixels: int = 0

    def see(self, file: File) -> None:
        if isinstance(file.data, Local):
            self.file = max(self.file, file.data.size)
            if file.mime.startswith("image/"):
                self.pixels = max(self.pixels, file.width * file.height)

    def merge(self, other: Largest) -> None:
        self.file, self.pixels = max(self.file, other.file), max(self.pixels, other.pixels)


@runtime_checkable
class Concludes(Protocol):
    def conclude(self, largest: Largest) -> Sequence[str]:
        """After every message was looked at: sentences for the plan, about files that are too much for a setting."""
        ...


@runtime_checkable
class RenamesReactions(Protocol):
    def reaction_shown(self, reaction: Reaction) -> str:
        """What `messages` gives back for a reaction that the target cannot show as it was; "" for all others."""
        ...


@runtime_checkable
class PutsWorkspace(Protocol):
    async def put_workspace(self, workspace: Workspace) -> RemoteId:
        """What stands for the workspace as a whole (a Matrix space, a team); called first in every run."""
        ...


@runtime_checkable
class PutsAvatars(Protocol):
    async def put_avatar(self, user: User, remote: RemoteId, image: File, body: BinaryIO) -> RemoteId:
        """Give somebody their picture. Returns what stands for the picture."""
        ...


@runtime_checkable
class PutsEmoji(Protocol):
    async def put_emoji(self, emoji: CustomEmoji, body: BinaryIO | None) -> RemoteId: ...


@runtime_checkable
class PutsGroups(Protocol):
    async def put_group(self, group: UserGroup, members: Mapping[UserId, RemoteId]) -> RemoteId: ...


@runtime_checkable
class Reacts(Protocol):
    async def react(self, reactions: Sequence[ReactionPost], receipts: Receipts) -> None:
        """As `send`, for reactions; one that is there already counts as done."""
        ...


@runtime_checkable
class ActsFor(Protocol):
    """A target where reactions, pins and pictures are a person's own doing, in that person's own name."""

    def acts_for(self, user: UserId) -> bool:
        """Whether that can be done for this person. For whom it cannot, these things are left out: `compose` says so
        of reactions, the plan of pins and pictures."""
        ...


@runtime_checkable
class Edits(Protocol):
    async def edit(self, post: Post, remote: RemoteId) -> None:
        """Replace the content of a post that is there (delta runs, relinking)."""
        ...


@runtime_checkable
class Acts(Protocol):
    async def act(self, event: Event, message: Message, conversation: RemoteId, author: RemoteId) -> None:
        """Carry out a dated state change (topic, join, leave, rename) beside the notice that tells of it."""
        ...


@runtime_checkable
class Pins(Protocol):
    async def pin(self, conversation: RemoteId, posts: Sequence[RemoteId]) -> None:
        """Make these the pinned posts, in this order; idempotent."""
        ...


@runtime_checkable
class Finishes(Protocol):
    async def finish_conversation(
        self, conversation: Conversation, remote: RemoteId, members: Mapping[UserId, RemoteId]
    ) -> None:
        """After the last message: mark as read, lock an archived channel, settle membership; idempotent."""
        ...

    async def finish(self, workspace: Workspace, users: Mapping[UserId, RemoteId]) -> Sequence[str]:
        """After the last conversation: deactivate accounts, restore settings; returns advice for the admin."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A target on which settings are changed for the time of a move: what is to be undone must outlive a crash."""

    def keep_in(self, folder: Path) -> None:
        """Called after `open`, with the run folder, which this process alone holds. `close` gives back whatever this
        run or a killed one changed."""
        ...


@runtime_checkable
class KeepsMarkup(Protocol):
    """A target that returns what was sent as it was sent, so that verify can hold formatting and links to it too."""

    def markup(self, draft: Draft) -> str:
        """Pure: what `RemoteMessage.markup` is to be. Holds nothing that may change without the draft's digest (ids of
        people and places), but where links to messages lead."""
        ...


@runtime_checkable
class ShowsPlaces(Protocol):
    """A target that can be asked how a conversation itself looks, so that verify can hold it to the export."""

    def foresee_place(self, conversation: Conversation, directory: Directory) -> Place:
        """Pure: what `read_place` is to return. Members and pins are the core's to know."""
        ...

    async def read_place(self, conversation: RemoteId) -> Place: ...


@runtime_checkable
class ShowsWorkspace(ShowsPlaces, Protocol):
    """Of what stands for the workspace as a whole `read_place` tells too."""

    def foresee_workspace(self, workspace: Workspace) -> Place:
        """Pure: what `read_place` is to return for it, members included, and pins none."""
        ...


@runtime_checkable
class ShowsPeople(Protocol):
    """A target that can be asked how somebody looks there."""

    def foresee_person(self, user: User) -> Person:
        """Pure: what `read_person` is to return. The picture is the core's to know."""
        ...

    async def read_person(self, person: RemoteId) -> Person | None:
        """None where there is no such account (any more)."""
        ...
