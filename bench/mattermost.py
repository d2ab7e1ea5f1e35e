"""Conversion of a generated export into Mattermost's import format, beside mmetl: seconds and peak memory.

mmetl is the vendor's own converter; the environment variable MMETL names its binary (built from its public repository,
never a part of this one). Ours reads the export, accounts for everything in it and writes the zips; mmetl reads and
writes lines and a folder of files, and its user makes the zip of them that a server takes: a row has that too. Each is
timed as a user would: wall seconds of the whole command, ours with as many processes as it takes by itself.
`slack-migrator mattermost check` must pass on what ours wrote.

Memory is that of the whole process tree: proportional set sizes (what processes share counts once), summed up every
30 ms, the highest sum. Both sides are measured so, in a run of its own: to look takes time from what is looked at.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.conversion import generated
from bench.rows import Row

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "400000"))
PEOPLE, CHANNELS, MEMBERS = 10_000, 2_000, 200  # of a large company, as in facts/mattermost.md 3
RUNS = 3
RIVAL = "mmetl transform slack"
LINES, FILES = "import.jsonl", "data"  # what mmetl writes


def measure() -> list[Row]:
    what = f"{MESSAGES:,} messages to Mattermost's import format"
    large = f"the same of {PEOPLE:,} people in {CHANNELS:,} channels"
    mmetl = os.environ.get("MMETL")
    if not mmetl:
        return [Row.unmeasured(name, RIVAL, "the environment variable MMETL names no binary") for name in (what, large)]
    with tempfile.TemporaryDirectory() as temporary:
        usual = _beside(mmetl, generated(Path(temporary), MESSAGES), what)
    with tempfile.TemporaryDirectory() as temporary:
        size = {"people": PEOPLE, "conversations": CHANNELS, "members": MEMBERS}
        return [*usual, *_beside(mmetl, generated(Path(temporary), MESSAGES, **size), large)]


def _beside(mmetl: str, export: Path, what: str) -> list[Row]:
    """Both converters on one export."""
    folder = export.parent
    runs = [
        (
            _timed(_ours(folder / f"ours-{n}", export), folder),
            _timed(_theirs(folder / f"theirs-{n}", export, mmetl), folder / f"theirs-{n}"),
            _timed(_zipped(), folder / f"theirs-{n}"),
        )
        for n in range(RUNS)
    ]
    peaks = [
        _peak(_ours(folder / "ours-peak", export), folder),
        _peak(_theirs(folder / "theirs-peak", export, mmetl), folder),
    ]
    check = [_command(), "mattermost", "check", *map(str, sorted((folder / "ours-0").glob("import-*.zip")))]
    subprocess.run(check, check=True, stdout=subprocess.DEVNULL)
    ours, theirs, zipping = (_Taken.middle(list(some)) for some in zip(*runs, strict=True))
    speed = MESSAGES / ours.seconds
    zipped = MESSAGES / (theirs.seconds + zipping.seconds)
    return [
        Row(what, speed, MESSAGES / theirs.seconds, "messages/s", RIVAL),
        Row(f"{what}, zipped", speed, zipped, "messages/s", f"{RIVAL}, and its output zipped"),
        Row(f"{what}, per core", MESSAGES / ours.cpu, MESSAGES / theirs.cpu, "messages/s", RIVAL),
        Row(f"peak memory: {what}", *peaks, "MiB", RIVAL),
    ]


@dataclass(frozen=True)
class _Taken:
    """Wall seconds and processor seconds of a command with all its processes."""

    seconds: float
    cpu: float

    @classmethod
    def middle(cls, some: list[_Taken]) -> _Taken:
        """The medians."""
        return cls(statistics.median(one.seconds for one in some), statistics.median(one.cpu for one in some))


def _command() -> str:
    return str(Path(sys.executable).with_name("slack-migrator"))


def _ours(folder: Path, export: Path) -> list[str]:
    command = [_command(), "migrate", str(export), "--to", "mattermost", "-q", "--route", "file"]
    return [*command, "-o", str(folder), "--run", f"{folder}-run"]


def _theirs(folder: Path, export: Path, mmetl: str) -> list[str]:
    folder.mkdir()
    options = ["--team", "team", "--file", str(export), "--output", str(folder / LINES), "-d", str(folder / FILES)]
    return [mmetl, "transform", "slack", *options, "--default-email-domain", "example.invalid", "--bot-owner", "owner"]


def _zipped() -> list[str]:
    """What mmetl's user has to do next: only a zip can be uploaded."""
    return [sys.executable, "-m", "zipfile", "-c", "import.zip", FILES, LINES]


def _timed(command: list[str], cwd: Path) -> _Taken:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Taken(taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _peak(command: list[str], cwd: Path) -> float:
    """MiB."""
    peak = 0
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_proportional_kib, _tree(process.pid))))
            time.sleep(0.03)
    if process.returncode:
        raise SystemExit(f"bench: {Path(command[0]).name} ended with {process.returncode}")
    return peak / 1024


def _tree(pid: int) -> list[int]:
    """A process and all that it started (Linux)."""
    found = [pid]
    with suppress(OSError):
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in listed.read_text(encoding="ascii").split():
                found += _tree(int(child))
    return found


def _proportional_kib(pid: int) -> int:
    with suppress(OSError):  # it has ended
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
