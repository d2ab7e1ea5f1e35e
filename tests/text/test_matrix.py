"""Matrix: what is written, parsed back by the spec's allow-list, says and marks the same as the tree."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrator.adapters.base import Kind
from migrator.adapters.matrix.read import read
from migrator.adapters.matrix.render import MatrixWriter, Rendered
from migrator.model import Block, Code, Item, Link, List, MessageLink, Paragraph, Quote, Text, UserMention
from migrator.plain import canonical, plain
from tests.text.html import runs_of_html
from tests.text.runs import runs_of_tree, tidy
from tests.text.trees import KNOWN_POST, bodies, directory, inline_rows

IDS = {
    **{(Kind.USER, user): f"@slack_{user.lower()}:example.org" for user in ("U1", "U2", "U4")},
    (Kind.CONVERSATION, "C1"): "!general:example.org",
    (Kind.POST, "/".join(KNOWN_POST)): "$known:example.org",
    (Kind.EMOJI, "parrot"): "mxc://example.org/parrot",
}
NOWHERE, HERE = directory(), directory(IDS)
WRITER = MatrixWriter(via=["example.org"])
directories = st.sampled_from([NOWHERE, HERE])


def shown(rendered: Rendered) -> str:
    return canonical(read(rendered.html, rendered.body))


def squeezed(text: str) -> str:
    return "".join(canonical(text).split())


@settings(max_examples=100, deadline=None)
@given(bodies(), directories)
def test_the_words_of_any_tree_are_shown(body: tuple[Block, ...], names: object) -> None:
    rendered = WRITER.write(body, names)  # type: ignore[arg-type]
    assert shown(rendered) == canonical(rendered.plain) == canonical(plain(body, NOWHERE))
    assert "<!" not in (rendered.html or "")
    assert "<@" not in (rendered.html or "")
    assert rendered.mentions == ()


@settings(max_examples=100, deadline=None)
@given(bodies())
def test_the_marks_of_any_tree_are_shown(body: tuple[Block, ...]) -> None:
    html = WRITER.write(body, NOWHERE).html
    expected = tidy(runs_of_tree(body, NOWHERE))
    assert tidy(runs_of_html(html) if html is not None else []) == expected


@settings(max_examples=100, deadline=None)
@given(st.text(string.punctuation + " ab1", min_size=1, max_size=24))
@example("</p><b>&amp;")
def test_punctuation_typed_as_text_is_text(text: str) -> None:
    rendered = WRITER.write([Quote((Paragraph((Text(text),)),))], NOWHERE)
    assert rendered.html is not None
    assert all(not marks for marks, _ in runs_of_html(rendered.html))
    assert shown(rendered) == canonical(text)


@settings(max_examples=60, deadline=None)
@given(bodies(), st.integers(150, 900))
def test_dividing_loses_nothing(body: tuple[Block, ...], limit: int) -> None:
    parts = WRITER.parts(body, NOWHERE, limit)
    assert squeezed("".join(part.plain for part in parts)) == squeezed(plain(body, NOWHERE))
    for part in parts:
        assert shown(part) == canonical(part.plain)
        if part.html is not None:
            runs_of_html(part.html)


@settings(max_examples=60, deadline=None)
@given(bodies(), st.integers(300, 900))
def test_where_it_divides_hangs_on_no_remote_id(body: tuple[Block, ...], limit: int) -> None:
    """The plan divides without ids, the run with some, verify with all: the posts must be the same."""
    assert [p.plain for p in WRITER.parts(body, NOWHERE, limit)] == [p.plain for p in WRITER.parts(body, HERE, limit)]


@pytest.mark.parametrize(
    "blocks",
    [
        [Paragraph((Text("wörter & <mehr> " * 4_000),))],
        [Code("if a < b && c:\n    pass\n" * 3_000)],
        [List(True, tuple(Item((Paragraph((Text(f"item {n}", 1),)),)) for n in range(4_000)))],
        [Quote(tuple(Paragraph((Text(f"line {n} ", 2), UserMention("U1"))) for n in range(900)))],
        [Paragraph((Text("x" * 120_000),))],
        [
            Paragraph(
                tuple(
                    MessageLink(*KNOWN_POST, "https://acme.slack.com/archives/C1/p1700000000000100") for _ in range(500)
                )
            )
        ],
    ],
    ids=["words", "code", "list", "quote", "one-word", "links"],
)
@pytest.mark.parametrize("names", [NOWHERE, HERE], ids=["no-ids", "ids"])
def test_every_part_fits_an_event(blocks: list[Block], names: object) -> None:
    parts = WRITER.parts(blocks, names, 60_000)  # type: ignore[arg-type]
    assert len(parts) > 1
    for part in parts:
        assert len(json.dumps([part.body, part.html], ensure_ascii=False, separators=(",", ":")).encode()) <= 60_000
    assert squeezed("".join(part.plain for part in parts)) == squeezed(plain(blocks, NOWHERE))
    assert all(not part.losses for part in parts[1:])


@settings(max_examples=100, deadline=None)
@given(inline_rows())
def test_marks_next_to_each_other_are_opened_once(row: tuple) -> None:  # type: ignore[type-arg]
    row = tuple(leaf for leaf in row if not isinstance(leaf, Link | MessageLink))  # a label stands for itself
    html = WRITER.write([Paragraph(row)], NOWHERE).html or ""
    for tag in ("strong", "em", "del", "u"):
        assert f"</{tag}><{tag}>" not in html
