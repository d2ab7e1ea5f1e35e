"""The scanner: total on any input, linear on hostile ones, and its emoji table complete."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrator.model import Text
from migrator.plain import canonical, plain
from migrator.slack import mrkdwn
from migrator.slack.body import body
from migrator.slack.context import Context
from migrator.slack.emoji import emoji, lookup
from migrator.survey_text import text_features
from tests.text.runs import runs_of_tree
from tests.text.trees import directory

ACME, NAMES = Context("acme"), directory()
TOKENS = "< > | &lt; &gt; &amp; * _ ~ ` ``` : a 本 ² ^ <@U1> <!here> <!date^ <!subteam^ <https://x <https://x| :tada:"
PIECES = st.sampled_from([*TOKENS.split(), "::skin-tone-3:", "\n", "\r", " ", "• ", "1. ", "2. ", "    "])
HOSTILE = "< ` * : :a <a <@ `` ``` ```a &gt; *_~ ~a~ <a> [< *` <* `< a_b_ :a:b <!date^ &lt;*"
HOSTILE_LINES = ["_a ", "*a ", "` `", "*a _b ", "<https://x|*a> ", "\n", "&gt;\n", "• a\n", "1. a\n", "    a. b\n"]


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
@example("<!date^²^x|y>")
@example("<!date^" + "9" * 5_000 + "^x|y>")
def test_never_raises_and_gives_a_whole_tree(text: str) -> None:
    tree = mrkdwn.parse(text, ACME)
    plain(tree, NAMES)
    text_features(tree)
    for _, run in runs_of_tree(tree, NAMES):
        assert run is not None
    json.dumps(mrkdwn.unwrap(text))


@settings(max_examples=200, deadline=None)
@given(st.text(string.ascii_letters + string.digits + " .,;!?()[]{}#+-=/\\|^$%@\"'", min_size=1, max_size=40))
def test_what_is_no_markup_stays_as_typed(text: str) -> None:
    assert canonical(plain(mrkdwn.parse(text, ACME), NAMES)) == canonical(text)


@settings(max_examples=200, deadline=None)
@given(st.text(string.printable, max_size=60).filter(lambda t: "```" not in t))
def test_punctuation_typed_in_rich_text_stays_as_typed(text: str) -> None:
    elements = [{"type": "text", "text": text}]
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]
    tree = body("", json.dumps(blocks).encode(), None, ACME)
    assert canonical(plain(tree, NAMES)) == canonical(text)
    assert all(not leaf.marks for block in tree for leaf in block.inlines if isinstance(leaf, Text))  # type: ignore[union-attr]


@pytest.mark.parametrize("piece", [*HOSTILE.split(), *HOSTILE_LINES])
def test_a_megabyte_of_anything_is_read(piece: str) -> None:
    """Were it quadratic, this would not end today."""
    text = piece * (1_000_000 // len(piece))
    assert text_features(mrkdwn.parse(text, ACME)) is not None
    assert mrkdwn.unwrap(text)


def test_all_short_names_have_characters() -> None:
    from importlib.resources import files

    data = json.loads(files("migrator.slack").joinpath("data/emoji.json").read_text(encoding="utf-8"))
    assert len(data["names"]) == 1_972
    assert len(data["tones"]) == 336
    for name, char in data["names"].items():
        leaf = emoji(name, 0, ACME)
        assert leaf is not None
        assert leaf.char == char == lookup(name, ACME)[1]
        tree = mrkdwn.parse(f"x :{name}: y", ACME)
        assert plain(tree, NAMES) == f"x {char} y"
    for name, variants in data["tones"].items():
        assert len(set(variants)) == 5
        assert [lookup(f"{name}::skin-tone-{tone}", ACME)[1] for tone in range(2, 7)] == variants
