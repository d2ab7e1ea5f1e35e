"""Dividing a message that is longer than one post may be: at block boundaries, else at lines, words, characters.

Whatever is divided stays what it was on both sides (a code block gives two code blocks, a list goes on counting), so
that writers close and reopen nothing by hand. Only white space at the cut is lost. Cost grows with the length of what
is divided, not with its square: prefixes are tried by doubling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from migrator.model import (
    Block,
    Break,
    Code,
    Date,
    Heading,
    Inline,
    Item,
    Link,
    List,
    MessageLink,
    Paragraph,
    Picture,
    Quote,
    Table,
    Text,
    UnknownInline,
)
from migrator.plain import linkable, picture_label, visible

__all__ = ["Fits", "Lower", "divide"]

Fits: TypeAlias = Callable[[Sequence[Block]], bool]
Lower: TypeAlias = Callable[[Block], tuple[Block, ...]]
_Halves: TypeAlias = tuple[list[Block], list[Block]]


def divide(blocks: Sequence[Block], fits: Fits, lower: Lower, most: int) -> Iterator[list[Block]]:
    """Pieces that each satisfy `fits` (which must hold for any prefix of what it holds for), in order.

    A block that fits a post of its own is moved there whole. Only where not even one character fits is a piece given
    out too long. What has more than `most` characters is not even tried: what is left of a long text would be written
    again for every post.
    """

    def tried(some: Sequence[Block]) -> bool:
        return _left(some, most) > 0 and fits(some)

    rest = list(blocks)
    while rest:
        head, rest = _halve(rest, tried, lower) or (rest[:1], rest[1:])
        yield head


def _left(blocks: Iterable[Block], room: int) -> int:
    """How much of the room the words of these blocks leave; looks no further than to where there is none."""
    for block in blocks:
        if room <= 0:
            return 0
        if isinstance(block, Paragraph | Heading):
            room = _left_by(block.inlines, room)
        elif isinstance(block, Code):
            room -= len(block.text)
        elif isinstance(block, Quote):
            room = _left(block.blocks, room)
        elif isinstance(block, List):
            for item in block.items:
                if (room := _left(item.blocks, room)) <= 0:
                    return 0
        elif isinstance(block, Table):
            for row in block.rows:
                for cell in row:
                    if (room := _left_by(cell, room)) <= 0:
                        return 0
    return max(room, 0)


def _left_by(inlines: Iterable[Inline], room: int) -> int:
    for leaf in inlines:
        room -= _width(leaf)
        if room <= 0:
            return 0
    return room


def _halve(blocks: Sequence[Block], fits: Fits, lower: Lower) -> _Halves | None:
    """As much as fits, and the rest; None where nothing fits."""
    count = _most(len(blocks), lambda n: fits(blocks[:n]))
    head, rest = list(blocks[:count]), list(blocks[count:])
    if not rest or (head and fits(rest[:1])):
        return head, rest
    cut = _cut(rest[0], lambda more: fits([*head, *more]), lower)
    if cut is not None:
        return head + cut[0], cut[1] + rest[1:]
    return (head, rest) if head else None


def _cut(block: Block, fits: Fits, lower: Lower) -> _Halves | None:
    if isinstance(block, Paragraph):
        return _cut_words(block.inlines, lambda inlines: Paragraph(inlines, block.small), fits)
    if isinstance(block, Heading):
        return _cut_words(block.inlines, lambda inlines: Heading(block.level, inlines), fits)
    if isinstance(block, Code):
        return _cut_code(block, fits)
    if isinstance(block, List):
        return _cut_list(block, fits, lower)
    if isinstance(block, Quote):
        halves = _halve(block.blocks, lambda inner: fits([Quote(tuple(inner))]), lower)
        return halves and ([Quote(tuple(halves[0]))], [Quote(tuple(halves[1]))])
    if isinstance(block, Table):
        return _cut_table(block, fits, lower)
    if isinstance(block, Picture):
        label = Text(picture_label(block))
        leaf = Link(block.url, (label,)) if linkable(block.url) else label
        return _halve([Paragraph((leaf,))], fits, lower)
    lowered = lower(block)
    return None if lowered == (block,) else _halve(lowered, fits, lower)


def _cut_words(inlines: tuple[Inline, ...], wrap: Callable[[tuple[Inline, ...]], Block], fits: Fits) -> _Halves | None:
    count, whole = _longest(inlines, lambda n: fits([wrap(_prefix(inlines, n))]))
    if not count:
        opened = _opened(inlines[0]) if inlines else None
        return None if opened is None else _cut_words((*opened, *inlines[1:]), wrap, fits)
    if not whole:
        count = _boundary(inlines, count)
    return [wrap(_prefix(inlines, count))], [wrap(_suffix(inlines, count))]


def _cut_code(block: Code, fits: Fits) -> _Halves | None:
    def code(text: str) -> list[Block]:
        return [Code(text, block.language)]

    count = _most(len(block.text), lambda n: fits(code(block.text[:n])))
    if not count:
        return None
    newline = block.text.rfind("\n", 0, count + 1)
    if newline > 0:
        return code(block.text[:newline]), code(block.text[newline + 1 :])
    return code(block.text[:count]), code(block.text[count:])


def _cut_list(block: List, fits: Fits, lower: Lower) -> _Halves | None:
    def listed(items: Sequence[Item], skipped: int = 0) -> List:
        return List(block.ordered, tuple(items), block.start + skipped)

    count = _most(len(block.items), lambda n: fits([listed(block.items[:n])]))
    if count:
        return [listed(block.items[:count])], [listed(block.items[count:], count)]
    if not block.items:
        return None
    first, *others = block.items
    halves = _halve(first.blocks, lambda inner: fits([listed([Item(tuple(inner))])]), lower)
    if halves is None or not halves[1]:
        return None
    return [listed([Item(tuple(halves[0]))])], [listed([Item(tuple(halves[1])), *others])]


def _cut_table(block: Table, fits: Fits, lower: Lower) -> _Halves | None:
    count = _most(len(block.rows), lambda n: fits([Table(block.rows[:n], block.align)]))
    if count:
        return [Table(block.rows[:count], block.align)], [Table(block.rows[count:], block.align)]
    if not block.rows:
        return None
    halves = _halve([Paragraph(cell) for cell in block.rows[0]], fits, lower)
    rest = block.rows[1:]
    return halves and (halves[0], halves[1] + ([Table(rest, block.align)] if rest else []))


# ── positions within a run of leaves: a character of a Text counts one, any other leaf counts one ───────────────────


def _width(leaf: Inline) -> int:
    return len(leaf.text) if type(leaf) is Text else 1


def _prefix(inlines: tuple[Inline, ...], count: int) -> tuple[Inline, ...]:
    out: list[Inline] = []
    for leaf in inlines:
        if count <= 0:
            break
        if type(leaf) is Text and len(leaf.text) > count:
            out.append(Text(leaf.text[:count], leaf.marks))
            break
        out.append(leaf)
        count -= _width(leaf)
    return tuple(out)


def _suffix(inlines: tuple[Inline, ...], count: int) -> tuple[Inline, ...]:
    """What follows a prefix, without the white space it begins with."""
    for index, leaf in enumerate(inlines):
        width = _width(leaf)
        if count >= width:
            count -= width
        elif type(leaf) is Break:
            continue
        elif type(leaf) is Text:
            if text := leaf.text[count:].lstrip():
                return (Text(text, leaf.marks), *inlines[index + 1 :])
            count = 0
        else:
            return inlines[index:]
    return ()


def _boundary(inlines: tuple[Inline, ...], count: int) -> int:
    """The last line break, else the last white space, in the second half of a prefix; else the prefix's own end."""
    space = broken = at = 0
    for leaf in inlines:
        if at >= count:
            break
        if type(leaf) is Break:
            broken = at
        elif type(leaf) is Text:
            piece = leaf.text[: count - at + 1]
            found = max(piece.rfind(" "), piece.rfind("\t"))
            if found >= 0:
                space = at + found
        at += _width(leaf)
    if 2 * broken >= count:
        return broken
    return space if 2 * space >= count else count


