"""What the targets' own importers make wrong (facts: mattermost.md 1.3, zulip.md 1.2), row by row, and our outcome.

Every row of the two tables has its golden case in tests/golden/rivals. Here stands what a case must show: the words
that a reader is to see, and marks of words ("b" bold, "i" italic, "s" struck, "c" code); held against the files of the
case and against the renderers of both targets.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.markdown import MarkdownWriter
from migrator.slack.body import body
from migrator.slack.context import Context
from tests.golden.cases import HERE as GOLDEN
from tests.oracles.spans import spans
from tests.oracles.test_writers import HERE, WRITERS, html, shown, squeezed
from tests.oracles.test_writers import MATTERMOST as MATTERMOST_WRITER
from tests.oracles.test_writers import ZULIP as ZULIP_WRITER

FACTS = Path(__file__).parents[3] / "shared" / "facts"
MARK = {"b": 1, "i": 2, "s": 4, "c": 8}
NAMES = {"bold": "b", "italic": "i", "strike": "s", "code": "c"}
LISTS = "* one\n  * two"

# row of the table, golden case (below rivals/ unless it names its group), words, marks
# fmt: off
MATTERMOST: list[tuple[int, str, str, str]] = [
    (1, "mattermost-01-fence-code", "int *p, *q = &x;\nif (a < b) {}", ""),
    (2, "mattermost-02-tildes-of-paths", "cp ~/a ~/b", ""),
    (3, "mattermost-03-stars-of-globs", "rm *.txt and *.log", ""),
    (4, "mattermost-04-two-channels", "#general #x", ""),
    (5, "mattermost-05-one-letter", "b, s", "b:b s:s"),
    (6, "mattermost-06-bold-in-punctuation", '(paren), "quote", :x:, -neg-', "b:paren b:quote b:x b:neg"),
    (7, "mattermost-07-bold-and-italic", "bi ib", "bi:bi bi:ib"),
    (8, "mattermost-08-bold-over-lines", "*multi\nline*", ""),
    (9, "mattermost-09-bold-glued-to-word", "*bold*text", ""),
    (10, "mattermost-10-fence-first-word", "foo\nbar\nafter", ""),
    (11, "mattermost-11-entities", "a & b <tag>, a > b", ""),
    (12, "mattermost-12-address-ampersand", "https://x.com/a?b=1&c=2", ""),
    (13, "mattermost-13-label-with-pipe", "a|b", ""),
    (14, "mattermost-14-brackets-in-link", "t ] x", ""),
    (15, "mattermost-15-user-group", "@devs @devs", ""),
    (16, "mattermost-16-date", "Posted Feb 18", ""),
    (17, "mattermost-17-strangers", "@ghost, #nochan, #dm, @UNOPE", ""),
    (18, "mattermost-18-everybody", "@here, @channel, @everyone", ""),
    (19, "mattermost-19-mention-in-code", "@U2 and @Bob B", "c:@U2"),
    (20, "mattermost-20-after-a-quote", "quote\nnot quote", ""),
    (21, "mattermost-21-quote-to-the-end", "multi\nline", ""),
    (22, "mattermost-22-typed-list", "one\ntwo", ""),
    (23, "mattermost-23-skin-tone", "👍🏼", ""),
    (24, "mattermost-24-typed-markup", "# x\n#tag\n1) \n|\n[x](y)\n@all", ""),
]
ZULIP: list[tuple[int, str, str, str]] = [
    (1, "zulip-01-mentions-with-comma", "@Ada Lovelace,@Bob B", ""),
    (2, "zulip-02-one-name-two-people", "@Bob B and @Bob B", ""),
    (3, "zulip-03-deactivated", "@Gone", ""),
    (4, "zulip-04-channel-without-name", "#日本-_x_, #日本-_x_", ""),
    (5, "zulip-05-group-and-date", "@devs Feb 18", ""),
    (6, "zulip-06-everybody", "@here, @channel, @everyone", ""),
    (7, "zulip-07-odd-addresses", "ip, http://localhost:3000, call (tel:123)", ""),
    (8, "zulip-08-brackets-in-label", "A [b] C", ""),
    (9, "zulip-09-bold-of-other-scripts", "привет, 日本", "b:привет b:日本"),
    (10, "zulip-10-italic-of-other-scripts", "über", "i:über"),
    (11, "zulip-11-entities-in-code", "a < b and\na < b", "c:a<b"),
    (12, "zulip-12-markers-in-code", "a *b* c and\na *b* c", "c:a*b*c"),
    (13, "zulip-13-two-marked-words", "a b / x y", "b:a b:b s:x s:y"),
    (14, "zulip-14-bold-on-two-lines", "a\nb", "b:a b:b"),
    (15, "zulip-15-markers-in-address", "https://e.com/_a_/b, a", "i:a"),
    (16, "zulip-16-multiplication", "2 * 3 * 4", ""),
    (17, "zulip-17-mentions-on-two-lines", "@Ada Lovelace\n@Bob B", ""),
    (18, "zulip-18-odd-hosts", "https://E.COM/x, https://a_b.example.com", ""),
    (19, "zulip-19-emoji-names", "🐶 🏈 🆗 🐱 👋🏼", ""),
    (20, "zulip-20-typed-markup", "* a\n# b\n- d\n1. e\n$$f$$\n/poll g", ""),
    (20, "zulip-20-typed-quote", "> typed, not quoted", ""),
    (21, "attachments/file-title", "x\nMy [pic].png", "b:My[pic].png"),
]
# Rows whose point is not in the words: what must (and must not) stand in a dialect's file.
WRITTEN = [
    ("mattermost-04-two-channels", "mattermost.md", "~general &#35;x"),
    ("mattermost-12-address-ampersand", "mattermost.md", "https://x.com/a?b=1&c=2"),
    ("mattermost-14-brackets-in-link", "mattermost.md", "[t &#93; x](https://x.com/a%28b%29)"),
    ("mattermost-16-date", "mattermost.md", "[Posted Feb 18](https://example.com/)"),
    ("mattermost-18-everybody", "mattermost.md", "@here, @channel, &#64;everyone"),
    ("mattermost-22-typed-list", "mattermost.md", LISTS),
    ("mattermost-22-typed-list", "zulip.md", LISTS),
    ("zulip-01-mentions-with-comma", "zulip.md", "@_**|10**, @_**|12**"),
    ("zulip-02-one-name-two-people", "zulip.md", "@_**|11** and @_**|12**"),
    ("zulip-02-one-name-two-people", "mattermost.md", "@bob and @bob2"),
    ("zulip-04-channel-without-name", "zulip.md", "(/#narrow/channel/91)"),
    ("zulip-06-everybody", "zulip.md", "@here, @channel, @everyone"),
    ("zulip-17-mentions-on-two-lines", "zulip.md", "@_**|10**\n@_**|11**"),
    ("attachments/file-title", "zulip.md", "My &#91;pic&#93;&#46;png"),
]
# The rows of mattermost.md 1.1 and 1.2 that are about text, by our own words for them.
RELATED = {
    "users referenced but absent: mentions of them": "mrkdwn/token-user-unknown-bare",
    "non-ASCII channel names: mentions of them": "rivals/zulip-04-channel-without-name",
    "user groups: mentions of them": "mrkdwn/token-subteam",
    "emoji names in text": "rivals/zulip-19-emoji-names",
    "emoji newer than a target's names": "rich/emoji-new",
    "invalid names of custom emoji in text": "rich/emoji-odd-name",
    "rich text without a text": "rich/quote",
    "Block Kit without a text": "blocks/section",
    "legacy attachments: markup in all their texts": "attachments/card-text",
    "blocks within an attachment": "attachments/card-blocks",
    "unfurls of what stands in the text": "attachments/preview-stands",
    "attachments that are damaged": "attachments/broken",
    "NUL characters": "literal/rich-control",
    "thread and channel permalinks": "mrkdwn/token-permalink-known",
    "/me typed, not meant": "literal/text-slash-me",
}
# fmt: on
ROWS = MATTERMOST + ZULIP
CASES = pytest.mark.parametrize(("case", "words", "marks"), [row[1:] for row in ROWS], ids=[row[1] for row in ROWS])


def place(case: str) -> Path:
    return GOLDEN / (case if "/" in case else f"rivals/{case}")


def rows_of(path: Path, heading: str) -> int:
    """How many rows the first table below a heading has."""
    lines = path.read_text(encoding="utf-8").split(f"\n{heading}", 1)[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next(number for number, line in enumerate(lines) if number > start and not line.startswith("|"))
    return end - start - 2


@pytest.mark.parametrize(
    ("rows", "count", "where"),
    [(MATTERMOST, 24, ("mattermost.md", "### 1.3 ")), (ZULIP, 21, ("zulip.md", "### 1.2 "))],
    ids=["mattermost", "zulip"],
)
def test_every_row_of_the_tables_has_its_case(
    rows: list[tuple[int, str, str, str]], count: int, where: tuple[str, str]
) -> None:
    assert {number for number, *_ in rows} == set(range(1, count + 1))
    if FACTS.exists():
        assert rows_of(FACTS / where[0], where[1]) == count
    mapped = {case for _, case, *_ in ROWS if "/" not in case}
    assert mapped == {path.name for path in (GOLDEN / "rivals").iterdir() if path.is_dir()}


@CASES
def test_the_case_shows_it(case: str, words: str, marks: str) -> None:
    plain = (place(case) / "plain.txt").read_text(encoding="utf-8")
    assert squeezed(plain) == squeezed(words)
    found = []
    for line in (place(case) / "marks.txt").read_text(encoding="utf-8").splitlines():
        names, _, text = line.partition(" | ")
        if kinds := "".join(NAMES[name] for name in names.split(" ") if name in NAMES):
            found.append(f"{kinds}:{squeezed(text)}")
    assert " ".join(found) == marks


@WRITERS
@CASES
def test_the_target_shows_it(writer: MarkdownWriter, case: str, words: str, marks: str) -> None:
    record = json.loads((place(case) / "input.json").read_text(encoding="utf-8"))
    raw = {key: json.dumps(record[key]).encode() for key in ("blocks", "attachments") if key in record}
    tree = body(record.get("text", ""), raw.get("blocks"), raw.get("attachments"), Context("acme"))
    written = writer.write(tree, HERE)
    assert squeezed(shown(writer, written.source)) == squeezed(words), written.source
    found = "".join([f"{mark}{c}" for c, mark in spans(html(writer, written.source)) if mark])
    expected = ""
    for word in marks.split():
        kinds, _, text = word.partition(":")
        mark = sum(MARK[kind] for kind in kinds)
        expected += "".join([f"{mark}{c}" for c in text])
    if "```" not in written.source:
        assert found == expected, written.source


@pytest.mark.parametrize(("case", "file", "expected"), WRITTEN)
def test_what_is_written(case: str, file: str, expected: str) -> None:
    written = (place(case) / file).read_text(encoding="utf-8")
    assert expected in written
    assert not any(wrong in written for wrong in ("<!", "<@", "](!", "](@", "@**all**"))


@pytest.mark.parametrize("case", RELATED.values(), ids=RELATED.keys())
def test_rows_of_the_feature_tables_about_text(case: str) -> None:
    """Their golden cases are there; test_golden holds what they show."""
    folder = GOLDEN / case
    assert (folder / "input.json").exists(), sorted(path.name for path in folder.parent.iterdir())
    words = (folder / "plain.txt").read_text(encoding="utf-8")
    for writer, name in ((ZULIP_WRITER, "zulip"), (MATTERMOST_WRITER, "mattermost")):
        source = (folder / f"{name}.md").read_text(encoding="utf-8").removesuffix("\n")
        assert squeezed(shown(writer, source)) == squeezed(words)
