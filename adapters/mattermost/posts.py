"""A conversation as post lines: times unique in their channel, threads whole, reactions never before their post.

Lines of threads are written when the conversation ends; until then their posts are kept encoded, and go to the disk
whenever they take more than a few megabytes, so that memory does not grow with the number of messages.
"""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec
from msgspec import Struct, field

from migrator.adapters.base import Composed, Directory, Draft, Key, Kind, Limits, RemoteId, Source
from migrator.adapters.mattermost import lines
from migrator.adapters.mattermost.book import Book, Room
from migrator.batches import batches
from migrator.model import File, Local, Message, Reaction, micros

__all__ = ["Held", "Line", "Totals", "Writer", "attachment_path"]

KEY = "slack_key"  # the prop that names the message a post comes from
SHIFT = "slack_shift"  # milliseconds that create_at was moved by to be unique in its channel
REPLIES = 3_000  # in one line: 3,640 exceed what the database takes in one statement (facts 4.6)
LINE_BYTES = 8 << 20  # the server reads lines of up to 16 MiB
FILE_BYTES = 90 << 20  # files of one line, where the server's MaxFileSize is not known
FOLLOWERS = 10  # per thread: a batch of 1,000 lines takes 10,922 (facts 4.6)
AT_HAND = 2 << 20  # bytes of posts of threads, at most, before they go to the disk
_ENTRY = 256  # bytes that a post takes beside its text
UNCOUNTED = frozenset({"system_join_channel", "system_leave_channel", "system_add_to_channel"})
_pack = msgspec.msgpack.Encoder().encode


class Held(Struct, frozen=True):
    """A post as the server holds it: a line that repeats it carries exactly this, or it would be a second post."""

    message: str
    create_at: int
    type: str = ""
    props: Mapping[str, Any] = {}
    edit_at: int = 0
    is_pinned: bool = False
    files: tuple[str, ...] = ()  # names of the files that hang on it


class Line(Struct, frozen=True, gc=False):
    """A line to write. `round` 0 goes with the first import; a thread too long for one line goes on in later rounds.
    `posts`: key and digest of every post in it ("" where nobody asks what was loaded). `files` are those it names.
    """

    data: bytes
    posts: tuple[tuple[Key, str], ...]
    files: tuple[File, ...] = ()
    round: int = 0


class Totals(Struct):
    """What a channel holds in the end, for read state: `messages` and `roots` as the server counts them."""

    messages: int = 0
    roots: int = 0
    last: int = 0


class _Entry(Struct, array_like=True, gc=False):
    """A post. `data`: its object, as JSON."""

    data: bytes
    time: int
    key: Key
    digest: str
    files: tuple[File, ...]
    fresh: bool


class _Thread(Struct):
    """A thread's posts, the root first: those on the disk, by offset and length of what was put there at once, and
    after them those at hand."""

    places: list[tuple[int, int]] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)  # who wrote in it, and when last
    fresh: bool = False


_unpack = msgspec.msgpack.Decoder(list[_Entry]).decode


class Clock:
    """Milliseconds of a channel, each given once, rising within a conversation.

    `used`: those that are taken; where nobody else writes into the channel, the last one says it all.
    """

    def __init__(self, used: set[int] | None = None) -> None:
        self.used = used
        self.last = 0

    def next(self, wanted: int) -> int:
        time = wanted if wanted > self.last else self.last + 1
        if self.used is not None:
            while time in self.used:
                time += 1
            self.used.add(time)
        self.last = time
        return time


