"""Several processes do what one does, in the same order; none is left behind, however the work ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.crew import Crew, default_jobs
from migrator.errors import Interrupted, UsageError

OTHERS: set[str] = set()  # children that were here before: the server of other tests, say


def children() -> list[str]:
    found = (pid for listed in Path("/proc/self/task").glob("*/children") for pid in listed.read_text().split())
    return [pid for pid in found if pid not in OTHERS]


@pytest.fixture(autouse=True)
def count_from_here() -> None:
    OTHERS.clear()
    OTHERS.update(children())


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(jobs: int) -> None:
    pieces = [3, 1, 4, 1, 5, 9, 2, 6]
    assert list(Crew(jobs).run(lambda n: (n, n * n), pieces, lambda n: n)) == [(n, n * n) for n in pieces]
    assert children() == []


def test_pieces_are_taken_by_several_processes() -> None:
    def work(_: int) -> int:
        time.sleep(0.05)
        return os.getpid()

    by = list(Crew(2).run(work, range(6), lambda _: 1))
    assert len(set(by)) == 2
    assert os.getpid() not in by


def test_too_little_work_is_done_here() -> None:
    assert set(Crew(4, least=100).run(lambda _: os.getpid(), range(8), lambda _: 1)) == {os.getpid()}


def test_results_larger_than_a_pipe() -> None:
    sizes = [3_000_000, 10, 2_000_000, 0, 1_000_000]
    assert [len(r) for r in Crew(2).run(bytes, sizes, lambda n: n)] == sizes


def test_an_error_is_the_one_that_one_process_would_raise() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise UsageError("the third is wrong", hint="leave it out")
        return number

    results = Crew(2).run(work, range(5), lambda _: 1)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(UsageError, match="the third is wrong") as caught:
        next(results)
    assert caught.value.hint == "leave it out"
    assert children() == []


def test_a_worker_that_is_killed_is_told_of() -> None:
    here = os.getpid()

    def work(number: int) -> int:
        if number == 1 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(Interrupted, match="by signal 9") as caught:
        list(Crew(2).run(work, range(4), lambda _: 1))
    assert "--jobs 1" in caught.value.hint
    assert children() == []


def test_nobody_works_on_when_nobody_waits() -> None:
    def work(number: int) -> int:
        time.sleep(30 if number else 0)
        return number

    results: Iterator[int] = Crew(2).run(work, range(4), lambda n: 4 - n)
    assert next(results) == 0
    assert len(children()) == 2
    results.close()  # type: ignore[attr-defined]
    assert children() == []


SCRIPT = """
import os, sys, time
from migrator.crew import Crew
def work(number):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)
for result in Crew(2).run(work, range(4), lambda n: 1):
    pass
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_no_worker_outlives_us(blow: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        workers = [int(process.stdout.readline()) for _ in range(2)]
        assert not any(map(gone, workers))
        process.send_signal(blow)
        process.wait(timeout=30)
        deadline = time.monotonic() + 30
        while not all(map(gone, workers)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert all(map(gone, workers))


def test_as_many_as_there_are_processors_but_four_at_most() -> None:
    assert 1 <= default_jobs() <= 4
