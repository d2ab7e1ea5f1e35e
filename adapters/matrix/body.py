"""The plain twin of a message's HTML: what clients without HTML show and what search indexes (spec 11.3.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from migrator.adapters.base import Directory
from migrator.lower import lower
from migrator.model import (
    Block,
    Code,
    Divider,
    Heading,
    Inline,
    Link,
    List,
    Paragraph,
    Picture,
    Quote,
    Table,
    Text,
)
from migrator.plain import linkable, picture_label, shown

__all__ = ["body"]


def body(blocks: Sequence[Block], directory: Directory) -> str:
    """Addresses in brackets behind their labels, "- " and "1. " before items, "> " before quoted lines."""
    if len(blocks) == 1 and type(blocks[0]) is Paragraph:
        return _inlines(blocks[0].inlines, directory)
    return "\n\n".join("\n".join(lines) for block in blocks if (lines := list(_lines(block, directory))))


def _lines(block: Block, directory: Directory) -> Iterator[str]:
    if isinstance(block, Paragraph | Heading):
        if text := _inlines(block.inlines, directory):
            yield from text.split("\n")
    elif isinstance(block, List):
        for number, item in enumerate(block.items, block.start):
            mark = f"{number}. " if block.ordered else "- "
            yield from _indented(mark, _all(item.blocks, directory))
    elif isinstance(block, Quote):
        for line in _all(block.blocks, directory):
            yield "> " + line
    elif isinstance(block, Code):
        yield from block.text.split("\n")
    elif isinstance(block, Divider):
        yield "———"
    elif isinstance(block, Table):
        for row in block.rows:
            yield " | ".join([_inlines(cell, directory).replace("\n", " ") for cell in row])
    elif isinstance(block, Picture):
        label = picture_label(block)
        yield label if label == block.url or not linkable(block.url) else f"{label} ({block.url})"
    else:
        yield from _all(lower(block, directory), directory)


def _all(blocks: Iterable[Block], directory: Directory) -> Iterator[str]:
    for block in blocks:
        yield from _lines(block, directory)


def _indented(mark: str, lines: Iterator[str]) -> Iterator[str]:
    blank = " " * len(mark)
    yield mark + next(lines, "")
    for line in lines:
        yield blank + line


def _inlines(inlines: Sequence[Inline], directory: Directory) -> str:
    out = []
    for leaf in inlines:
        if type(leaf) is Text:
            out.append(leaf.text)
        elif type(leaf) is Link:
            out.append(_link(leaf, directory))
        else:
            out.append(shown(leaf, directory))
    return "".join(out)


def _link(node: Link, directory: Directory) -> str:
    label = shown(node, directory)
    return f"{label} ({node.url})" if linkable(node.url) and label != node.url else label