class Writer:
    """One conversation's lines. `done` says what an earlier run loaded (None: nothing), `held` how the server holds it.

    `clock` is the channel's, with a set of moments where others write into it too.
    """

    def __init__(
        self,
        book: Book,
        room: Room,
        compose: Callable[[Message, Directory, Limits], Composed],
        directory: Directory,
        limits: Limits,
        clock: Clock,
        done: Callable[[Kind, Key], RemoteId | None] | None,
        held: Mapping[Key, Held],
        composed: Callable[[Sequence[Message], Sequence[Composed]], None],
    ) -> None:
        self.book, self.room, self.compose, self.directory, self.limits = book, room, compose, directory, limits
        self.clock, self.done, self.held, self.composed = clock, done, held, composed
        clock.last = 0
        if held:
            clock.used = (clock.used or set()) | {post.create_at for post in held.values()}
        self.pinned = {pin.ts for pin in room.conversation.pins if pin.ts}
        self.totals = Totals()
        self.strangers = 0
        self._before, self._after = lines.around("direct_post" if room.direct else "post")
        self._place = lines.more(lines.Direct(room.members) if room.direct else lines.Place(book.team, room.name))
        self._threads: dict[str, _Thread] = {}
        self._at_hand = 0  # bytes of their posts
        self._spool: IO[bytes] | None = None

    def run(self, source: Source) -> Iterator[Line]:
        """All lines, in a stable order: single posts as they come, threads at the end."""
        try:
            for batch in batches(source.messages(self.room.conversation.id)):
                yield from self._lines(batch)
            self.totals.last = self.clock.last
            for thread in self._threads.values():
                yield from self._thread(thread)
        finally:
            if self._spool is not None:
                self._spool.close()

    def _lines(self, messages: Sequence[Message]) -> list[Line]:
        """Of single posts; those of threads are kept."""
        compose, directory, limits = self.compose, self.directory, self.limits
        mentions, before, after = self.book.mentions, self._before, self._place + b"}" + self._after
        made = [compose(message, directory, limits) for message in messages]
        self.composed(messages, made)
        out: list[Line] = []
        for message, some in zip(messages, made, strict=True):
            username = mentions.get(message.author.user)
            if username is None:
                self.strangers += 1
                continue
            threaded = message.is_root or message.thread
            for draft in some.drafts:
                post = self._post(message, draft, username)
                if threaded and draft.thread and (message.thread or not draft.part):
                    self._keep(message, post, username)
                elif post.fresh:
                    out.append(Line(before + post.data[:-1] + after, ((post.key, post.digest),), post.files))
        return out

    def _post(self, message: Message, draft: Draft, username: str) -> _Entry:
        content, part, ts = draft.content, draft.part, message.ts
        key = f"{message.conversation}/{ts}/{part}" if part else f"{message.conversation}/{ts}"
        wanted = int(ts[:14].replace(".", "")) if len(ts) == 17 and ts[10] == "." else micros(ts) // 1000
        type_: str = content.type
        if self.held and (held := self.held.get(key)):
            time, text, type_ = held.create_at, held.message, held.type
            props, edited = held.props, held.edit_at
            self.clock.last = max(self.clock.last, time)
        else:
            time, text = self.clock.next(wanted), content.message
            props = {**content.props, KEY: key} if content.props else {KEY: key}
            if time != wanted:
                props[SHIFT] = time - wanted
            edited = 0 if message.edited is None else micros(message.edited.at) // 1000
        totals = self.totals
        if not type_ or type_ not in UNCOUNTED:
            totals.messages += 1
            if not (message.thread and draft.thread):
                totals.roots += 1
        pinned = not part and ts in self.pinned
        reactions = self._reactions(message, time) if message.reactions and not part else ()
        files = draft.files
        paths = tuple([lines.Attachment(attachment_path(file)) for file in files]) if files else ()
        data = lines.encode(lines.Reply(username, text, time, type_, props, edited, pinned, reactions, paths))
        if self.done is None:
            return _Entry(data, time, key, "", files, True)
        return _Entry(data, time, key, draft.digest, files, self._is_fresh(message, draft, key))

    def _is_fresh(self, message: Message, draft: Draft, key: Key) -> bool:
        """Whether an earlier run has not loaded it as it is now."""
        assert self.done is not None  # noqa: S101 - asked only then
        if self.done(Kind.POST, key) is None:
            return True
        return not draft.part and any(
            self.done(Kind.REACTION, f"{message.conversation}/{message.ts}/{_toned(reaction)}/{user}") is None
            for reaction in message.reactions
            for user in reaction.users
            if user in self.book.mentions
        )

    def _reactions(self, message: Message, time: int) -> tuple[lines.Reaction, ...]:
        made: dict[tuple[str, str], None] = {}
        mentions = self.book.mentions
        for reaction in message.reactions:
            name = self.book.reaction(reaction)
            for user in reaction.users:
                if (username := mentions.get(user)) is not None:
                    made[username, name] = None
        return tuple([lines.Reaction(user, name, time + order) for order, (user, name) in enumerate(made)])

    # ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self, message: Message, post: _Entry, username: str) -> None:
        root = message.thread or message.ts
        thread = self._threads.get(root)
        if thread is None:
            thread = self._threads[root] = _Thread()
        thread.entries.append(post)
        thread.seen[username] = post.time
        thread.fresh = thread.fresh or post.fresh
        self._at_hand += len(post.data) + _ENTRY
        if self._at_hand > AT_HAND:
            self._put_aside()

    def _put_aside(self) -> None:
        """All posts at hand, to the disk."""
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of run
        for thread in self._threads.values():
            if thread.entries:
                packed = _pack(thread.entries)
                thread.places.append((self._spool.tell(), len(packed)))
                thread.entries.clear()
                self._spool.write(packed)
        self._at_hand = 0

    def _thread(self, thread: _Thread) -> Iterator[Line]:
        if not thread.fresh:
            return
        entries = self._entries(thread)
        root = next(entries)
        seen, last = thread.seen, max(thread.seen.values())
        recent = seen if len(seen) <= FOLLOWERS else sorted(seen, key=lambda user: (-seen[user], user))[:FOLLOWERS]
        followers = lines.encode([lines.Follower(user, last) for user in sorted(recent)])
        number, size, weight, most = 0, 0, _weight(root), self.limits.file or FILE_BYTES
        replies: list[_Entry] = []
        for entry in entries:
            if not entry.fresh:
                continue
            more = _weight(entry) if entry.files else 0
            full = len(replies) >= REPLIES or size + len(entry.data) > LINE_BYTES or weight + more > most
            if replies and full:
                yield self._thread_line(root, replies, followers, number)
                number, size, weight, replies = number + 1, 0, _weight(root), []
            replies.append(entry)
            size += len(entry.data)
            weight += more
        yield self._thread_line(root, replies, followers, number)

    def _entries(self, thread: _Thread) -> Iterator[_Entry]:
        for offset, length in thread.places:
            assert self._spool is not None  # noqa: S101 - they were put there
            self._spool.seek(offset)
            yield from _unpack(self._spool.read(length))
        yield from thread.entries

    def _thread_line(self, root: _Entry, replies: list[_Entry], followers: bytes, number: int) -> Line:
        """The root's object, with its replies and followers as its last fields."""
        said = b'"replies":[' + b",".join([e.data for e in replies]) + b"]," if replies else b""
        parts = self._before, root.data[:-1], self._place, said, followers, self._after
        entries = [root, *replies] if number == 0 and root.fresh else replies
        files = (*root.files, *[file for entry in replies for file in entry.files])
        posts = tuple([(e.key, e.digest) for e in entries])
        return Line(b'%b%b%b,%b"thread_followers":%b}%b' % parts, posts, files, number)


def _weight(entry: _Entry) -> int:
    """Bytes of its files: a line's files must all be in the zip where it stands."""
    return sum([file.data.size for file in entry.files if isinstance(file.data, Local)])


def _toned(reaction: Reaction) -> str:
    return f"{reaction.name}::{reaction.tone}" if reaction.tone else reaction.name


def attachment_path(file: File) -> str:
    """Where a file lies in the zip: below its id, under its own name (the server shows the last part), in NFC."""
    name = unicodedata.normalize("NFC", file.name or file.title or file.id).replace("/", "_").replace("\\", "_")
    name = "".join(c for c in name if c.isprintable())[:200].strip() or file.id
    return f"files/{file.id}/{'file' if name in ('.', '..') else name}"
