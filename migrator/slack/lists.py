"""Rows with a depth -> nested lists: Slack writes nested lists one after the other, in rich text and in plain text."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from migrator.model import Block, Inline, Item, List, Paragraph

__all__ = ["MAX_DEPTH", "Row", "nest"]

MAX_DEPTH = 16  # Slack's own client stops at 8; what nests deeper stands at this depth


class Row(Struct, frozen=True):
    """One item: how deep it stands, whether it is numbered, its words.

    `number` is what an ordered item that begins a list (or says its number itself) counts as; 0: one more than before.
    """

    depth: int
    ordered: bool
    number: int
    inlines: tuple[Inline, ...]


def nest(rows: Sequence[Row]) -> list[Block]:
    """Lists whose items hold the deeper rows that follow them. A list goes on after a nested one was closed."""
    blocks, index = _nest(rows, 0, rows[0].depth) if rows else ([], 0)
    while index < len(rows):
        more, index = _nest(rows, index, rows[index].depth)
        blocks.extend(more)
    return blocks


def _nest(rows: Sequence[Row], index: int, depth: int) -> tuple[list[Block], int]:
    """The lists of rows from `index` on that stand at `depth` or deeper, and where they end."""
    blocks: list[Block] = []
    items: list[list[Block]] = []
    ordered, start = False, 1

    def close() -> None:
        if items:
            blocks.append(List(ordered, tuple(Item(tuple(item)) for item in items), start if ordered else 1))
            items.clear()

    while index < len(rows) and (row := rows[index]).depth >= depth:
        if row.depth > depth:
            deeper, index = _nest(rows, index, row.depth)
            if items:
                items[-1].extend(deeper)
            else:
                blocks.extend(deeper)
            continue
        follows = not row.ordered or not row.number or row.number == start + len(items)
        if not (items and row.ordered == ordered and follows):
            close()
            ordered, start = row.ordered, row.number or 1
        items.append([Paragraph(row.inlines)])
        index += 1
    close()
    return blocks, index
