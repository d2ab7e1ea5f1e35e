"""What the targets' own importers make wrong (facts: mattermost.md 1.3, zulip.md 1.2), row by row, with our outcome.

Each row: the text as Slack exports it, the words that a reader is to see, and marks of words ("b" bold, "i" italic,
"s" struck, "c" code). Held against the renderers of both targets.
"""

from __future__ import annotations

import pytest

from migrator.markdown import MarkdownWriter
from migrator.slack.context import Context
from migrator.slack.mrkdwn import parse
from tests.oracles.spans import spans
from tests.oracles.test_writers import HERE, WRITERS, html, shown, squeezed

MARK = {"b": 1, "i": 2, "s": 4, "c": 8}

# fmt: off
ROWS: list[tuple[str, str, str, str]] = [
    # mattermost.md 1.3
    ("code in a fence", "```int *p, *q = &amp;x;\nif (a &lt; b) {}```", "int *p, *q = &x;\nif (a < b) {}", ""),
    ("tildes of paths", "cp ~/a ~/b", "cp ~/a ~/b", ""),
    ("stars of globs", "rm *.txt and *.log", "rm *.txt and *.log", ""),
    ("two channels", "<#C1|general> <#C3|x>", "#general #x", ""),
    ("one bold letter", "*b*", "b", "b:b"),
    ("one struck letter", "~s~", "s", "s:s"),
    ("bold in brackets", "(*paren*)", "(paren)", "b:paren"),
    ("bold in quotes", '"*quote*"', '"quote"', "b:quote"),
    ("bold after a colon", ":*x*:", ":x:", "b:x"),
    ("bold after a hyphen", "-*neg*-", "-neg-", "b:neg"),
    ("bold in italic", "_*bi*_", "bi", "bi:bi"),
    ("italic in bold", "*_ib_*", "ib", "bi:ib"),
    ("bold glued to a word stays text", "*bold*text", "*bold*text", ""),
    ("fence without a line break", "```foo\nbar```", "foo\nbar", ""),
    ("entities", "a &amp; b &lt;tag&gt;", "a & b <tag>", ""),
    ("greater than", "a &gt; b", "a > b", ""),
    ("ampersand in an address", "<https://x.com/a?b=1&amp;c=2>", "https://x.com/a?b=1&c=2", ""),
    ("pipe in a label", "<https://x.com|a|b>", "a|b", ""),
    ("brackets in label and address", "<https://x.com/a(b)|t ] x>", "t ] x", ""),
    ("groups", "<!subteam^S1|@devs> <!subteam^S1>", "@devs @devs", ""),
    ("a date", "<!date^1392734382^{date}|Posted Feb 18>", "Posted Feb 18", ""),
    ("strangers", "<@UNOPE|ghost> <#C999|nochan> <#D1|dm>", "@ghost #nochan #dm", ""),
    ("a stranger without a name", "<@UNOPE>", "@UNOPE", ""),
    ("everybody", "<!here> <!channel> <!everyone>", "@here @channel @everyone", ""),
    ("a mention in code", "`<@U2>`", "@U2", "c:@U2"),
    ("text after a quote", "&gt; quote\nnot quote", "quote\nnot quote", ""),
    ("a quote to the end", "&gt;&gt;&gt; multi\nline", "multi\nline", ""),
    ("a typed list", "• one\n    ◦ two", "one\ntwo", ""),
    ("skin tone", ":+1::skin-tone-3:", "👍🏼", ""),
    ("a typed heading", "# x", "# x", ""),
    ("a typed hashtag", "#tag", "#tag", ""),
    ("a typed number", "1) ", "1)", ""),
    ("a typed bar", "|", "|", ""),
    ("a typed link", "[x](y)", "[x](y)", ""),
    ("a typed @all", "@all", "@all", ""),
    # zulip.md 1.2
    ("two mentions", "<@U1>,<@U3>", "@Ada Lovelace,@Bob B", ""),
    ("mentions on two lines", "<@U1>\n<@U2>", "@Ada Lovelace\n@Bob B", ""),
    ("a deactivated person", "<@U5>", "@Gone", ""),
    ("channel without a name", "<#C2> <#C2|>", "#日本-_x_ #日本-_x_", ""),
    ("odd addresses", "<http://10.0.0.1:8080/x|ip> <http://localhost:3000>", "ip http://localhost:3000", ""),
    ("a phone number", "<tel:123|call>", "call (tel:123)", ""),
    ("brackets in a label", "<https://e.com|A [b] C>", "A [b] C", ""),
    ("bold of other scripts", "*привет* *日本*", "привет 日本", "b:привет b:日本"),
    ("italic of other scripts", "_über_", "über", "i:über"),
    ("entities in code", "`a &lt; b`", "a < b", "c:a<b"),
    ("markers in code", "`a *b* c`", "a *b* c", "c:a*b*c"),
    ("two bold words", "*a* *b*", "a b", "b:a b:b"),
    ("two struck words", "~x~ ~y~", "x y", "s:x s:y"),
    ("bold on two lines", "*a*\n*b*", "a\nb", "b:a b:b"),
    ("markers in an address", "<https://e.com/_a_/b>", "https://e.com/_a_/b", ""),
    ("multiplication", "2 * 3 * 4", "2 * 3 * 4", ""),
    ("capitals and underscores in hosts", "<https://E.COM/x> <https://a_b.example.com>",
     "https://E.COM/x https://a_b.example.com", ""),
    ("false friends among emoji", ":dog: :football: :ok: :cat:", "🐶 🏈 🆗 🐱", ""),
    ("typed markup", "* a\n# b\n> c\n- d\n1. e\n$$f$$\n/poll g", "* a\n# b\nc\n- d\n1. e\n$$f$$\n/poll g", ""),
]
# fmt: on


@WRITERS
@pytest.mark.parametrize(("source", "words", "marks"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_row(writer: MarkdownWriter, source: str, words: str, marks: str) -> None:
    written = writer.write(parse(source, Context("acme")), HERE)
    assert squeezed(shown(writer, written.source)) == squeezed(words), written.source
    if source.startswith("```"):
        return
    found = "".join([f"{mark}{c}" for c, mark in spans(html(writer, written.source)) if mark])
    expected = ""
    for word in marks.split():
        kinds, _, text = word.partition(":")
        mark = sum(MARK[kind] for kind in kinds)
        expected += "".join([f"{mark}{c}" for c in text])
    assert found == expected, written.source
