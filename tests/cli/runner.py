"""Run the real entry point in this process: arguments in, exit code and both streams out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrator.cli import main

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"
TINY, KITCHEN_SINK = SAMPLES / "tiny", SAMPLES / "kitchen_sink"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Command:
    """`slack-migrator` as a user types it. A traceback on either stream fails the test at once."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object) -> Ended:
        self.monkeypatch.setattr(sys, "argv", ["slack-migrator", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "unforeseen" not in err
        return Ended(int(end.value.code or 0), out, err)
