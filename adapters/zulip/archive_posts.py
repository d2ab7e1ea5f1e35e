"""Messages of the archive, composed: one conversation after the other, perhaps by several processes at once.

What they become lies in work files until `archive_order` puts all of it in order of time. Whatever is numbered across
conversations is left open here: ids of messages, recipients of direct messages, files, emoji that the export does not
list (facts/zulip.md 4.2, 4.5).
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from migrator.adapters.base import Composed, Directory, Draft, Limits
from migrator.adapters.bulk import Group, Move, WorkFile
from migrator.adapters.zulip import threads
from migrator.adapters.zulip.archive_files import Copies, Copy
from migrator.adapters.zulip.archive_people import Member, Roster
from migrator.adapters.zulip.archive_places import Places, is_direct
from migrator.adapters.zulip.archive_text import MARK, UPLOADS, ArchiveWriter, file_mark, mark, resolve
from migrator.adapters.zulip.compose import BROADCAST, FILE, compose
from migrator.adapters.zulip.emoji import CUSTOM, custom_name, reaction_name
from migrator.adapters.zulip.threads import Policy
from migrator.adapters.zulip.topics import thread_topic
from migrator.batches import batches
from migrator.model import Conversation, ConversationId, ConversationKind, File, FileId, Message, Ts, UserId, micros

__all__ = ["Composer", "Entry", "Received", "Settings", "Taken", "source_address"]

READ, STARRED, MENTIONED, DIRECT = 1, 2, 8, 2048
QUOTABLE = 1000  # characters of a root that its first reply repeats
KIND_SINCE = 10  # the version from which on messages say whether they stand in a channel (facts 4.9)
AT_ONCE = 256  # posts that go into the work file together
LAST = 253_402_300_799_000_000  # the end of the year 9999, microseconds
_FILE = re.compile(rf"\[((?:[^\[\]]|\n)*)\]\({re.escape(FILE)}([^)\s]+)\)")
_DIRECT_TOPICS = {12: "\x07"}  # by version; "" before (facts 4.9)
_NOBODY: Mapping[int, int] = {}
Received: TypeAlias = tuple[tuple[int, int], ...]  # accounts and flags: rows of zerver_usermessage


class Settings(Struct, frozen=True):
    """`first`: id of the first message. `idle`: no rows for messages in channels that have no flag of their own."""

    version: int
    first: int
    exact: bool
    idle: bool
    policy: Policy
    main_topic: str
    domain: str  # of the workspace, for links to messages that are not in the export


def source_address(domain: str, conversation: ConversationId, ts: Ts) -> str:
    """Where a message was before."""
    return f"https://{domain}.slack.com/archives/{conversation}/p{ts.replace('.', '')}"


class Entry(Struct, array_like=True, gc=False):
    """A post in a work file. `recipient`: in direct messages its place in `Taken.recipients`. `row` is its row of
    zerver_message as JSON, without what stands before `sending_client`; `marked`: there are marks in it."""

    sender: int
    recipient: int
    received: Received
    marked: bool
    row: bytes


class _Row(Struct, gc=False):
    """A row of zerver_message, but for what is known only in the end: id and recipient."""

    sending_client: int
    subject: str
    content: str
    rendered_content: None
    date_sent: float
    last_edit_time: float | None
    edit_history: str | None
    has_attachment: bool
    has_image: bool
    has_link: bool
    is_channel_message: bool | UnsetType


class Taken(Struct):
    """One conversation, as the process that composed it tells of it.

    Its posts lie in the work file `path` from `start` on, each up to its `ends`, with `times` in microseconds; its
    reactions likewise, a line each. `recipients`: people and sender of direct messages. `emoji`: those that somebody
    reacted with and Zulip has no name for. `files`: which files are shown, by which posts (counted from 0).
    """

    conversation: ConversationId
    path: str
    start: int
    ends: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    messages: int = 0
    reactions: tuple[str, int, int] = ("", 0, 0)  # path, offset, number
    recipients: list[tuple[tuple[int, ...], int]] = field(default_factory=list)
    emoji: list[str] = field(default_factory=list)
    files: dict[FileId, tuple[Copy, list[int]]] = field(default_factory=dict)
    strange_times: int = 0


class _Root(Struct):
    author: Member
    topic: str
    source: str  # "" once it was repeated


class _Revision(Struct):
    user_id: int
    timestamp: int
    prev_content: str
    prev_rendered_content: str
    prev_rendered_content_version: int = 1


class Composer:
    """Takes conversations, in whichever process; what it learns of one is in what it returns."""

    def __init__(
        self,
        move: Move,
        directory: Directory,
        settings: Settings,
        roster: Roster,
        places: Places,
        posts: WorkFile,
        reactions: WorkFile,
        work: Path,
    ) -> None:
        self.move, self.directory, self.settings = move, directory, settings
        self.roster, self.places = roster, places
        self.posts, self.reactions = posts, reactions
        self.copies = Copies(work, move.source)
        self.writer = ArchiveWriter(roster, places, settings.exact)
        conversations = move.source.workspace.conversations
        self.listed = {c.id: places.numbers(c.members) for c in conversations.values()}
        self.limits = Limits()
        self._home = os.getpid()

    def take(self, group: Group) -> list[Taken]:
        """All messages of some conversations."""
        conversations = self.move.source.workspace.conversations
        taken = [_Conversation(self, conversations[conversation]).take() for conversation in group]
        self.posts.flush()
        self.reactions.flush()
        return taken

    def member(self, user: UserId) -> Member:
        """Whoever has this id. LookupError in other processes for somebody whom the export tells nothing of: only one
        can number them, and takes the conversation again."""
        found = self.roster.find(user)
        if found is None:
            if os.getpid() != self._home:
                raise LookupError(user)
            found = self.roster.member(user)
        return found

    def slack(self, conversation: ConversationId, ts: Ts) -> str:
        return source_address(self.settings.domain, conversation, ts)


class _Conversation:
    """One conversation on its way into the work files."""

    def __init__(self, composer: Composer, conversation: Conversation) -> None:
        self.composer, self.conversation = composer, conversation
        self.settings, self.writer, self.places = composer.settings, composer.writer, composer.places
        self.direct = is_direct(conversation)
        self.channel = self.places.channels.get(conversation.id)
        self.listed = composer.listed[conversation.id]
        self.public = conversation.kind is ConversationKind.PUBLIC
        self.main = self.settings.main_topic if self.channel else _DIRECT_TOPICS.get(self.settings.version, "")
        self.topics = self.channel is not None and self.settings.policy is Policy.TOPICS
        self.everybody: Received = () if self.settings.idle else tuple((user, READ) for user in self.listed)
        self.pins = {pin.ts: pin for pin in conversation.pins if pin.ts}
        self.roots: dict[Ts, _Root] = {}
        self.addressed: dict[int, tuple[int, tuple[int, ...], Received]] = {}  # by sender, in direct messages
        self.emoji: dict[str, None] = {}
        self.taken = Taken(conversation.id, *composer.posts.begin())
        self._end = self.taken.start
        self._entries: list[bytes] = []
        self.kind = not self.direct if self.settings.version >= KIND_SINCE else UNSET
        self._encode = msgspec.json.Encoder().encode
        self._pack = msgspec.msgpack.Encoder().encode

    def take(self) -> Taken:
        composer, taken, pins = self.composer, self.taken, self.pins
        path, offset = composer.reactions.begin()
        reacted = 0
        for message, made, mentioned in self._composed():
            sender = composer.member(message.author.user)
            special = self._special(message, sender, mentioned) if mentioned or message.ts in pins else _NOBODY
            first = len(taken.times)
            for draft in made.drafts:
                self._put(message, draft, sender, special)
            for reaction in self._reactions(message) if message.reactions else ():
                composer.reactions.keep(self._encode((first, *reaction)) + b"\n")
                reacted += 1
            taken.messages += 1
        self._keep()
        taken.reactions = path, offset, reacted
        taken.emoji = list(self.emoji)
        return taken

    def _composed(self) -> Iterator[tuple[Message, Composed, Sequence[int]]]:
        """All messages, what becomes of each, and who is mentioned in it."""
        move, directory, limits = self.composer.move, self.composer.directory, self.composer.limits
        policy, writer, mentioned = self.settings.policy, self.writer, self.writer.mentioned
        for batch in batches(move.source.messages(self.conversation.id)):
            out = []
            for message in batch:
                mentioned.clear()
                made = compose(message, directory, limits, policy, writer)
                out.append((message, made, tuple(mentioned) if mentioned else ()))
            move.composed(batch, [made for _, made, _ in out])
            yield from out

    def _special(self, message: Message, sender: Member, mentioned: Sequence[int]) -> Mapping[int, int]:
        """Flags of those for whom this is no message as any other."""
        special = dict.fromkeys(mentioned, READ | MENTIONED)
        if pin := self.pins.get(message.ts):
            by = self.composer.roster.find(pin.by) or sender
            special[by.id] = special.get(by.id, READ) | STARRED
        return special

    def _put(self, message: Message, draft: Draft, sender: Member, special: Mapping[int, int]) -> None:
        taken, files, edited = self.taken, draft.files, message.edited
        source = self._with_files(draft, message) if files else draft.content.source
        if message.thread or message.is_root:
            topic, content = self._placed(message, draft, sender, source)
        else:
            topic, content = self.main, source
        content = content.replace("\0", "")  # the database takes none, and ids of a hostile export may hold one
        recipient, received = self._addressed(sender.id, special)
        time = micros(message.ts)
        if not 0 < time <= LAST:
            taken.strange_times += 1
            time = min(max(time, 1), LAST)
        shows = bool(files) and UPLOADS in source
        row = _Row(
            1,
            topic,
            content,
            None,
            time / 1_000_000,
            None if edited is None else micros(edited.at) / 1_000_000 or None,
            self._history(message, sender) if message.revisions and not draft.part else None,
            shows,
            shows and any(file.mime.startswith("image/") for file in files),
            "](" in content or "://" in content,
            self.kind,
        )
        marked = shows or (self.settings.exact and MARK in content)
        entry = self._pack((sender.id, recipient, received, marked, self._encode(row)[1:]))
        self._end += len(entry)
        taken.ends.append(self._end)
        taken.times.append(time)
        self._entries.append(entry)
        if len(self._entries) >= AT_ONCE:
            self._keep()

    def _keep(self) -> None:
        self.composer.posts.keep(b"".join(self._entries))
        self._entries.clear()

    def _addressed(self, sender: int, special: Mapping[int, int]) -> tuple[int, Received]:
        """The recipient, and who has the message with which flags."""
        if self.channel is not None:
            if not special:
                return self.channel.recipient, self.everybody
            flags = dict(self.everybody)
            for user, flag in special.items():  # somebody mentioned in a private place that they are not in: no row
                if self.public or user in self.listed:
                    flags[user] = READ | flag
            return self.channel.recipient, tuple(flags.items())
        found = self.addressed.get(sender)
        if found is None:
            people = tuple(sorted({*self.listed, sender}))
            self.taken.recipients.append((people, sender))
            found = len(self.addressed), people, tuple((user, READ | DIRECT) for user in people)
            self.addressed[sender] = found
        recipient, people, everybody = found
        if not special:
            return recipient, everybody
        return recipient, tuple((user, READ | DIRECT | special.get(user, 0)) for user in people)

    def _with_files(self, draft: Draft, message: Message) -> str:
        """The text with marks for its files; without a link where the bytes turn out not to be had."""
        files = {file.id: file for file in draft.files}

        def address(found: re.Match[str]) -> str:
            file = files.get(found[2])
            if file is None:
                return found[0]
            if not self._shown(file, message):
                return f"(file {found[1]}: its bytes cannot be read)"
            return f"[{found[1]}]({file_mark(file.id)})"

        source: str = draft.content.source
        return _FILE.sub(address, source)

    def _shown(self, file: File, message: Message) -> bool:
        """Note that the next post shows a file; whether there is anything to show."""
        taken = self.taken
        if file.id not in taken.files:
            owner = self.composer.roster.find(file.owner) if file.owner else None
            owner = owner or self.composer.member(message.author.user)
            taken.files[file.id] = self.composer.copies.make(file, owner.id), []
        copy, posts = taken.files[file.id]
        if copy.path:
            posts.append(len(taken.times))
        return bool(copy.path)

    def _placed(self, message: Message, draft: Draft, sender: Member, source: str) -> tuple[str, str]:
        """Topic and text: a root ends in a pointer to its thread, whose first reply begins by repeating it."""
        channel, main, topics = self.channel, self.main, self.topics
        if message.is_root and not draft.part:
            quotable = len(source) <= QUOTABLE and UPLOADS not in source
            topic = draft.content.topic or thread_topic(message.ts, "thread")
            self.roots[message.ts] = _Root(sender, topic, source.removeprefix("/me ") if quotable else "")
            if topics and channel:
                return main, f"{source}\n\n{self.writer.pointer(channel.id, channel.name, topic, threads.POINTER)}"
        if not message.thread:
            return main, source
        root = self.roots.get(message.thread)
        topic = root.topic if root else thread_topic(message.thread, "thread")
        if draft.part == BROADCAST and channel:
            return main, f"{source}\n\n{self.writer.pointer(channel.id, channel.name, topic, threads.BACK)}"
        if root is None or draft.part or (topics and not root.topic):
            return (topic if topics else main), source
        quoted = root.source
        if topics:
            if quoted == "\0":
                return topic, source
            root.source = "\0"  # repeated once
        where = mark if self.settings.exact else self.composer.slack
        head = self.writer.head(root.author.id, root.author.name, where(message.conversation, message.thread), quoted)
        return (topic if topics else main), f"{head}\n{source}"

    def _history(self, message: Message, sender: Member) -> str:
        """edit_history: newest first; each entry is the text that was replaced, when and by whom."""
        by = self.composer.member(message.edited.by) if message.edited and message.edited.by else sender
        revisions = sorted(message.revisions, key=lambda revision: micros(revision.at))
        ends = [revision.at for revision in revisions[1:]]
        ends.append(message.edited.at if message.edited else revisions[-1].at)
        rows = []
        for revision, end in zip(revisions, ends, strict=True):
            shown = self.writer.write(revision.body, self.composer.directory)
            html = f"<p>{escape(shown.plain)}</p>"
            source = resolve(shown.source, self.composer.slack)
            rows.append(_Revision(by.id, micros(end) // 1_000_000, source, html))
        return self._encode(rows[::-1]).decode()

    def _reactions(self, message: Message) -> Iterable[tuple[int, str, str, str]]:
        """Account, name, code and type of each; the code of a custom emoji is for `Emoji` to say."""
        made: dict[tuple[int, str, str, str], None] = {}
        for reaction in message.reactions:
            standard = reaction_name(reaction)
            if standard is None or not standard.code:
                self.emoji[reaction.name] = None
                called = custom_name(reaction.name), "", CUSTOM
            else:
                called = standard.name, standard.code, standard.reaction_type
            for user in reaction.users:
                made[self.composer.member(user).id, *called] = None
        return made
