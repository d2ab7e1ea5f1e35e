"""No input makes reading or writing a text take more than its length's share: hostile patterns at growing sizes.

What grows with the square takes 64 times as long for eight times the length; what grows with the length, eight.
The bound lies far from both, and counts the work of this process only: no other's, and no collection of garbage, which
grows with what other tests left behind.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from migrator.adapters.matrix.render import MatrixWriter
from migrator.model import Block, Break, Code, Emoji, Inline, Item, List, Paragraph, Quote, Text, UserMention
from migrator.slack import mrkdwn
from migrator.slack.context import Context
from tests.oracles.test_writers import HERE, MATTERMOST, ZULIP
from tests.text.test_mrkdwn import HOSTILE, HOSTILE_LINES

SHORT, LONG, BOUND = 7_500, 60_000, 28
# what makes a writer look ahead or back: starts of addresses, of emoji, of entities, of emphasis, of fences
TYPED = r"""* ** _ __ ` `` ~ ~~ $ $$ & &a &#1 < <a <time: [ [a ]( :a : : @ @a # #a \ \_ www. a. a.b a@ a@b. x: http://
a:/ - > | 1. www1 http://a. aa:aa ::: a_ _a *a a* .a"""
PIECES = [*HOSTILE.split(), *HOSTILE_LINES, *TYPED.split(), "a.b ", "x: ", "- ", "\u200b\n", "a\u200b", "\t", " "]
WRITERS = {"matrix": MatrixWriter(["example.org"]), "zulip": ZULIP, "mattermost": MATTERMOST}


def ratio(work: Callable[[int], object]) -> float:
    """How many times longer the long input takes; 0 where even that is nothing to speak of."""

    def seconds(size: int) -> float:
        gc.disable()
        try:
            start = time.process_time()
            work(size)
            return time.process_time() - start
        finally:
            gc.enable()

    found = 0.0
    for _ in range(5):  # a pause of the machine may hit some of them
        long = seconds(LONG)
        if long < 0.05:
            return 0.0
        if (found := long / max(seconds(SHORT), 0.001)) < BOUND:
            return found
    return found


def text(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


@pytest.mark.parametrize("piece", PIECES)
def test_reading_grows_with_the_length(piece: str) -> None:
    assert ratio(lambda size: mrkdwn.parse(text(piece, size), Context("acme"))) < BOUND


@pytest.mark.parametrize("target", WRITERS)
@pytest.mark.parametrize("piece", PIECES)
def test_writing_words_grows_with_the_length(piece: str, target: str) -> None:
    write = WRITERS[target].write
    assert ratio(lambda size: write([Paragraph((Text(text(piece, size)),))], HERE)) < BOUND


def _leaves(size: int) -> list[Block]:
    row: list[Inline] = []
    for number in range(size // 8):
        row += [Text("a b", number % 16), UserMention("U1"), Emoji("tada", "🎉"), Break()]
    return [Paragraph(tuple(row))]


SHAPES: dict[str, Callable[[int], list[Block]]] = {
    "leaves": _leaves,
    "runs-that-touch": lambda size: [Paragraph(tuple(Text("ab", 1 + number % 2) for number in range(size // 4)))],
    "equal-runs": lambda size: [Paragraph(tuple(Text("ab") for _ in range(size // 4)))],
    "blank-lines": lambda size: [Paragraph((Text("\u200b"), Break()) * (size // 2))],
    "items": lambda size: [List(True, tuple(Item((Paragraph((Text("item"),)),)) for _ in range(size // 8)))],
    "quoted": lambda size: [Quote(tuple(Paragraph((Text("line"),)) for _ in range(size // 8)))],
    "code": lambda size: [Code("`` ` ```\n" * (size // 8))],
}


@pytest.mark.parametrize("target", WRITERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_writing_any_shape_grows_with_the_length(shape: str, target: str) -> None:
    write = WRITERS[target].write
    assert ratio(lambda size: write(SHAPES[shape](size), HERE)) < BOUND


@pytest.mark.parametrize("target", WRITERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_dividing_grows_with_the_length(shape: str, target: str) -> None:
    """Into posts of the same size each, as a limit makes them."""
    parts = WRITERS[target].parts
    assert ratio(lambda size: parts(SHAPES[shape](size // 4), HERE, 1_000)) < BOUND
