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


class Rendered(Struct, frozen=True):
    """One post: its Markdown, the words a reader sees (what verify expects back), and what is not lossless."""

    source: str
    plain: str
    losses: tuple[Loss, ...] = ()


class MarkdownWriter(BlockWriter):
    """The writer of a message; a target's dialect is a subclass."""

    def write(self, blocks: Sequence[Block], directory: Directory) -> Rendered:
        """The whole message as one post, however long."""
        text = simple(blocks)
        if text and self.suspects.search(text) is None and not any(map(self.starts.match, text.split("\n"))):
            return Rendered(text, text)
        job = Job(directory)
        source = clean(self.blocks(blocks, job))
        return Rendered(source, plain(blocks, directory), job.losses)

    def parts(self, blocks: Sequence[Block], directory: Directory, limit: int) -> list[Rendered]:
        """As many posts as needed for each to have at most `limit` characters (0: no limit). At least one.

        All losses stand with the first post.
        """
        whole = self.write(blocks, directory)
        if not limit or len(whole.source) <= limit:
            return [whole]
        pieces = self.divided(blocks, directory, lambda some: len(self.write(some, directory).source) <= limit)
        out = [self.write(piece, directory) for piece in pieces]
        split = Loss(Feature.LONG_TEXT, Fate.APPROXIMATED, "in several posts")
        return [
            structs.replace(part, losses=(*whole.losses, split) if index == 0 else ()) for index, part in enumerate(out)
        ]
