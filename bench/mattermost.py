"""Conversion of a generated export into Mattermost's import format, beside mmetl: seconds and peak memory.

mmetl is the vendor's own converter; the environment variable MMETL names its binary (built from its public repository,
never a part of this one). Ours reads the export, accounts for everything in it and writes the zips; mmetl reads and
writes, and its zip is still to be made by hand.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.conversion import generated
from bench.rows import Row

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "400000"))
RUNS = 3
RIVAL = "mmetl transform slack"


def measure() -> list[Row]:
    mmetl = os.environ.get("MMETL")
    if not mmetl:
        missing = "the environment variable MMETL names no binary"
        return [Row.unmeasured(f"{MESSAGES:,} messages to Mattermost's import format", RIVAL, missing)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export = generated(folder, MESSAGES)
        pairs = [
            (_ours(export, folder / f"ours-{n}"), _theirs(mmetl, export, folder / f"theirs-{n}")) for n in range(RUNS)
        ]
    (ours, our_peak), (theirs, their_peak) = (
        (statistics.median(run[side][0] for run in pairs), max(run[side][1] for run in pairs)) for side in (0, 1)
    )
    what = f"{MESSAGES:,} messages to Mattermost's import format"
    return [
        Row(what, MESSAGES / ours, MESSAGES / theirs, "messages/s", RIVAL),
        Row(f"peak memory: {what}", our_peak, their_peak, "MiB", RIVAL),
    ]


def _ours(export: Path, folder: Path) -> tuple[float, float]:
    command = [
        str(Path(sys.executable).with_name("slack-migrator")),
        "migrate",
        str(export),
        "--to",
        "mattermost",
        "-q",
    ]
    return _timed([*command, "--route", "file", "-o", str(folder), "--run", f"{folder}-run"], folder.parent)


def _theirs(mmetl: str, export: Path, folder: Path) -> tuple[float, float]:
    folder.mkdir()
    options = ["--team", "team", "--file", str(export), "--output", str(folder / "import.jsonl"), "-d", str(folder)]
    more = ["--default-email-domain", "example.invalid", "--bot-owner", "owner"]
    return _timed([mmetl, "transform", "slack", *options, *more], folder)


def _timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall seconds and peak MiB of one process."""
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench: {Path(command[0]).name} ended with {process.returncode}")
    return time.perf_counter() - begun, _mib(usage)


def _mib(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
