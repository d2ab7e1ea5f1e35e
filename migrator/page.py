"""report.html (one file, no script, nothing loaded): an element builder whose text escapes by construction, and the
page made with it."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from migrator.ledger import Fate
from migrator.report import Report, deed
from migrator.verdict import SHOWN, counted

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c28;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; break-after: avoid; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid #ccd; overflow-wrap: normal; } td { border-bottom: 1px solid #eef; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.word { overflow-wrap: normal; } td.long { min-width: 9.5em; }
tr { break-inside: avoid; }
.good { background: #e6f6ec; } .bad { background: #fdeaea; } .verdict { padding: .8rem 1rem; border-radius: .5rem; }
.quiet { color: #667; }
@media print { body { font-size: 11px; margin: 0; padding: 0; } th, td { padding: .15rem .35rem; } }
@media screen and (max-width: 46rem) { body { margin: .5rem auto; font-size: 14px; }
  table, tbody, tr { display: block; } tr { border-bottom: 1px solid #dde; padding: .4rem 0; }
  td, td.n { display: inline-block; border: 0; padding: 0 1rem 0 0; text-align: left; min-width: 0; }
  td:first-child { display: block; font-weight: 600; } td:empty, thead { display: none; }
  td:not(:first-child)::before { content: attr(data-head) " "; color: #667; } }
@media screen and (prefers-color-scheme: dark) { body { background: #16161e; color: #e4e4ee; }
  .good { background: #123a22; } .bad { background: #4a1818; } td, tr { border-color: #2a2a38; }
  th { border-color: #444458; } .quiet, td:not(:first-child)::before { color: #99a; } }
"""
NUMBER, WORD, LONG = "n", "word", "long"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Markup(str):
    """HTML that may stand as it is."""

    __slots__ = ()


def element(name: str, *children: str, cls: str = "", head: str = "") -> Markup:
    """<name class=cls data-head=head>children</name>; any child that is not Markup is escaped."""
    attributes = "".join(f' {key}="{escape(text)}"' for key, text in (("class", cls), ("data-head", head)) if text)
    inner = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{attributes}>{inner}</{name}>")


def _table(head: list[str], classes: list[str], rows: list[list[str]]) -> Markup:
    """`classes`, one per column: n (a number), word (is not broken), long (may be broken anywhere).

    Every page of a print begins with the head; on a narrow screen, where none is seen, each cell says its own."""
    top = element("tr", *(element("th", text, cls=cls) for text, cls in zip(head, classes, strict=True)))
    body = (element("tr", *map(_cell, cells, classes, head)) for cells in rows)
    return element("table", element("thead", top), element("tbody", *body))


def _cell(text: str, cls: str, head: str) -> Markup:
    return element("td", text, cls=cls, head=head)


def page(report: Report) -> str:
    """The whole document."""
    verdict = report.verdict
    good = (
        verdict is not None
        and verdict.clean
        and not verdict.unread
        and not (report.outcome and report.outcome.failures)
    )
    parts = [
        element("h1", f"Slack to {report.target}"),
        element("p", report.sentence, cls=f"verdict {'good' if good else 'bad'}"),
        element("p", _sent(report), cls="quiet"),
        element("h2", "What became of everything"),
        element("p", "Always: found = lossless + approximated + dropped + skipped + quarantined.", cls="quiet"),
        _ledger(report),
        element("h2", "What is not lossless, and why"),
        _losses(report),
        element("h2", "Conversations"),
        _conversations(report),
    ]
    if verdict is not None and not verdict.clean:
        parts += [element("h2", "Mismatches"), _mismatches(report)]
    if report.outcome is not None and report.outcome.failures:
        rows = [[kind, key, reason] for kind, key, reason in report.outcome.failures]
        parts += [element("h2", "Refused by the target"), _table(["kind", "key", "reason"], [WORD, LONG, LONG], rows)]
    if report.quarantined:
        rows = [[str(item.at), item.reason] for item in report.quarantined]
        parts += [element("h2", "Quarantined records"), _table(["place in the export", "reason"], [LONG, LONG], rows)]
    if report.outcome is not None and report.outcome.advice:
        items = (element("li", line) for line in report.outcome.advice)
        parts += [element("h2", "What is left for you to do"), element("ul", *items)]
    made = f"slack-migrator {report.version}, export {report.fingerprint[:16]}, route {report.route}"
    parts.append(element("p", made, cls="quiet"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Slack to {escape(report.target)}</title><style>{_STYLE}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )


def _sent(report: Report) -> str:
    if report.outcome is None:
        return "" if report.verdict else "Nothing was sent yet."
    there = sum(line.present for line in report.plan.conversations)
    return f"{deed(report.plan, report.outcome)} {there:,} posts were there already. A message may take several posts."


def _ledger(report: Report) -> Markup:
    sums: dict[str, dict[Fate, int]] = defaultdict(lambda: defaultdict(int))
    for line in report.ledger:
        sums[line.feature.value][line.fate] += line.count
    rows = [
        [name, f"{count:,}", *(f"{sums[name][fate]:,}" if sums[name][fate] else "" for fate in Fate)]
        for name, count in report.found.items()
    ]
    head = ["", "found", *(fate.value for fate in Fate)]
    return _table(head, [WORD, *[NUMBER] * (len(head) - 1)], rows)


def _losses(report: Report) -> Markup:
    rows = []
    for line in report.ledger:
        if line.fate is not Fate.LOSSLESS:
            places = "; ".join(str(at) for at in line.samples[:3])
            rows.append([line.feature.value, line.fate.value, f"{line.count:,}", line.note, places])
    return _table(["", "fate", "count", "how or why", "for example"], [WORD, WORD, NUMBER, LONG, LONG], rows)


def _conversations(report: Report) -> Markup:
    verified = {c.id: c for c in report.verdict.conversations} if report.verdict else {}
    rows = []
    for line in report.plan.conversations:
        check = verified.get(line.id)
        wrong = sum(check.differences.values()) if check else 0
        state = "" if check is None else counted(wrong, "mismatch") if wrong else "matched"
        rows.append([line.name or line.id, line.kind.value, f"{line.messages:,}", f"{line.new:,}", state])
    head = ["conversation", "kind", "messages", "new posts", "verified"]
    return _table(head, [LONG, WORD, NUMBER, NUMBER, WORD], rows)


def _mismatches(report: Report) -> Markup:
    found = report.verdict.conversations if report.verdict else ()
    everything = [*(report.verdict.others if report.verdict else ()), *(m for c in found for m in c.mismatches)]
    rows = [[m.key, m.what.value, m.expected, m.found, m.at] for m in everything]
    head = ["key", "what", "expected", "found", "place in the export"]
    listed = _table(head, [LONG, WORD, LONG, LONG, LONG], rows)
    if all(sum(conversation.differences.values()) == len(conversation.mismatches) for conversation in found):
        return listed
    return Markup(element("p", f"The first {SHOWN} of each conversation:", cls="quiet") + listed)
