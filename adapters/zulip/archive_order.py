"""All posts of the archive in order of time: their ids, the files of messages, and what else hangs on their order.

Messages lie composed in work files (`archive_posts`); in memory stay a few numbers of each.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from migrator.adapters.bulk import WorkFile
from migrator.adapters.zulip.archive_files import Emoji, Uploads
from migrator.adapters.zulip.archive_places import Places
from migrator.adapters.zulip.archive_posts import Entry, Settings, Taken, source_address
from migrator.adapters.zulip.archive_text import resolve
from migrator.adapters.zulip.emoji import CUSTOM
from migrator.model import ConversationId, Ts, micros

__all__ = ["Order", "ReactionRow"]

PER_FILE = 1000
AT_ONCE = 10 * PER_FILE  # posts held at a time: those of one conversation among them are read in one go
_entries = msgspec.msgpack.Decoder(list[Entry]).decode
_reaction = msgspec.json.Decoder(tuple[int, int, str, str, str]).decode
_encode = msgspec.json.Encoder().encode


class ReactionRow(Struct, gc=False):
    """A row of zerver_reaction."""

    id: int
    message: int
    user_profile: int
    emoji_name: str
    emoji_code: str
    reaction_type: str


class _ReceivedRow(Struct, gc=False):
    """A row of zerver_usermessage."""

    id: int
    user_profile: int
    message: int
    flags_mask: int


class _Stretch(Struct):
    """The posts of one conversation, numbered from `first` on."""

    first: int
    path: str
    start: int
    ends: array[int]
    recipients: list[int]

    def place(self, first: int, last: int) -> tuple[str, int, int]:
        """Where its posts from the one number up to the other lie: path, offset, length."""
        start = self.ends[first - self.first - 1] if first > self.first else self.start
        return self.path, start, self.ends[last - self.first - 1] - start


class Order:
    """Adopts conversations in a certain order, which numbers everything the same whoever composed them."""

    def __init__(
        self, settings: Settings, places: Places, uploads: Uploads, emoji: Emoji, posts: WorkFile, reactions: WorkFile
    ) -> None:
        self.settings, self.places, self.uploads, self.emoji = settings, places, uploads, emoji
        self._posts, self._reaction_files = posts, reactions
        self._times = array("q")
        self._rank = array("q")
        self._stretches: list[_Stretch] = []
        self._numbers: dict[ConversationId, tuple[int, int]] = {}  # of a conversation's posts
        self._reactions: list[tuple[int, tuple[str, int, int]]] = []  # first post of a conversation; where they lie
        self.strange_times = 0

    def adopt(self, taken: Taken) -> None:
        first = len(self._times)
        self._times.extend(taken.times)
        self._numbers[taken.conversation] = first, len(self._times)
        recipients = [self.places.direct(people, sender) for people, sender in taken.recipients]
        if taken.times:
            self._stretches.append(_Stretch(first, taken.path, taken.start, taken.ends, recipients))
        for name in taken.emoji:
            self.emoji.put(name)
        for file, (copy, posts) in taken.files.items():
            self.uploads.put(copy)
            for number in posts:
                self.uploads.show(file, first + number)
        self._reactions.append((first, taken.reactions))
        self.strange_times += taken.strange_times

    @property
    def count(self) -> int:
        return len(self._times)

    def message_id(self, number: int) -> int:
        """The id of a post by its number; after `write`."""
        return self.settings.first + self._rank[number]

    def write(self, folder: Path) -> None:
        """All message files, in order of time, posts of one conversation as they came."""
        order = sorted(range(self.count), key=self._times.__getitem__)
        self._rank = array("q", bytes(8 * self.count))
        for rank, number in enumerate(order):
            self._rank[number] = rank
        key, rows, files = self.settings.first, itertools.count(1), itertools.count(1)
        for at in range(0, self.count, AT_ONCE):
            numbers = order[at : at + AT_ONCE]
            entries = self._read(numbers)
            for start in range(0, len(numbers), PER_FILE):
                messages, received = [], []
                for number in numbers[start : start + PER_FILE]:
                    entry = entries[number]
                    row = self._resolved(entry.row) if entry.marked else entry.row
                    messages.append(
                        b'{"id":%d,"realm":1,"sender":%d,"recipient":%d,%b' % (key, entry.sender, entry.recipient, row)
                    )
                    for user, flags in entry.received:
                        received.append(_ReceivedRow(next(rows), user, key, flags))
                    key += 1
                data = b'{"zerver_message":[%b],"zerver_usermessage":%b}' % (b",".join(messages), _encode(received))
                (folder / f"messages-{next(files):06}.json").write_bytes(data)

    def _read(self, numbers: Sequence[int]) -> dict[int, Entry]:
        found: dict[int, Entry] = {}
        for first, last in self._runs(sorted(numbers)):
            stretch = self._stretches[bisect_right(self._stretches, first, key=_first) - 1]
            data = self._posts.read(*stretch.place(first, last))
            entries = _entries(b"\xdd" + (last - first).to_bytes(4, "big") + data)  # as one array of MessagePack
            if stretch.recipients:
                for entry in entries:
                    entry.recipient = stretch.recipients[entry.recipient]
            found.update(zip(range(first, last), entries, strict=True))
        return found

    def _runs(self, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Numbers without a gap, of one conversation: the first, and the one after the last."""
        begun = {stretch.first for stretch in self._stretches}
        first = following = numbers[0]
        for number in numbers:
            if number != following or number in begun:
                if number != first:
                    yield first, following
                first = number
            following = number + 1
        yield first, following

    def _resolved(self, row: bytes) -> bytes:
        return resolve(row.decode(), self._address, self.uploads.path).encode()

    def _address(self, conversation: ConversationId, ts: Ts) -> str:
        """Where a message can be seen, as JSON has it: here, or where it was if the export does not hold it."""
        start, end = self._numbers.get(conversation, (0, 0))
        time = micros(ts)
        number = bisect_left(self._times, time, start, end)
        if number == end or self._times[number] != time:
            return _encode(source_address(self.settings.domain, conversation, ts))[1:-1].decode()
        channel = self.places.channels.get(conversation)
        place = f"/#narrow/channel/{channel.id}" if channel else "/#narrow"
        return f"{place}/near/{self.message_id(number)}"

    def reactions(self) -> Iterator[ReactionRow]:
        """After `write`."""
        ids = itertools.count(1)
        for first, (path, offset, count) in self._reactions:
            for number, user, name, code, kind in self._lines(path, offset, count):
                code_of = self.emoji.code(name) if kind == CUSTOM else code
                yield ReactionRow(next(ids), self.message_id(first + number), user, name, code_of, kind)

    def _lines(self, path: str, offset: int, count: int) -> Iterator[tuple[int, int, str, str, str]]:
        if not count:
            return
        with Path(path).open("rb") as file:
            file.seek(offset)
            for line in itertools.islice(file, count):
                yield _reaction(line)


def _first(stretch: _Stretch) -> int:
    return stretch.first
