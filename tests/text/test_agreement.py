"""Blocks and text of the same message must say the same: rich text as it was typed, and Slack's flattening of it.

The corpora hold no rich text (they are of 2015 to 2017), so this takes the generator and the kitchen sink; docs/text.md
lists the kinds of disagreement.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from migrator.plain import canonical, plain
from migrator.slack.body import body
from migrator.slack.context import Context
from tests.text.trees import directory

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "sample_exports"))


def records(path: Path) -> Iterator[dict[str, object]]:
    if path.is_dir():
        texts = [day.read_text(encoding="utf-8") for day in sorted(path.glob("*/*.json"))]
    else:
        with zipfile.ZipFile(path) as archive:
            texts = [archive.read(n).decode() for n in archive.namelist() if n.count("/") == 1 and n.endswith(".json")]
    for text in texts:
        yield from (record for record in json.loads(text) if isinstance(record, dict))


def disagreements(path: Path) -> tuple[int, list[tuple[str, str, str]]]:
    """How many messages have rich text and a text, and where their words differ: text, of blocks, of text."""
    seen, differing, names = 0, [], directory()
    for record in records(path):
        blocks = [b for b in record.get("blocks") or () if isinstance(b, dict)]  # type: ignore[attr-defined]
        text = record.get("text")
        if not text or not blocks or any(block.get("type") != "rich_text" for block in blocks):
            continue
        seen += 1
        of_blocks = canonical(plain(body("", json.dumps(blocks).encode(), None, Context()), names))
        of_text = canonical(plain(body(str(text), None, None, Context()), names))
        if of_blocks != of_text:
            differing.append((str(text), of_blocks, of_text))
    return seen, differing


def test_generated_messages_agree(tmp_path: Path) -> None:
    from generate import generate

    out = tmp_path / "generated.zip"
    generate(out, messages=6_000, people=50, conversations=12, seed=11)
    seen, differing = disagreements(out)
    assert seen > 4_000
    assert len(differing) <= 0.005 * seen, differing[:10]


# How the texts begin that differ in the kitchen sink, each with its row in docs/text.md.
EXPLAINED = {
    "foo*bar*baz": "glued emphasis",
    "# not a heading": "typed markup",
    "See <https://example.invalid/a_b_c": "typed markup",
    "<!subteam^S0COOKS01|@cooks>": "names",
    "Good morning <!here>!": "names",
    "a new element": "newcomers",
    "> nested": "short texts",
    " *spaced bold*": "short texts",
}


def test_every_disagreement_of_the_kitchen_sink_is_explained() -> None:
    seen, differing = disagreements(ROOT / "sample_exports" / "kitchen_sink")
    assert seen > 15
    explained = (ROOT / "docs" / "text.md").read_text(encoding="utf-8")
    for text, of_blocks, of_text in differing:
        kinds = [kind for start, kind in EXPLAINED.items() if text.startswith(start)]
        assert kinds, (text, of_blocks, of_text)
        assert f"| {kinds[0]} |" in explained