def _opened(leaf: Inline) -> tuple[Inline, ...] | None:
    """A leaf too long for a post, as text that can be cut: its link is given up."""
    if isinstance(leaf, Link | MessageLink):
        address = Text(leaf.url, leaf.marks)
        if all(type(part) is Text and not visible(part.text) for part in leaf.label):
            return (address,)
        return (
            leaf.label
            if linkable(leaf.url) or isinstance(leaf, MessageLink)
            else (*leaf.label, Text(f" ({leaf.url})", leaf.marks))
        )
    if isinstance(leaf, Date | UnknownInline):
        return (Text(leaf.fallback.replace("\n", " "), leaf.marks),) if leaf.fallback.strip() else None
    return None


def _longest(inlines: Sequence[Inline], fits: Callable[[int], bool]) -> tuple[int, bool]:
    """How many characters fit, and whether these are all; widths are summed up only as far as need be."""
    size = index = 0
    target = 1024
    while True:
        while index < len(inlines) and size < target:
            size += _width(inlines[index])
            index += 1
        if index == len(inlines) or not fits(size):
            count = _most(size, fits)
            return count, index == len(inlines) and count == size
        target *= 2


def _most(size: int, fits: Callable[[int], bool]) -> int:
    """The greatest n <= size for which `fits` holds, found by doubling, then halving."""
    if size == 0:
        return 0
    good, step = 0, 1
    while good < size and fits(min(good + step, size)):
        good = min(good + step, size)
        step *= 2
    bad = min(good + step, size + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        if fits(middle):
            good = middle
        else:
            bad = middle
    return good
