"""Where the real exports lie that some tests read: beside the checkout, never in it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CORPORA", "YOURS", "corpora"]

CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"
YOURS = tuple(CORPORA / f"yours-{day}.zip" for day in ("2015-08-02", "2015-11-16", "2016-01-27"))


def corpora() -> list[Path]:
    """All of them; an AssertionError where they are missing, never a silent skip."""
    found = sorted(CORPORA.glob("*.zip"))
    assert found, f"there are no real exports in {CORPORA}"
    return found
