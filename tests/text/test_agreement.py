"""Blocks and text of the same message must say the same: rich text as it was typed, and Slack's flattening of it.

Over every message of the corpora, the generator and the kitchen sink that has both; docs/text.md lists the kinds of
disagreement. The corpora of today are of 2015 to 2017 and hold no rich text: that too is looked up, not believed.
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
from tests.corpora import corpora
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
        if '"rich_text"' not in text:
            continue
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


def test_messages_of_corpora_and_generator_agree(tmp_path: Path) -> None:
    from generate import generate

    out = tmp_path / "generated.zip"
    generate(out, messages=6_000, people=50, conversations=12, seed=11)
    exports = [out, *corpora()]
    seen = {export.name: disagreements(export) for export in exports}
    assert seen[out.name][0] > 4_000
    total = sum(count for count, _ in seen.values())
    differing = [difference for _, some in seen.values() for difference in some]
    assert len(differing) <= 0.005 * total, differing[:10]
    for text, of_blocks, of_text in differing:
        assert any(text.startswith(start) for start in EXPLAINED), (text, of_blocks, of_text)


def test_the_corpora_hold_what_the_docs_say() -> None:
    """Messages of the public exports, and how many of them have rich text."""
    messages = rich = 0
    for export in corpora():
        with zipfile.ZipFile(export) as archive:
            for name in archive.namelist():
                if name.count("/") >= 1 and name.endswith(".json"):
                    content = archive.read(name)
                    messages += content.count(b'"ts":')
                    rich += content.count(b'"rich_text"')
    assert messages > 140_000
    stated = (ROOT / "docs" / "text.md").read_text(encoding="utf-8")
    assert (rich == 0) == ("hold no rich text" in stated)


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
