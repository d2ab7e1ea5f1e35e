"""What a run leaves to read: the content of report.json, which `page` makes report.html of."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from migrator import __version__
from migrator.apply import Outcome
from migrator.ledger import Line, Quarantined
from migrator.plan import Plan
from migrator.verdict import Verdict

__all__ = ["Report", "deed", "report_of"]


class Report(Struct, frozen=True):
    """report.json. Later versions may add fields."""

    version: str
    target: str
    route: str
    fingerprint: str
    sentence: str
    ledger: tuple[Line, ...]
    found: dict[str, int]
    plan: Plan
    outcome: Outcome | None
    verdict: Verdict | None
    quarantined: tuple[Quarantined, ...]


def report_of(
    plan: Plan, outcome: Outcome | None, verdict: Verdict | None, quarantined: Sequence[Quarantined]
) -> Report:
    return Report(
        version=__version__,
        target=plan.target,
        route=plan.route,
        fingerprint=plan.fingerprint,
        sentence=verdict.sentence() if verdict else "Not verified.",
        ledger=plan.ledger,
        found=dict(plan.found),
        plan=plan,
        outcome=outcome,
        verdict=verdict,
        quarantined=tuple(quarantined),
    )


def deed(plan: Plan, outcome: Outcome) -> str:
    """What a run did, in one sentence. What goes into a package by hand later is written, not sent."""
    if plan.route != "live" and plan.posts and not outcome.posts:
        return f"Wrote {plan.posts:,} posts and {plan.reactions:,} reactions into the package."
    return f"Sent {outcome.posts:,} posts and {outcome.reactions:,} reactions, changed {outcome.edits:,}."
