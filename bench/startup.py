"""How long `--help` takes: the limit is 150 ms, and the floor is Python with click."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.rows import Row, in_turn, python, seconds


def measure() -> list[Row]:
    command = str(Path(sys.executable).with_name("slack-migrator"))
    ours, floor = in_turn(lambda: seconds([command, "--help"]), lambda: seconds(python("import click")), runs=15)
    return [Row("slack-migrator --help", ours * 1000, floor * 1000, "ms", "python -c 'import click'")]
