"""A row of the table, and how its two figures are taken: in turn, several times, the median of each."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`missing` says what it would take to measure this: then there are no figures, ours would stand alone."""

    measure: str
    ours: float
    baseline: float
    unit: str
    against: str
    missing: str = ""

    @classmethod
    def unmeasured(cls, measure: str, against: str, missing: str) -> Row:
        return cls(measure, 0, 0, "", against, missing)


def in_turn(ours: Callable[[], float], baseline: Callable[[], float], runs: int = 5) -> tuple[float, float]:
    """Medians of both, taken A B A B … so that a drift of the machine hits both."""
    pairs = [(ours(), baseline()) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def seconds(command: list[str]) -> float:
    """Wall seconds of a whole process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", script, *arguments]


# VmHWM, not ru_maxrss: the latter begins with what the process held that started this one
PEAK = """
import sys
%s
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_mib(script: str, *arguments: str) -> float:
    """Peak memory of a process that runs `script`, in MiB (Linux)."""
    done = subprocess.run(python(PEAK % script, *arguments), check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) / 1024


def cpu_seconds_of(command: list[str]) -> float:
    """Processor seconds of a whole process: what a busy machine leaves as it is."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
