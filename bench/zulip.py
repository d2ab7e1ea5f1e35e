"""The archive for Zulip's import: messages per second of processor time and by the clock, memory at a million messages.

Baseline: a program that parses the same day files and writes as many of the smallest rows that an import takes, without
knowing what is in them: no people, no threads, no text to convert, no rows of who received what.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench.conversion import generated
from bench.rows import Row, cpu_seconds_of, in_turn, peak_mib, python, seconds

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "100000"))
MANY = 10 * MESSAGES
OURS = """
from migrator.cli import cli
cli(sys.argv[1:], standalone_mode=False)
"""
BARE = """
import json, sys, zipfile
from pathlib import Path
with zipfile.ZipFile(sys.argv[1]) as export:
    rows, out = [], Path(sys.argv[2])
    out.mkdir()
    for name in export.namelist():
        if "/" not in name or not name.endswith(".json"):
            continue
        for record in json.loads(export.read(name)):
            row = {"id": len(rows), "realm": 1, "sender": 1, "recipient": 1, "sending_client": 1, "subject": "topic"}
            row |= {"content": record.get("text"), "rendered_content": None, "date_sent": float(record["ts"])}
            rows.append(row)
        if len(rows) >= 1000:
            (out / name.replace("/", "-")).write_text(json.dumps({"zerver_message": rows, "zerver_usermessage": []}))
            rows = []
"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export, large = generated(folder, MESSAGES), generated(folder, MANY)
        numbers = iter(range(1000))

        def ours(of: Path, *more: str) -> list[str]:
            place = folder / f"ours-{next(numbers)}"
            line = ["migrate", str(of), "--to", "zulip", "--route", "archive", "-q", "-o", str(place)]
            return [*line, "--run", f"{place}-run", *more]

        def bare(of: Path) -> list[str]:
            return [str(of), str(folder / f"bare-{next(numbers)}")]

        speed = in_turn(
            lambda: MESSAGES / cpu_seconds_of(python(f"import sys\n{OURS}", *ours(export, "--jobs", "1"))),
            lambda: MESSAGES / cpu_seconds_of(python(BARE, *bare(export))),
            runs=3,
        )
        clock = in_turn(
            lambda: MESSAGES / seconds(python(f"import sys\n{OURS}", *ours(export))),
            lambda: MESSAGES / seconds(python(BARE, *bare(export))),
            runs=3,
        )
        # one process: several hold less each, and what they share is not to be counted twice
        memory = peak_mib(OURS, *ours(large, "--jobs", "1")), peak_mib(BARE, *bare(large))
    against = "json.loads, and json.dumps of bare rows"
    what = f"{MESSAGES:,} messages to Zulip's import archive"
    return [
        Row(f"{what}, one core", *speed, "messages/s", against),
        Row(f"{what}, by the clock", *clock, "messages/s", against),
        Row(f"peak memory: {MANY:,} messages to Zulip's import archive", *memory, "MiB", against),
    ]
