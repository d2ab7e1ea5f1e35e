"""What a run leaves to read: report.json for machines, report.html for people (one file, no script, nothing loaded)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from migrator import __version__
from migrator.apply import Outcome
from migrator.folder import RunFolder
from migrator.ledger import Line, Quarantined
from migrator.page import page
from migrator.plan import Plan
from migrator.verify import Verdict

__all__ = ["Report", "write_report"]


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


def write_report(
    folder: RunFolder,
    plan: Plan,
    outcome: Outcome | None,
    verdict: Verdict | None,
    quarantined: Sequence[Quarantined],
) -> Path:
    """Write both files; returns the path of report.html."""
    report = Report(
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
    folder.write_json("report.json", report)
    return folder.write("report.html", page(report).encode())
