"""Markdown of the archive: who and what is pointed at by ids where the server's sequences are given, else by names.

Ids of messages and addresses of files are known only when all are in order; until then a mark stands for an address
(`mark`, `file_mark`), which `resolve` finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from migrator.adapters.zulip import threads
from migrator.adapters.zulip.archive_people import Roster
from migrator.adapters.zulip.archive_places import Places
from migrator.adapters.zulip.render import ZulipWriter
from migrator.model import ConversationId, ConversationMention, FileId, Ts, UserId
from migrator.render import Job

__all__ = ["MARK", "UPLOADS", "ArchiveWriter", "file_mark", "mark", "resolve"]

MARK = "/#slack-message/"
UPLOADS = "/user_uploads/"
_MARKED = re.compile(rf"{MARK}([^/\s]+)/([0-9]+(?:\.[0-9]+)?)/")
_FILE_MARKED = re.compile(rf"{UPLOADS}\?([^/\s]+)/")
_BEFORE_CHANNEL = frozenset(" \t\n'\"(,:<")


def mark(conversation: ConversationId, ts: Ts) -> str:
    """Stands for a message's address until its id is known. JSON has it as it is."""
    return f"{MARK}{quote(conversation, safe='')}/{ts}/"


def file_mark(file: FileId) -> str:
    """Stands for a file's address until it has its place. JSON has it as it is."""
    return f"{UPLOADS}?{quote(file, safe='')}/"


def resolve(
    text: str, address: Callable[[ConversationId, Ts], str], path: Callable[[FileId], str | None] | None = None
) -> str:
    """The text with the addresses of messages and, below /user_uploads/, the paths of files in place of their marks."""
    if MARK in text:
        text = _MARKED.sub(lambda found: address(unquote(found[1]), found[2]), text)
    if path is not None:
        text = _FILE_MARKED.sub(lambda found: UPLOADS + there if (there := path(unquote(found[1]))) else found[0], text)
    return text


class ArchiveWriter(ZulipWriter):
    """`exact`: ids may be written. `mentioned` gathers the accounts mentioned since it was last emptied."""

    def __init__(self, roster: Roster, places: Places, exact: bool) -> None:
        super().__init__(person=self._mention, channel=self._address, post=mark if exact else None)
        self._roster, self._places, self._exact = roster, places, exact
        self._last = max((member.id for member in roster.members.values()), default=0)  # whom the export tells of
        self.mentioned: set[int] = set()

    def _mention(self, user: UserId) -> str | None:
        member = self._roster.find(user)
        if member is None or member.id > self._last:
            return None
        self.mentioned.add(member.id)
        return f"|{member.id}" if self._exact else member.name

    def _address(self, conversation: ConversationId) -> str | None:
        channel = self._places.channels.get(conversation)
        return f"/#narrow/channel/{channel.id}" if channel else None

    def conversation(self, node: ConversationMention, job: Job) -> str | None:
        channel = self._places.channels.get(node.conversation)
        if channel is None or self._exact:
            return super().conversation(node, job)
        return f"#**{channel.name}**"

    def glued(self, source: str, before: str, after: str) -> str:
        if source.startswith("#**") and before and before not in _BEFORE_CHANNEL:
            return " " + source
        return super().glued(source, before, after)

    def pointer(self, channel: int, name: str, topic: str, label: str) -> str:
        """As `threads.pointer`."""
        if self._exact:
            return threads.pointer(channel, topic, label)
        return threads.named_pointer(name, topic, label)

    def head(self, author: int, name: str, root: str, quoted: str) -> str:
        """As `threads.head`; `root` is the address of the message that is replied to."""
        return threads.head(author if self._exact else name, root, quoted)
