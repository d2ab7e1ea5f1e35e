"""The runs of text a tree is to show, with their marks: what a target's rendering, parsed back, is held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from migrator.adapters.base import Directory
from migrator.lower import lower
from migrator.model import (
    Block,
    Break,
    Code,
    Date,
    Divider,
    Heading,
    Inline,
    Link,
    List,
    Marks,
    MessageLink,
    Paragraph,
    Picture,
    Quote,
    Table,
    Text,
)
from migrator.plain import canonical, linkable, picture_label, shown, visible
from tests.text.html import Run

__all__ = ["runs_of_tree", "tidy"]


def runs_of_tree(blocks: Iterable[Block], directory: Directory) -> list[Run]:
    """In reading order; a block, a cell, an item or a line break ends a run."""
    out: list[Run] = []
    for block in blocks:
        _block(block, directory, out)
    return out


def tidy(runs: Iterable[Run]) -> list[Run]:
    """For comparison: only marked runs, without white space at the ends, the empty ones left out."""
    return [(marks, words) for marks, text in runs if marks and (words := canonical(text))]


def _block(block: Block, directory: Directory, out: list[Run]) -> None:
    match block:
        case Paragraph() | Heading():
            _row(block.inlines, directory, out)
        case List():
            for item in block.items:
                out += runs_of_tree(item.blocks, directory)
        case Quote():
            out += runs_of_tree(block.blocks, directory)
        case Code():
            out.append(("", block.text))
        case Divider():
            pass
        case Table():
            for row in block.rows:
                for cell in row:
                    _row(cell, directory, out)
        case Picture():
            out.append((f"link={block.url}" if linkable(block.url) else "", picture_label(block)))
        case _:
            out += runs_of_tree(lower(block, directory), directory)


def _row(leaves: Sequence[Inline], directory: Directory, out: list[Run]) -> None:
    ended = True
    for leaf in leaves:
        if isinstance(leaf, Break):
            ended = True
            continue
        for marks, text in _leaf(leaf, directory):
            if not ended and out[-1][0] == marks:
                out[-1] = (marks, out[-1][1] + text)
            else:
                out.append((marks, text))
            ended = False


def _leaf(leaf: Inline, directory: Directory) -> Iterable[Run]:
    if isinstance(leaf, Link | MessageLink):
        address = leaf.url.partition("?")[0] if isinstance(leaf, MessageLink) else leaf.url  # its thread is no matter
        href = f"link={address}" if linkable(leaf.url) else ""
        labelled = visible("".join(shown(part, directory) for part in leaf.label))
        for part in leaf.label if labelled else (Text(leaf.url),):
            yield _words(leaf.marks | getattr(part, "marks", 0), href), shown(part, directory)
        if labelled and not href and isinstance(leaf, Link):
            yield _words(leaf.marks, ""), f" ({leaf.url})"
        return
    marks = leaf.marks if not isinstance(leaf, Break) else 0
    href = f"link={leaf.url}" if isinstance(leaf, Date) and linkable(leaf.url) else ""
    for number, line in enumerate(shown(leaf, directory).split("\n")):
        yield _words(marks, href), ("\n" if number else "") + line


def _words(marks: int, href: str) -> str:
    names = [str(mark.name).lower() for mark in Marks if mark & marks]
    return " ".join(sorted(filter(None, [*names, href])))
