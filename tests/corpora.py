"""Where the real exports lie that some tests read: beside the checkout, never in it."""

from __future__ import annotations

from pathlib import Path

CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"
