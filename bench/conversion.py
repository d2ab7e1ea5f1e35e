"""Reading, composing and accounting: messages per second on one core, and memory that does not grow.

Baseline: `json.loads` over the same day files, the least that any reader in Python does.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from bench.rows import Row, in_turn, peak_mib

MESSAGES = 40_000
PLAN = """
from pathlib import Path
from migrator.adapters import load
from migrator.journal import Journal
from migrator.plan import Options, make_plan
from migrator.slack.reader import open_export
from migrator.snapshot import JournalSnapshot
source = open_export([Path(sys.argv[1])])
make_plan(source, load(sys.argv[2])({}), None, JournalSnapshot(Journal(None)), Options())
"""


def generated(folder: Path, messages: int, *, people: int = 200, conversations: int = 40, members: int = 30) -> Path:
    """A zip export of invented people, the same for the same numbers. `members`: of a channel, at most."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "sample_exports"))
    from generate import generate

    out = folder / f"{messages}-{people}.zip"
    generate(out, messages=messages, people=people, conversations=conversations, members=members, seed=7)
    return out


def measure() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export = generated(folder, MESSAGES)
        for target in ("matrix", "zulip", "mattermost"):
            ours, floor = in_turn(lambda t=target: _planned(export, t), lambda: _parsed(export), runs=3)
            rows.append(Row(f"plan for {target}, one core", ours, floor, "messages/s", "json.loads of the day files"))
        large = generated(folder, MESSAGES * 5)
        small_peak, large_peak = peak_mib(PLAN, str(export), "matrix"), peak_mib(PLAN, str(large), "matrix")
        against = f"the same for {MESSAGES:,} messages"
        rows.append(Row(f"peak memory of a plan, {MESSAGES * 5:,} messages", large_peak, small_peak, "MiB", against))
    return rows


def _planned(export: Path, target: str) -> float:
    from migrator.adapters import load
    from migrator.journal import Journal
    from migrator.plan import Options, make_plan
    from migrator.slack.reader import open_export
    from migrator.snapshot import JournalSnapshot

    start = time.process_time()
    source = open_export([export])
    plan = make_plan(source, load(target)({}), None, JournalSnapshot(Journal(None)), Options())
    source.close()
    return sum(line.messages for line in plan.conversations) / (time.process_time() - start)


def _parsed(export: Path) -> float:
    start, count = time.process_time(), 0
    with zipfile.ZipFile(export) as archive:
        for name in archive.namelist():
            if "/" in name and name.endswith(".json"):
                count += len(json.loads(archive.read(name)))
    return count / (time.process_time() - start)
