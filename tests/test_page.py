"""report.html: nothing of the export becomes markup, and a table can be read on paper and on a telephone."""

from __future__ import annotations

from html.parser import HTMLParser

from migrator.apply import Outcome
from migrator.ledger import Fate, Feature, Line, Quarantined
from migrator.model import ConversationKind, Loc
from migrator.page import page
from migrator.plan import Plan
from migrator.report import report_of
from migrator.share import ConversationLine
from migrator.verdict import SHOWN, Difference, Mismatch, Verdict, VerifiedConversation

EVIL = '<script>alert("1")</script>&lt;'


def made(found: int = 1) -> str:
    """A report in which every text that strangers wrote is hostile; `found` mismatches."""
    at = Loc(f"{EVIL}/2024-05-01.json", 3)
    line = ConversationLine("C1", EVIL, ConversationKind.PUBLIC, False, 1_234, 1_234, 0, 0, 0)
    ledger = (
        Line(Feature.MESSAGE, Fate.LOSSLESS, "", 1_233),
        Line(Feature.MESSAGE, Fate.QUARANTINED, EVIL, 1, (at,)),
    )
    plan = Plan("f" * 64, f"memory:{EVIL}", "live", "", "", {}, {}, (line,), ledger, {"messages": 1_234})
    listed = (Mismatch(f"C1/{EVIL}", Difference.TEXT, EVIL, EVIL, str(at)),) * min(found, SHOWN)
    checked = VerifiedConversation("C1", EVIL, 1_234, 1_234, 1_234 - found, {Difference.TEXT: found}, listed)
    outcome = Outcome(1_234, 0, 0, (("post", "C1/1", EVIL),), 0, (EVIL,), 0)
    return page(report_of(plan, outcome, Verdict((checked,)), [Quarantined(at, EVIL)]))


class Tables(HTMLParser):
    """What a browser sees: elements by name, and each row's cells as (data-head, text)."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.heads: list[list[str]] = []
        self.rows: list[list[tuple[str, str]]] = []
        self.place = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.place = tag
        if tag == "thead":
            self.heads.append([])
        elif tag == "th":
            self.heads[-1].append("")
        elif tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append((dict(attrs).get("data-head") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self.place = ""

    def handle_data(self, data: str) -> None:
        if self.place == "th":
            self.heads[-1][-1] += data
        elif self.place == "td":
            head, text = self.rows[-1][-1]
            self.rows[-1][-1] = (head, text + data)


def test_what_strangers_wrote_stays_text() -> None:
    document = made()
    assert "script" not in Tables(document).names
    assert EVIL not in document
    assert "default-src 'none'" in document


def test_every_table_has_a_head_that_pages_repeat_and_cells_say_for_themselves() -> None:
    tables = Tables(made())
    assert len(tables.heads) == 6
    for row in filter(None, tables.rows):
        assert [head for head, _ in row] in tables.heads
    assert ["key", "what", "expected", "found", "place in the export"] in tables.heads
    (key, what, expected, *_) = next(row for row in tables.rows if ("what", "text") in row)
    assert (key, what, expected) == (("key", f"C1/{EVIL}"), ("what", "text"), ("expected", EVIL))


def test_numbers_agree_with_their_nouns_and_a_cut_list_says_so() -> None:
    one, many = made(1), made(SHOWN + 1)
    assert "1 mismatch in 1234 messages: 1 text." in one
    assert f"The first {SHOWN} of" not in one
    assert f"{SHOWN + 1} mismatches" in many
    assert f"The first {SHOWN} of each conversation" in many
