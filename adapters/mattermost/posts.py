"""A conversation as post lines: times unique in their channel, threads whole, reactions never before their post.

Lines of threads are written when the conversation ends; until then their posts lie encoded in a spool that goes to
disk beyond a few megabytes, so that memory does not grow with the number of messages.
"""

from __future__ import annotations

import tempfile
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field, structs

from migrator.adapters.base import Composed, Directory, Draft, Key, Kind, Limits, RemoteId, Source
from migrator.adapters.mattermost import lines
from migrator.adapters.mattermost.book import Book, Person, Room
from migrator.adapters.mattermost.emoji import custom_name, reaction_name
from migrator.model import File, Local, Message, Reaction, micros

__all__ = ["Held", "Line", "Totals", "Writer", "attachment_path"]

KEY = "slack_key"  # the prop that names the message a post comes from
SHIFT = "slack_shift"  # milliseconds that create_at was moved by to be unique in its channel
REPLIES = 3_000  # in one line: 3,640 exceed what the database takes in one statement (facts 4.6)
LINE_BYTES = 8 << 20  # the server reads lines of up to 16 MiB
FILE_BYTES = 90 << 20  # files of one line, where the server's MaxFileSize is not known
FOLLOWERS = 10  # per thread: a batch of 1,000 lines takes 10,922 (facts 4.6)
SPOOL = 8 << 20
UNCOUNTED = frozenset({"system_join_channel", "system_leave_channel", "system_add_to_channel"})
_POST = msgspec.json.Decoder(lines.Post)


class Held(Struct, frozen=True):
    """A post as the server holds it: a line that repeats it carries exactly this, or it would be a second post."""

    message: str
    create_at: int
    type: str = ""
    props: Mapping[str, Any] = {}
    edit_at: int = 0
    is_pinned: bool = False
    files: tuple[str, ...] = ()  # names of the files that hang on it


class Line(Struct, frozen=True):
    """A line to write. `round` 0 goes with the first import; a thread too long for one line goes on in later rounds.
    `posts`: key and digest of every post in it; `files` are those its attachments name."""

    data: bytes
    posts: tuple[tuple[Key, str], ...]
    files: tuple[File, ...] = ()
    round: int = 0


class Totals(Struct):
    """What a channel holds in the end, for read state: `messages` and `roots` as the server counts them."""

    messages: int = 0
    roots: int = 0
    last: int = 0


class _Thread(Struct):
    """Where a thread's posts lie in the spool: offset and length of each, the root first."""

    places: array[int] = field(default_factory=lambda: array("q"))
    seen: dict[str, int] = field(default_factory=dict)  # who wrote in it, and when last
    fresh: bool = False


class _Entry(Struct, array_like=True):
    """A post in the spool."""

    post: lines.Post
    key: Key
    digest: str
    files: tuple[File, ...]
    fresh: bool


class Clock:
    """Milliseconds of a channel, each given once, rising within a conversation."""

    def __init__(self, used: set[int] | None = None) -> None:
        self.used: set[int] = used if used is not None else set()
        self.last = 0

    def next(self, wanted: int) -> int:
        time = max(wanted, self.last + 1, 1)
        while time in self.used:
            time += 1
        self.last = time
        self.used.add(time)
        return time


