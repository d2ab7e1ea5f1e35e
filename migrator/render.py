"""The base writer: dispatch by node class, loss notes, splitting. A dialect is a subclass with a method per primitive.

A writer holds no state of its own: what one rendering carries (the directory in, the losses out) is its `Job`.
Losses are counted per leaf or block of the tree, in the ledger's features; what no writer reports is lossless.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from msgspec import structs

from migrator.adapters.base import Directory
from migrator.cut import Fits, divide
from migrator.ledger import Fate, Feature, Loss
from migrator.lower import lower
from migrator.model import (
    Block,
    Broadcast,
    Card,
    Code,
    Color,
    ConversationId,
    ConversationMention,
    Date,
    Divider,
    Emoji,
    Fields,
    GroupMention,
    Heading,
    Inline,
    Link,
    List,
    MessageLink,
    Paragraph,
    Picture,
    Quote,
    QuotedMessage,
    Table,
    Text,
    Ts,
    UnknownBlock,
    UnknownInline,
    UserMention,
)
from migrator.plain import shown, visible

__all__ = ["Job", "Writer", "label_leaves"]

APPROXIMATED, DROPPED = Fate.APPROXIMATED, Fate.DROPPED


class Job:
    """One rendering: who is called how, what is lost on the way, how often a remote id was asked for.

    `known` is not None where a rendering only measures: as if no remote id were known (False), or as if all were, and
    each as wide as they come (True).
    """

    __slots__ = ("_losses", "directory", "known", "lookups")

    def __init__(self, directory: Directory, known: bool | None = None) -> None:
        self.directory = directory
        self.known = known
        self.lookups = 0
        self._losses: dict[tuple[Feature, Fate, str], int] = {}

    def lose(self, feature: Feature, note: str, fate: Fate = APPROXIMATED) -> None:
        key = (feature, fate, note)
        self._losses[key] = self._losses.get(key, 0) + 1

    @property
    def losses(self) -> tuple[Loss, ...]:
        return tuple([Loss(*key, count) for key, count in self._losses.items()]) if self._losses else ()


class Writer(ABC):
    """One dialect. Methods return the text of their node without a line break at either end."""

    separator: ClassVar[str] = "\n"  # between two blocks

    def __init__(self) -> None:
        self._write: dict[type, Callable[[Any, Job], str]] = {
            Paragraph: self.paragraph,
            Heading: self.heading,
            List: self.list_,
            Quote: self.quote,
            Code: self.code,
            Divider: self.divider,
            Table: self.table,
            Picture: self.picture,
            Card: self._card,
            QuotedMessage: self._quoted,
            Fields: self._fields,
            UnknownBlock: self._unknown,
        }

    @abstractmethod
    def paragraph(self, node: Paragraph, job: Job) -> str: ...
    @abstractmethod
    def heading(self, node: Heading, job: Job) -> str: ...
    @abstractmethod
    def list_(self, node: List, job: Job) -> str: ...
    @abstractmethod
    def quote(self, node: Quote, job: Job) -> str: ...
    @abstractmethod
    def code(self, node: Code, job: Job) -> str: ...
    @abstractmethod
    def divider(self, node: Divider, job: Job) -> str: ...
    @abstractmethod
    def table(self, node: Table, job: Job) -> str: ...
    @abstractmethod
    def picture(self, node: Picture, job: Job) -> str: ...

    def message_url(self, conversation: ConversationId, ts: Ts, job: Job) -> str | None:
        """The address of a message on this target; None while it is not there (or not known to be)."""
        return None

    def block(self, node: Block, job: Job) -> str:
        return self._write[type(node)](node, job)

    def blocks(self, nodes: Iterable[Block], job: Job) -> str:
        return self.separator.join(self.each(nodes, job))

    def each(self, nodes: Iterable[Block], job: Job) -> Iterator[str]:
        """The written blocks, without those of which nothing is to be seen."""
        for node in nodes:
            if text := self._write[type(node)](node, job):
                yield text

    # ── what no target has: written as something it has ─────────────────────────────────────────────────────────────

    def _card(self, node: Card, job: Job) -> str:
        job.lose(Feature.PREVIEW if node.preview_of else Feature.CARD, "as a quote")
        return self.blocks(lower(node, job.directory), job)

    def _quoted(self, node: QuotedMessage, job: Job) -> str:
        here = self.message_url(node.conversation, node.ts, job) if node.conversation and node.ts else None
        if here is not None and (node.author_name or node.author):
            node = structs.replace(node, url=here)
        leads = "leads back to the source" if node.url and here is None else ""
        job.lose(Feature.QUOTED_MESSAGE, "as a quote" + (leads and f" that {leads}"))
        return self.blocks(lower(node, job.directory), job)

    def _fields(self, node: Fields, job: Job) -> str:
        job.lose(Feature.FIELDS, "one below the other")
        return self.blocks(lower(node, job.directory), job)

    def _unknown(self, node: UnknownBlock, job: Job) -> str:
        job.lose(Feature.UNKNOWN, "as text" if node.fallback.strip() else "only its kind is named")
        return self.blocks(lower(node, job.directory), job)

    # ── length ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def divided(self, blocks: Sequence[Block], directory: Directory, fits: Fits, most: int) -> Iterator[list[Block]]:
        """The blocks in as many pieces as `fits` asks for; see `migrator.cut`."""
        return divide(blocks, fits, lambda block: lower(block, directory), most)


def label_leaves(node: Link | MessageLink, job: Job) -> tuple[Text, ...] | None:
    """A link's label as runs of text with the link's own marks added; None where the address itself is to be shown."""
    leaves = tuple([_as_text(leaf, job, node.marks) for leaf in node.label])
    return leaves if visible("".join([leaf.text for leaf in leaves])) else None


def _as_text(leaf: Inline, job: Job, marks: int) -> Text:
    if type(leaf) is Text:
        return Text(leaf.text, leaf.marks | marks) if marks else leaf
    if (feature := _WITHIN_LINKS.get(type(leaf))) and not (type(leaf) is Emoji and leaf.char):
        job.lose(feature, "as text within a link")
    return Text(shown(leaf, job.directory).replace("\n", " "), getattr(leaf, "marks", 0) | marks)


_WITHIN_LINKS: dict[type, Feature] = {
    UserMention: Feature.USER_MENTION,
    ConversationMention: Feature.CONVERSATION_MENTION,
    GroupMention: Feature.GROUP_MENTION,
    Broadcast: Feature.BROADCAST_MENTION,
    Emoji: Feature.EMOJI_CUSTOM,
    Date: Feature.DATE,
    Color: Feature.COLOR,
    Link: Feature.LINK,
    MessageLink: Feature.MESSAGE_LINK,
    UnknownInline: Feature.UNKNOWN,
}
