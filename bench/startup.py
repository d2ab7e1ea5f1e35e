"""How long `--help` takes: the limit is 150 ms, and the floor is Python with click."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.rows import Row, cpu_seconds_of, in_turn, python, seconds

FLOOR = "python -c 'import click'"


def measure() -> list[Row]:
    command, floor = [str(Path(sys.executable).with_name("slack-migrator")), "--help"], python("import click")
    rows = []
    for what, timed in (("by the clock", seconds), ("processor time", cpu_seconds_of)):
        ours, least = in_turn(lambda t=timed: t(command), lambda t=timed: t(floor), runs=15)
        rows.append(Row(f"slack-migrator --help, {what}", ours * 1000, least * 1000, "ms", FLOOR))
    return rows
