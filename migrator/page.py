"""report.html (one file, no script, nothing loaded): an element builder whose text escapes by construction, and the
page made with it."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from migrator.ledger import Fate
from migrator.report import Report, deed

__all__ = ["page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c28; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid #ccd; } td { border-bottom: 1px solid #eef; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.good { background: #e6f6ec; } .bad { background: #fdeaea; } .verdict { padding: .8rem 1rem; border-radius: .5rem; }
.quiet { color: #667; } .wide { overflow-x: auto; }
@media print, (max-width: 46rem) { body { font-size: 12px; margin: .5rem auto; } th, td { padding: .15rem .35rem; } }
@media (prefers-color-scheme: dark) { body { background: #16161e; color: #e4e4ee; } .good { background: #123a22; }
  .bad { background: #4a1818; } td { border-color: #2a2a38; } th { border-color: #444458; } .quiet { color: #99a; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Markup(str):
    """HTML that may stand as it is."""

    __slots__ = ()


def element(name: str, *children: str, cls: str = "") -> Markup:
    """<name class=cls>children</name>; any child that is not Markup is escaped."""
    attribute = f' class="{escape(cls)}"' if cls else ""
    inner = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{attribute}>{inner}</{name}>")


def _table(head: list[str], rows: list[list[str]], numbers: frozenset[int]) -> Markup:
    def row(tag: str, cells: list[str]) -> Markup:
        return element("tr", *(element(tag, c, cls="n" if i in numbers else "") for i, c in enumerate(cells)))

    return element("div", element("table", row("th", head), *(row("td", cells) for cells in rows)), cls="wide")


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
        parts += [element("h2", "Refused by the target"), _table(["kind", "key", "reason"], rows, frozenset())]
    if report.quarantined:
        rows = [[str(item.at), item.reason] for item in report.quarantined]
        parts += [element("h2", "Quarantined records"), _table(["place in the export", "reason"], rows, frozenset())]
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
        return "Nothing was sent yet."
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
    return _table(["", "found", *(fate.value for fate in Fate)], rows, frozenset(range(1, 7)))


def _losses(report: Report) -> Markup:
    rows = []
    for line in report.ledger:
        if line.fate is not Fate.LOSSLESS:
            places = "; ".join(str(at) for at in line.samples[:3])
            rows.append([line.feature.value, line.fate.value, f"{line.count:,}", line.note, places])
    return _table(["", "fate", "count", "how or why", "for example"], rows, frozenset({2}))


def _conversations(report: Report) -> Markup:
    verified = {c.id: c for c in report.verdict.conversations} if report.verdict else {}
    rows = []
    for line in report.plan.conversations:
        check = verified.get(line.id)
        wrong = sum(check.differences.values()) if check else 0
        state = "" if check is None else f"{wrong} mismatches" if wrong else "matched"
        rows.append([line.name or line.id, line.kind.value, f"{line.messages:,}", f"{line.new:,}", state])
    return _table(["conversation", "kind", "messages", "new posts", "verified"], rows, frozenset({2, 3}))


def _mismatches(report: Report) -> Markup:
    found = report.verdict.conversations if report.verdict else ()
    rows = [[m.key, m.what.value, m.expected, m.found, m.at] for conversation in found for m in conversation.mismatches]
    return _table(["key", "what", "expected", "found", "place in the export"], rows, frozenset())
