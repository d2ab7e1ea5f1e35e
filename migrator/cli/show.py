"""How results look on a terminal: plain text tables and the pages made of them.

Names and texts of an export are strangers' words: control characters, which a terminal would obey, are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from migrator.apply import Outcome
from migrator.ledger import Fate, Line
from migrator.plain import clean
from migrator.plan import Plan
from migrator.report import deed
from migrator.share import ConversationLine
from migrator.verdict import Mismatch, Verdict, counted

__all__ = ["ledger_table", "outcome_text", "plan_text", "table", "verdict_text"]

LISTED = 30  # conversations listed in a plan; the rest are in plan.json


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: frozenset[int] = frozenset()) -> str:
    """Columns as wide as their widest cell; numbers with thousands separators, to the right where asked."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        aligned = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        return "  ".join(aligned).rstrip()

    return "\n".join([line(head), line(["─" * width for width in widths]), *map(line, cells)])


def ledger_table(found: Mapping[str, int], lines: Sequence[Line]) -> str:
    """The fidelity table: a row per feature, a column per fate; then each loss with its reason and an example."""
    sums: dict[str, dict[Fate, int]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        sums[line.feature.value][line.fate] += line.count
    rows = [[name, count, *(sums[name][fate] or "" for fate in Fate)] for name, count in found.items()]
    head = ["", "found", *(fate.value for fate in Fate)]
    text = table(head, rows, right=frozenset(range(1, len(head))))
    losses = [line for line in lines if line.fate is not Fate.LOSSLESS]
    if losses:
        text += "\n\nNot lossless, and why:\n" + "\n".join(_loss(line) for line in losses)
    return text


def _rune(line: ConversationLine) -> str:
    if not line.exists:
        return "+"
    return "~" if line.new or line.changed else "="


def _loss(line: Line) -> str:
    example = f" (for example {line.samples[0]})" if line.samples else ""
    return f"  {line.count:,} {line.feature.value} {line.fate.value}: {line.note}{example}"


def plan_text(plan: Plan) -> str:
    """The plan as people read it; `+` new, `~` changed, `=` there already."""
    out = [f"Plan: Slack -> {plan.target} ({plan.route} route)", ""]
    kinds = sorted({*plan.create, *plan.present})
    out += [f"  + {plan.create.get(k, 0):,} {k}s to create, = {plan.present.get(k, 0):,} there already" for k in kinds]
    new, changed = sum(c.new for c in plan.conversations), sum(c.changed for c in plan.conversations)
    there = sum(c.present for c in plan.conversations)
    out.append(f"  + {new:,} posts to send, ~ {changed:,} changed, = {there:,} there already")
    out.append(f"  + {plan.reactions:,} reactions")
    if plan.seconds:
        out.append(f"  about {_duration(plan.seconds)} at this route's measured rate")
    busy = sorted(plan.conversations, key=lambda c: -c.messages)
    rows = [[_rune(c), c.name or c.id, c.kind.value, c.messages, c.new, c.changed] for c in busy[:LISTED]]
    head = ["", "conversation", "kind", "messages", "new", "changed"]
    out += ["", table(head, rows, right=frozenset({3, 4, 5}))]
    if len(busy) > LISTED:
        out.append(f"… and {len(busy) - LISTED:,} more (all in plan.json)")
    out += ["", "Fidelity:", ledger_table(plan.found, plan.ledger)]
    out += [f"\nWarning: {warning}" for warning in plan.warnings]
    return clean("\n".join(out))


def outcome_text(plan: Plan, outcome: Outcome) -> str:
    out = [deed(plan, outcome)]
    if outcome.resolved:
        out.insert(0, f"Resumed: {outcome.resolved:,} items of the interrupted run were looked up on the target first.")
    if outcome.unapplied:
        out.append(f"{outcome.unapplied:,} posts changed in the export, but this target cannot change posts.")
    for kind, key, reason in outcome.failures[:20]:
        out.append(f"  refused: {kind} {key}: {reason}")
    if len(outcome.failures) > 20:
        out.append(f"  … and {len(outcome.failures) - 20:,} more (all in report.json)")
    out += [f"For you to do: {line}" for line in outcome.advice]
    return clean("\n".join(out))


def verdict_text(verdict: Verdict) -> str:
    """`=` matched, `*` differing, `?` unreadable conversations, each with its first mismatches; then the sentence."""
    out = []
    if verdict.others:
        out += [f"* people and the workspace: {counted(len(verdict.others), 'mismatch')}"]
        out += map(_mismatch, verdict.others[:10])
    for conversation in verdict.conversations:
        wrong = sum(conversation.differences.values())
        mark = "*" if wrong else "="
        state = ", ".join(f"{n} {what}" for what, n in conversation.differences.items()) if wrong else "matched"
        if conversation.unread:
            mark, state = "?", f"not read back: {conversation.unread}"
        out.append(f"{mark} {conversation.name or conversation.id}: {conversation.messages:,} messages, {state}")
        out += map(_mismatch, conversation.mismatches[:10])
    out.append(verdict.sentence())
    return clean("\n".join(out))


def _mismatch(mismatch: Mismatch) -> str:
    where = f" ({mismatch.at})" if mismatch.at else ""
    return f"    ! {mismatch.key}{where}: {mismatch.what}: expected {mismatch.expected!r}, found {mismatch.found!r}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
