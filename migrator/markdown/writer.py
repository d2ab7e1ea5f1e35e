"""Whole messages: one post, or as many as a limit asks for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from migrator.adapters.base import Directory
from migrator.ledger import Fate, Feature, Loss
from migrator.markdown.blocks import BlockWriter
from migrator.markdown.pieces import simple
from migrator.model import Block
from migrator.plain import clean, plain
from migrator.render import Job

__all__ = ["MarkdownWriter", "Rendered"]


_WIDEST = 400  # characters that something with a remote id takes beyond ten times its words, at most


class Rendered(Struct, frozen=True, gc=False):
    """One post: its Markdown, the words a reader sees (what verify expects back), and what is not lossless.

    `size`: characters to reckon with whatever remote ids are known; 0 where it was not asked for.
    """

    source: str
    plain: str
    losses: tuple[Loss, ...] = ()
    size: int = 0


class MarkdownWriter(BlockWriter):
    """The writer of a message; a target's dialect is a subclass."""

    def write(self, blocks: Sequence[Block], directory: Directory) -> Rendered:
        """The whole message as one post, however long."""
        text = self._as_typed(blocks)
        return Rendered(text, text) if text else self._written(blocks, Job(directory))

    def _as_typed(self, blocks: Sequence[Block]) -> str:
        """The whole message where it is words that no target reads as anything else; "" where it has to be written."""
        text = simple(blocks)
        if not text or self._suspects.search(text) is not None or self.escape_start(text) != text:
            return ""
        return "" if "\n" in text and any(self.escape_start(line) != line for line in text.split("\n")) else text

    def _written(self, blocks: Sequence[Block], job: Job) -> Rendered:
        return Rendered(self._source(blocks, job), plain(blocks, job.directory), job.losses)

    def _source(self, blocks: Sequence[Block], job: Job) -> str:
        return clean(self.block(blocks[0], job) if len(blocks) == 1 else self.blocks(blocks, job))

    def size(self, blocks: Sequence[Block], directory: Directory) -> int:
        """Characters of one post, at most, whatever remote ids are known when it is written."""
        return max(len(self._source(blocks, Job(directory, known))) for known in (False, True))

    def parts(
        self, blocks: Sequence[Block], directory: Directory, limit: int, *, sized: bool = False
    ) -> list[Rendered]:
        """As many posts as needed for each to have at most `limit` characters (0: no limit). At least one.

        Where it divides hangs on names only, never on remote ids: plan, run and verify, which know none, some and all
        of them, must agree on the posts of a message. `sized`: each part tells its `size`. All losses stand with the
        first post.
        """
        text = self._as_typed(blocks)
        if text and (not limit or len(text) <= limit):
            return [Rendered(text, text, size=len(text) if sized else 0)]
        job = Job(directory)
        whole = self._written(blocks, job)
        size = 0 if job.lookups else len(whole.source)
        if job.lookups and (sized or (limit and not _surely_fits(whole, job.lookups, limit))):
            size = self.size(blocks, directory)
        if not limit or size <= limit:
            return [structs.replace(whole, size=size) if sized else whole]
        pieces = self.divided(blocks, directory, lambda some: self.size(some, directory) <= limit, 2 * limit)
        split = Loss(Feature.LONG_TEXT, Fate.APPROXIMATED, "in several posts")
        return [
            structs.replace(
                self.write(piece, directory),
                losses=() if index else (*whole.losses, split),
                size=self.size(piece, directory) if sized else 0,
            )
            for index, piece in enumerate(pieces)
        ]


def _surely_fits(whole: Rendered, lookups: int, limit: int) -> bool:
    """Whether the message would fit had it other ids, or none: then nothing need be measured.

    Only what is looked up and the words beside it would be written in another way, no character of them as ten more.
    """
    return len(whole.source) + 10 * len(whole.plain) + _WIDEST * lookups <= limit
