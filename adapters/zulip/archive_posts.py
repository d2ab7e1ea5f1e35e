"""Messages of the archive: composed one conversation after the other, then numbered and written in order of time.

Between the two they lie in a work file; in memory stay a few numbers of each (facts/zulip.md 4.2, 4.5).
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from migrator.adapters.base import Directory, Draft, Limits
from migrator.adapters.bulk import Move
from migrator.adapters.zulip import threads
from migrator.adapters.zulip.archive_files import Emoji, Uploads
from migrator.adapters.zulip.archive_people import Member, Roster
from migrator.adapters.zulip.archive_places import Places, is_direct
from migrator.adapters.zulip.archive_text import ArchiveWriter, mark, resolve
from migrator.adapters.zulip.compose import BROADCAST, FILE, compose
from migrator.adapters.zulip.emoji import reaction_name
from migrator.adapters.zulip.threads import Policy
from migrator.adapters.zulip.topics import thread_topic
from migrator.model import Conversation, ConversationId, ConversationKind, File, Message, Pin, Ts, micros

__all__ = ["Posts", "Settings"]

PER_FILE = 1000
READ, STARRED, MENTIONED, DIRECT = 1, 2, 8, 2048
QUOTABLE = 1000  # characters of a root that its first reply repeats
LAST = 253_402_300_799_000_000  # the end of the year 9999, microseconds
_FILE = re.compile(rf"\[((?:[^\[\]]|\n)*)\]\({re.escape(FILE)}([^)\s]+)\)")
_DIRECT_TOPICS = {12: "\x07"}  # by version; "" before (facts 4.9)


class Settings(Struct, frozen=True):
    """`first`: id of the first message. `idle`: no rows for messages in channels that have no flag of their own."""

    version: int
    first: int
    exact: bool
    idle: bool
    policy: Policy
    main_topic: str
    domain: str  # of the workspace, for links to messages that are not in the export


class _Entry(Struct, array_like=True):
    sender: int
    recipient: int
    subject: str
    content: str
    edited: float
    history: str
    channel: bool
    files: bool
    image: bool
    people: tuple[tuple[int, int], ...]  # account and flags: rows of zerver_usermessage


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


class Posts:
    def __init__(
        self,
        move: Move,
        directory: Directory,
        settings: Settings,
        roster: Roster,
        places: Places,
        uploads: Uploads,
        emoji: Emoji,
        work: Path,
    ) -> None:
        self.move, self.directory, self.settings = move, directory, settings
        self.roster, self.places, self.uploads, self.emoji = roster, places, uploads, emoji
        self.writer = ArchiveWriter(roster, places, settings.exact)
        self._spool = (work / "messages").open("w+b", buffering=1 << 20)
        self._reactions = (work / "reactions").open("w+b", buffering=1 << 20)
        self._ends = array("q")
        self._times = array("q")
        self._stretches: dict[ConversationId, tuple[int, int]] = {}  # numbers of a conversation's posts
        self._rank: array[int] = array("q")
        self._encoder = msgspec.msgpack.Encoder()
        self._limits = Limits()
        self.strange_times = 0

    def close(self) -> None:
        self._spool.close()
        self._reactions.close()

    # ── composing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, conversation: Conversation) -> None:
        """All messages of a conversation."""
        roots: dict[Ts, _Root] = {}
        pins = {pin.ts: pin for pin in conversation.pins if pin.ts}
        listed = self.places.numbers(conversation.members)
        start = len(self._times)
        for message in self.move.source.messages(conversation.id):
            self._message(conversation, message, roots, pins, listed)
            self.move.progress.advance()
        self._stretches[conversation.id] = (start, len(self._times))

    def _message(
        self,
        conversation: Conversation,
        message: Message,
        roots: dict[Ts, _Root],
        pins: dict[Ts, Pin],
        listed: tuple[int, ...],
    ) -> None:
        self.writer.mentioned.clear()
        made = compose(message, self.directory, self._limits, self.settings.policy, self.writer)
        self.move.composed(message, made)
        sender = self.roster.member(message.author.user)
        people = tuple(sorted({*listed, sender.id})) if is_direct(conversation) else listed
        special = dict.fromkeys(self.writer.mentioned, READ | MENTIONED)
        if pin := pins.get(message.ts):
            by = self.roster.find(pin.by) or sender
            special[by.id] = special.get(by.id, READ) | STARRED
        for draft in made.drafts:
            number = len(self._times)
            self._put(conversation, message, draft, sender, roots, people, special)
            if not draft.part:
                self._react(message, number)

    def _put(
        self,
        conversation: Conversation,
        message: Message,
        draft: Draft,
        sender: Member,
        roots: dict[Ts, _Root],
        people: tuple[int, ...],
        special: dict[int, int],
    ) -> None:
        number = len(self._times)
        source = self._with_files(draft, message, number)
        subject, content = self._placed(conversation, message, draft, sender, roots, source)
        direct = is_direct(conversation)
        everybody = people if direct or not self.settings.idle else ()
        base = READ | (DIRECT if direct else 0)
        flags = {user: base | special.get(user, 0) for user in everybody}
        if not direct:  # somebody mentioned in a private place that they are not in shall not see it
            public = conversation.kind is ConversationKind.PUBLIC
            flags |= {user: base | flag for user, flag in special.items() if public or user in people}
        channel = self.places.channels.get(conversation.id)
        entry = _Entry(
            sender.id,
            channel.recipient if channel else self.places.direct(people, sender.id),
            subject,
            content.replace("\0", ""),
            micros(message.edited.at) / 1_000_000 if message.edited else 0.0,
            self._history(message, sender) if message.revisions and not draft.part else "",
            not direct,
            "/user_uploads/" in source and bool(draft.files),
            any(file.mime.startswith("image/") for file in draft.files),
            tuple(flags.items()),
        )
        self._spool.write(self._encoder.encode(entry))
        self._ends.append(self._spool.tell())
        time = micros(message.ts)
        if not 0 < time <= LAST:
            self.strange_times += 1
            time = min(max(time, 1), LAST)
        self._times.append(time)

    def _with_files(self, draft: Draft, message: Message, number: int) -> str:
        """The text with the addresses of its files; without a link where the bytes turn out not to be had."""
        source: str = draft.content.source
        if FILE not in source:
            return source
        files = {file.id: file for file in draft.files}

        def address(found: re.Match[str]) -> str:
            file = files.get(found[2])
            if file is None:
                return found[0]
            path = self.uploads.put(file, lambda: self._owner(file, message))
            if path is None:
                return f"(file {found[1]}: its bytes cannot be read)"
            self.uploads.show(file.id, number)
            return f"[{found[1]}]({path})"

        return _FILE.sub(address, source)

    def _owner(self, file: File, message: Message) -> Member:
        return (self.roster.find(file.owner) if file.owner else None) or self.roster.member(message.author.user)

    def _placed(
        self,
        conversation: Conversation,
        message: Message,
        draft: Draft,
        sender: Member,
        roots: dict[Ts, _Root],
        source: str,
    ) -> tuple[str, str]:
        """Topic and text: a root ends in a pointer to its thread, whose first reply begins by repeating it."""
        channel = self.places.channels.get(conversation.id)
        topics = channel is not None and self.settings.policy is Policy.TOPICS
        main = self.settings.main_topic if channel else _DIRECT_TOPICS.get(self.settings.version, "")
        if message.is_root and not draft.part:
            quotable = len(source) <= QUOTABLE and "/user_uploads/" not in source
            topic = draft.content.topic or thread_topic(message.ts, "thread")
            roots[message.ts] = _Root(sender, topic, source.removeprefix("/me ") if quotable else "")
            if topics and channel:
                return main, f"{source}\n\n{self.writer.pointer(channel.id, channel.name, topic, threads.POINTER)}"
        if not message.thread:
            return main, source
        root = roots.get(message.thread)
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
        where = mark if self.settings.exact else self._slack
        head = self.writer.head(root.author.id, root.author.name, where(conversation.id, message.thread), quoted)
        return (topic if topics else main), f"{head}\n{source}"

    def _history(self, message: Message, sender: Member) -> str:
        """edit_history: newest first; each entry is the text that was replaced, when and by whom."""
        by = self.roster.member(message.edited.by).id if message.edited and message.edited.by else sender.id
        revisions = sorted(message.revisions, key=lambda revision: micros(revision.at))
        ends = [revision.at for revision in revisions[1:]]
        ends.append(message.edited.at if message.edited else revisions[-1].at)
        rows = []
        for revision, end in zip(revisions, ends, strict=True):
            shown = self.writer.write(revision.body, self.directory)
            html = f"<p>{escape(shown.plain)}</p>"
            rows.append(_Revision(by, micros(end) // 1_000_000, resolve(shown.source, self._slack), html))
        return msgspec.json.encode(rows[::-1]).decode()

    def _react(self, message: Message, number: int) -> None:
        made: dict[tuple[int, str, str, str], None] = {}
        for reaction in message.reactions:
            standard = reaction_name(reaction)
            if standard is None or not standard.code:
                name, code = self.emoji.put(reaction.name)
                kind = "realm_emoji"
            else:
                name, code, kind = standard.name, standard.code, standard.reaction_type
            for user in reaction.users:
                made[self.roster.member(user).id, name, code, kind] = None
        for user_id, name, code, kind in made:
            self._reactions.write(msgspec.json.encode((number, user_id, name, code, kind)) + b"\n")

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def count(self) -> int:
        return len(self._times)

    def message_id(self, number: int) -> int:
        """The id of a post by its number in the work file; after `write`."""
        return self.settings.first + self._rank[number]

    def write(self, folder: Path) -> None:
        """All message files, in order of time, posts of one conversation as they came."""
        self._spool.flush()
        order = sorted(range(self.count), key=self._times.__getitem__)
        self._rank = array("q", bytes(8 * self.count))
        for rank, number in enumerate(order):
            self._rank[number] = rank
        rows = 0
        for file, start in enumerate(range(0, self.count, PER_FILE), 1):
            messages, received = [], []
            for number in order[start : start + PER_FILE]:
                entry = self._entry(number)
                key = self.message_id(number)
                messages.append(self._row(key, self._times[number], entry))
                for user, flags in entry.people:
                    rows += 1
                    received.append({"id": rows, "user_profile": user, "message": key, "flags_mask": flags})
            data = msgspec.json.encode({"zerver_message": messages, "zerver_usermessage": received})
            (folder / f"messages-{file:06}.json").write_bytes(data)

    def _entry(self, number: int) -> _Entry:
        start = self._ends[number - 1] if number else 0
        data = os.pread(self._spool.fileno(), self._ends[number] - start, start)
        return _DECODER.decode(data)

    def _row(self, key: int, time: int, entry: _Entry) -> dict[str, Any]:
        content = resolve(entry.content, self._address)
        row = {
            "id": key,
            "realm": 1,
            "sender": entry.sender,
            "recipient": entry.recipient,
            "sending_client": 1,
            "subject": entry.subject,
            "content": content,
            "rendered_content": None,
            "date_sent": time / 1_000_000,
            "last_edit_time": entry.edited or None,
            "edit_history": entry.history or None,
            "has_attachment": entry.files,
            "has_image": entry.files and entry.image,
            "has_link": "](" in content or "://" in content,
        }
        if self.settings.version >= 10:
            row["is_channel_message"] = entry.channel
        return row

    def _address(self, conversation: ConversationId, ts: Ts) -> str:
        """Where a message can be seen: here, or where it was if the export does not hold it."""
        start, end = self._stretches.get(conversation, (0, 0))
        time = micros(ts)
        number = bisect_left(self._times, time, start, end)
        if number == end or self._times[number] != time:
            return self._slack(conversation, ts)
        channel = self.places.channels.get(conversation)
        place = f"/#narrow/channel/{channel.id}" if channel else "/#narrow"
        return f"{place}/near/{self.message_id(number)}"

    def _slack(self, conversation: ConversationId, ts: Ts) -> str:
        return f"https://{self.settings.domain}.slack.com/archives/{conversation}/p{ts.replace('.', '')}"

    def reactions(self) -> Iterator[Sequence[Any]]:
        """Rows of zerver_reaction without their ids: message, user, name, code, type."""
        self._reactions.seek(0)
        for line in self._reactions:
            number, *rest = msgspec.json.decode(line)
            yield (self.message_id(number), *rest)


_DECODER = msgspec.msgpack.Decoder(_Entry)
