"""What verify finds: differences of posts, conversations and people, and the verdict that they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from migrator.adapters.base import Key

__all__ = ["SHOWN", "Difference", "Mismatch", "Verdict", "VerifiedConversation", "counted", "short"]

SHOWN = 100  # mismatches kept per conversation; all are counted


class Difference(StrEnum):
    """What can be wrong with a post or a conversation on the target."""

    MISSING = "missing"
    TWICE = "twice"
    AUTHOR = "author"
    TIME = "time"
    THREAD = "thread"
    TEXT = "text"
    WORDS = "words of the source not shown"
    MARKUP = "formatting or links"
    EDITED = "edit mark"
    REACTIONS = "reactions"
    FILES = "files"
    ORDER = "order"
    EXTRA = "not in the export"
    # of a conversation itself
    NAME = "name"
    TOPIC = "topic"
    ACCESS = "access"
    CLOSED = "archived or not"
    MEMBERS = "members"
    PINS = "pins"
    ADDRESS = "address"
    # of people, whose NAME is told too
    ACCOUNT = "account"
    PICTURE = "picture"


class Mismatch(Struct, frozen=True):
    """One difference, with what was expected and found (shortened), and where the record stands in the export.

    `key` is a post's, or a conversation's id.
    """

    key: Key
    what: Difference
    expected: str
    found: str
    at: str = ""


class VerifiedConversation(Struct, frozen=True):
    """How a conversation fared.

    `foreign`: posts of others that are none of our business (written after the move). `kept`: posts and reactions that
    an earlier run brought from an export that still had them; nothing is ever deleted on a target. `unread`: why the
    conversation cannot be read back, so that nothing is known of it ("" where it was).
    """

    id: str
    name: str
    messages: int
    posts: int
    matched: int
    differences: Mapping[str, int]
    mismatches: tuple[Mismatch, ...]
    foreign: int = 0
    kept: int = 0
    unread: str = ""


class Verdict(Struct, frozen=True):
    """`others`: differences of people, and of what stands for the workspace as a whole; `key` is their id."""

    conversations: tuple[VerifiedConversation, ...]
    others: tuple[Mismatch, ...] = ()

    @property
    def messages(self) -> int:
        return sum(c.messages for c in self.conversations)

    @property
    def mismatches(self) -> int:
        return sum(sum(c.differences.values()) for c in self.conversations) + len(self.others)

    @property
    def clean(self) -> bool:
        return self.mismatches == 0

    @property
    def unread(self) -> tuple[VerifiedConversation, ...]:
        return tuple(conversation for conversation in self.conversations if conversation.unread)

    def sentence(self) -> str:
        """The verdict in one line, for people."""
        if self.clean and self.unread:
            n = sum(c.messages for c in self.unread)
            return (
                f"What can be read arrived: {self.messages - n} messages read back, 0 mismatches; not known of {n} "
                f"messages in {len(self.unread)} conversations: {self.unread[0].unread}."
            )
        if self.clean:
            return f"Everything arrived: {self.messages} messages read back, 0 mismatches."
        worst = Counter[str]()
        for conversation in self.conversations:
            worst.update(conversation.differences)
        worst.update(mismatch.what for mismatch in self.others)
        kinds = ", ".join(f"{n} {what}" for what, n in worst.most_common())
        return f"{counted(self.mismatches, 'mismatch')} in {self.messages} messages: {kinds}."


def counted(number: int, what: str) -> str:
    """ "1 mismatch", "2 mismatches" """
    return f"{number:,} {what}{'' if number == 1 else 'es'}"


def short(text: str, size: int = 160) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
