"""What a Markdown dialect says for itself: its escapes, its markers, how it points at people, channels and posts."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from migrator.markdown.addresses import HINT
from migrator.model import (
    Broadcast,
    ConversationId,
    ConversationMention,
    GroupMention,
    Marks,
    Quote,
    Ts,
    UserId,
    UserMention,
)
from migrator.render import Job, Writer

__all__ = ["BOLD", "CODE", "FAR", "ITALIC", "STRIKE", "Dialect", "entities", "entity"]

BOLD, ITALIC, STRIKE, CODE = Marks.BOLD.value, Marks.ITALIC.value, Marks.STRIKE.value, Marks.CODE.value
FAR = "/" + "x" * 200  # no address on a target is longer
_LINKED_BY = re.compile(r"[.:@](?=\w|//)")  # what makes words an address
_MARGIN = " \t\u00a0"


def entity(character: str) -> str:
    return f"&#{ord(character)};"


def entities(text: str) -> str:
    return "".join([entity(c) for c in text])


_UNLINKED = {sign: entity(sign) for sign in ".:@"}


class Dialect(Writer):
    """`person` gives what mentions somebody, `channel` what leads to a channel, `post` the address of a migrated
    message; None where there is none. Without them a dialect does what it can with the directory's remote ids.
    """

    separator: ClassVar[str] = "\n\n"
    gap: ClassVar[str] = "\u200b"  # between two runs that touch
    blank_before_number: ClassVar[bool] = False  # a nested list that does not count from 1 needs a line before it
    plain_languages: ClassVar[frozenset[str]] = frozenset()  # fence words that mean something else than a language
    all_marks: ClassVar[int]  # marks of a run within which `escape` leaves nothing that markers could be
    suspects: ClassVar[str]  # the characters with which anything begins that `escape` might change
    starts: ClassVar[re.Pattern[str]]  # matches whatever `escape_start` might change: nothing that begins with a letter

    def __init__(
        self,
        *,
        person: Callable[[UserId], str | None] | None = None,
        channel: Callable[[ConversationId], str | None] | None = None,
        post: Callable[[ConversationId, Ts], str | None] | None = None,
    ) -> None:
        super().__init__()
        self._person, self._channel, self._post = person, channel, post
        self._mentions: dict[type, Callable[[Any, Job], str | None]] = {
            UserMention: self.user,
            ConversationMention: self.conversation,
            GroupMention: self.group,
        }
        suspects = "|".join(map(re.escape, self.suspects))
        self._suspects = re.compile(suspects)
        self._doubts = re.compile(f"{suspects}|{HINT.pattern}", re.ASCII)  # words without any stand as they are
        self._in_table = False  # a bar ends a cell there, whatever it stands in

    # ── escapes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def escape(self, text: str, marks: int, job: Job) -> str:
        """Words of one line as they are to be shown, within a run that carries `marks`."""

    def escape_start(self, line: str) -> str:
        """Disarm what is markup at the beginning of a written line; no letter is."""
        if line[:1].isalpha() or (found := self.starts.match(line)) is None:
            return line
        piece = found.group()
        if piece[0] not in _MARGIN:
            return self.disarm_start(piece, line[found.end() :])
        bare = line.lstrip(_MARGIN)
        width = sum(4 if c == "\t" else 1 for c in line[: len(line) - len(bare)])
        if width == 1:
            return self.escape_start(bare)
        return "&nbsp;" * min(width, 40) + self.after_margin(bare) if bare else ""

    @abstractmethod
    def disarm_start(self, piece: str, rest: str) -> str:
        """A line that begins with `piece`, which `starts` found (not white space), and goes on with `rest`."""

    def after_margin(self, line: str) -> str:
        """A line as it may stand behind entities."""
        return line

    def disarm(self, address: str, job: Job) -> str:
        """An address as words that the target does not link."""
        text = self.escape(address, self.all_marks, job).replace("[", "&#91;").replace("]", "&#93;")
        return _LINKED_BY.sub(lambda found: _UNLINKED[found[0]], text)

    # ── marked runs ─────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def mark(self, text: str, marks: int, before: str, after: str) -> str:
        """A run between its markers; `before` and `after` are the characters next to it ("" at an end of the line)."""

    def marks_around_code(self, code: str) -> bool:
        return True

    # ── what leads somewhere ────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def user(self, node: UserMention, job: Job) -> str | None:
        """A mention; None where it can only be a name."""

    @abstractmethod
    def conversation(self, node: ConversationMention, job: Job) -> str | None: ...

    def group(self, node: GroupMention, job: Job) -> str | None:
        """A mention of a user group; None where it can only be a name."""
        return None

    @abstractmethod
    def broadcast(self, node: Broadcast, job: Job) -> str | None: ...

    @abstractmethod
    def own_emoji(self, word: str) -> bool:
        """Whether the target has an emoji of its own by this name."""

    @abstractmethod
    def custom_emoji(self, name: str, job: Job) -> str | None:
        """What a custom emoji of the source is called on the target; None where it is not there."""

    def post_url(self, conversation: ConversationId, ts: Ts, job: Job) -> str | None:
        """The address of a migrated message; None where it is not known."""
        return self._post(conversation, ts) if self._post is not None else None

    def glued(self, source: str, before: str, after: str) -> str:
        """A mention, link or emoji with what must stand between it and its neighbours."""
        return source

    # ── the same, asked for ─────────────────────────────────────────────────────────────────────────────────────────

    def message_url(self, conversation: ConversationId, ts: Ts, job: Job) -> str | None:
        job.lookups += 1
        if job.known is None:
            return self.post_url(conversation, ts, job)
        return FAR if job.known else None

    def is_emoji(self, word: str, job: Job) -> bool:
        """Whether ":word:" would be shown as a picture."""
        if self.own_emoji(word):
            return True
        job.lookups += 1
        return self.custom_emoji(word, job) is not None if job.known is None else job.known

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def quote(self, node: Quote, job: Job) -> str: ...

    def item_indent(self, marker: str) -> str:
        """How far the lines of a list's item stand in."""
        return " " * len(marker)