class Writer:
    """One conversation's lines. `done` says what an earlier run loaded, `held` how the server holds it."""

    def __init__(
        self,
        book: Book,
        room: Room,
        compose: Callable[[Message, Directory, Limits], Composed],
        directory: Directory,
        limits: Limits,
        clock: Clock,
        done: Callable[[Kind, Key], RemoteId | None],
        held: Mapping[Key, Held],
        composed: Callable[[Message, Composed], None],
    ) -> None:
        self.book, self.room, self.compose, self.directory, self.limits = book, room, compose, directory, limits
        self.clock, self.done, self.held, self.composed = clock, done, held, composed
        clock.last = 0
        clock.used.update(post.create_at for post in held.values())
        self.pinned = {pin.ts for pin in room.conversation.pins if pin.ts}
        self.totals = Totals()
        self.strangers: list[str] = []
        self._threads: dict[str, _Thread] = {}
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115 - closed at the end of run
        self._end = 0

    def run(self, source: Source) -> Iterator[Line]:
        """All lines, in a stable order: single posts as they come, threads at the end."""
        with self._spool:
            for message in source.messages(self.room.conversation.id):
                yield from self._message(message)
            for thread in self._threads.values():
                yield from self._thread(thread)

    def _message(self, message: Message) -> Iterator[Line]:
        made = self.compose(message, self.directory, self.limits)
        self.composed(message, made)
        person = self.book.person(message.author.user)
        if person is None:
            self.strangers.append(message.author.user)
            return
        for draft in made.drafts:
            entry = self._entry(message, draft, person)
            self._count(entry.post, root=not (draft.thread and message.thread))
            if draft.thread and (message.thread or (message.is_root and not draft.part)):
                self._keep(message.thread or message.ts, entry, person)
            elif entry.fresh:
                yield Line(lines.line(self._kind, entry.post), ((entry.key, entry.digest),), entry.files)

    @property
    def _kind(self) -> str:
        return "direct_post" if self.room.direct else "post"

    def _count(self, post: lines.Post, *, root: bool) -> None:
        self.totals.last = max(self.totals.last, post.create_at)
        if post.type not in UNCOUNTED:
            self.totals.messages += 1
            self.totals.roots += root

    def _entry(self, message: Message, draft: Draft, person: Person) -> _Entry:
        key = f"{message.conversation}/{message.ts}" + (f"/{draft.part}" if draft.part else "")
        held = self.held.get(key)
        wanted = micros(message.ts) // 1000
        time = held.create_at if held else self.clock.next(wanted)
        if held:
            self.clock.last = max(self.clock.last, time)
        reactions = () if draft.part else self._reactions(message, time)
        shift = {SHIFT: time - wanted} if time != wanted else {}
        paths = tuple(lines.Attachment(attachment_path(file)) for file in draft.files)
        content = draft.content
        post = lines.Post(
            user=person.username,
            message=held.message if held else content.message,
            create_at=time,
            type=held.type if held else content.type,
            props=held.props if held else {**content.props, KEY: key, **shift},
            edit_at=held.edit_at if held else micros(message.edited.at) // 1000 if message.edited else 0,
            is_pinned=not draft.part and message.ts in self.pinned,
            reactions=reactions,
            attachments=paths,
            team="" if self.room.direct else self.book.team,
            channel=self.room.name,
            channel_members=self.room.members,
        )
        there = self.done(Kind.POST, key) is not None
        fresh = not there or (not draft.part and self._has_new_reactions(message))
        return _Entry(post, key, draft.digest, draft.files, fresh)

    def _has_new_reactions(self, message: Message) -> bool:
        return any(
            self.done(Kind.REACTION, f"{message.conversation}/{message.ts}/{_toned(reaction)}/{user}") is None
            for reaction in message.reactions
            for user in reaction.users
            if self.book.person(user)
        )

    def _reactions(self, message: Message, time: int) -> tuple[lines.Reaction, ...]:
        if not message.reactions:
            return ()
        made: dict[tuple[str, str], None] = {}
        for reaction in message.reactions:
            standard = reaction_name(reaction) if reaction.char else None
            name = standard.name if standard else self.book.emoji.get(reaction.name) or custom_name(reaction.name)
            made |= dict.fromkeys((user, name) for user in self.book.usernames(reaction.users))
        return tuple(lines.Reaction(user, name, time + order) for order, (user, name) in enumerate(made))

    # ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self, root: str, entry: _Entry, person: Person) -> None:
        thread = self._threads.setdefault(root, _Thread())
        data = msgspec.msgpack.encode(entry)
        self._spool.seek(self._end)
        self._spool.write(data)
        thread.places.extend((self._end, len(data)))
        self._end += len(data)
        thread.seen[person.username] = entry.post.create_at
        thread.fresh |= entry.fresh

    def _thread(self, thread: _Thread) -> Iterator[Line]:
        if not thread.fresh:
            return
        entries = self._entries(thread)
        root = next(entries)
        recent = sorted(thread.seen.items(), key=lambda pair: (-pair[1], pair[0]))[:FOLLOWERS]
        last = max(thread.seen.values())
        followers = tuple(lines.Follower(user, last) for user, _ in sorted(recent))
        number, size, weight = 0, 0, _weight(root)
        replies: list[_Entry] = []
        for entry in entries:
            if not entry.fresh:
                continue
            length = len(entry.post.message.encode()) + 1000 * (1 + len(entry.post.reactions))
            heavy = weight + _weight(entry) > (self.limits.file or FILE_BYTES)
            if replies and (len(replies) >= REPLIES or size + length > LINE_BYTES or heavy):
                yield self._thread_line(root, replies, followers, number)
                number, size, weight, replies = number + 1, 0, _weight(root), []
            replies.append(entry)
            size += length
            weight += _weight(entry)
        yield self._thread_line(root, replies, followers, number)

    def _entries(self, thread: _Thread) -> Iterator[_Entry]:
        for at in range(0, len(thread.places), 2):
            self._spool.seek(thread.places[at])
            yield msgspec.msgpack.decode(self._spool.read(thread.places[at + 1]), type=_Entry)

    def _thread_line(
        self, root: _Entry, replies: list[_Entry], followers: tuple[lines.Follower, ...], number: int
    ) -> Line:
        post = structs.replace(root.post, replies=tuple(_reply(e.post) for e in replies), thread_followers=followers)
        entries = [root, *replies] if number == 0 and root.fresh else replies
        files = tuple(file for entry in [root, *replies] for file in entry.files)
        return Line(lines.line(self._kind, post), tuple((e.key, e.digest) for e in entries), files, number)


def _reply(post: lines.Post) -> lines.Reply:
    return lines.Reply(*(getattr(post, name) for name in lines.Reply.__struct_fields__))


def _weight(entry: _Entry) -> int:
    """Bytes of its files: a line's files must all be in the zip where it stands."""
    return sum(file.data.size for file in entry.files if isinstance(file.data, Local))


def _toned(reaction: Reaction) -> str:
    return f"{reaction.name}::{reaction.tone}" if reaction.tone else reaction.name


def attachment_path(file: File) -> str:
    """Where a file lies in the zip: below its id, under its own name (the server shows the last part), in NFC."""
    name = unicodedata.normalize("NFC", file.name or file.title or file.id).replace("/", "_").replace("\\", "_")
    name = "".join(c for c in name if c.isprintable())[:200].strip() or file.id
    return f"files/{file.id}/{'file' if name in ('.', '..') else name}"
