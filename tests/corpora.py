"""Where the real exports lie: beside the checkout. Test input only."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CORPORA", "YOURS", "corpora"]

ROOT = Path(__file__).parent.parent
CORPORA = next(
    (found for above in ROOT.parents for found in (above / "shared" / "corpora", above / "corpora") if found.is_dir()),
    ROOT.parent / "shared" / "corpora",
)
YOURS = tuple(CORPORA / f"yours-{day}.zip" for day in ("2015-08-02", "2015-11-16", "2016-01-27"))


def corpora() -> list[Path]:
    """All of them; an AssertionError where they are missing, never a silent skip."""
    found = sorted(CORPORA.glob("*.zip"))
    assert found, f"there are no real exports in {CORPORA}"
    return found
