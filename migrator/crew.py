"""Several processes for work that falls into independent pieces.

Workers are forked, so that they have all that is in memory without being told; each takes the next piece when it is
done with one, the heaviest first. Results come in the order of the pieces, whoever made them: the same with one process
as with many. Where there is no fork to be had, or too little to do, everything is done here.

What is open before the fork is open in every process: workers read files by position only, and write into none that
they have not opened themselves. A piece that fails is done again here, so that its error is the one to be seen.

Not `multiprocessing.Pool`: it waits for ever where a worker was killed, as one is when memory runs out. Nor
`concurrent.futures`: its workers outlive a parent that was killed, and cannot be stopped amid a piece.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, NoReturn, TypeVar

from migrator.errors import Interrupted

__all__ = ["Crew", "default_jobs"]

MOST = 4  # workers, where nobody asks for more
T = TypeVar("T")
R = TypeVar("R")
_ORDER = struct.Struct("<i")
_ANSWER = struct.Struct("<iQ")  # number of the piece, length of the result; no result where it failed
_STOP = -1


def default_jobs() -> int:
    """As many as there are processors for us, at most four; one where processes cannot be forked safely."""
    if not sys.platform.startswith("linux"):
        return 1
    return min(MOST, len(os.sched_getaffinity(0)))


class Crew:
    """`jobs`: how many processes work at once. `least`: weight of all pieces below which it is not worth it."""

    def __init__(self, jobs: int = 1, least: int = 0) -> None:
        self.jobs, self.least = jobs, least

    def run(self, work: Callable[[T], R], pieces: Sequence[T], weigh: Callable[[T], int]) -> Iterator[R]:
        """`work` of each piece, in the order of the pieces. Results are pickled on their way here.

        Raises Interrupted where a worker was killed, and what `work` raises. No worker outlives this call, or us.
        """
        weights = [weigh(piece) for piece in pieces]
        jobs = min(self.jobs, len(pieces)) if sum(weights) >= self.least else 1
        with _interruptible():
            if jobs < 2:
                yield from map(work, pieces)
                return
            heaviest_first = sorted(range(len(pieces)), key=lambda number: -weights[number])
            yield from _Shift(work, pieces, jobs).run(heaviest_first)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C at once: asyncio would hold it back until something is awaited, and nothing is here."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Worker:
    """Our side of a worker: its process, where to order pieces, where its answers come from."""

    def __init__(self, pid: int, orders: int, answers: int) -> None:
        self.pid, self.orders, self.answers = pid, orders, answers

    def order(self, number: int) -> None:
        try:
            os.write(self.orders, _ORDER.pack(number))
        except BrokenPipeError:
            self.lost()

    def answer(self) -> tuple[int, bytes]:
        number, length = _ANSWER.unpack(self._read(_ANSWER.size))
        return number, self._read(length)

    def _read(self, length: int) -> bytes:
        """Exactly so many bytes."""
        parts: list[bytes] = []
        while length:
            part = os.read(self.answers, min(length, 1 << 20))
            if not part:
                self.lost()
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def lost(self) -> NoReturn:
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        how = f"by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "without an answer"
        raise Interrupted(
            f"one of our processes ended {how}; perhaps the machine has too little memory",
            hint="run the same command again with --jobs 1",
        )

    def end(self) -> None:
        """Whatever it is doing."""
        os.close(self.orders)
        os.close(self.answers)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class _Shift(Generic[T, R]):
    """One call of `Crew.run`."""

    def __init__(self, work: Callable[[T], R], pieces: Sequence[T], jobs: int) -> None:
        self.work, self.pieces, self.jobs = work, pieces, jobs
        self.workers: list[_Worker] = []

    def run(self, order: Sequence[int]) -> Iterator[R]:
        waiting = iter(order)
        results: dict[int, bytes] = {}
        due = 0
        life, ours = os.pipe()  # the workers' end says so when we are gone, however that came about
        try:
            gc.freeze()  # what is there stays shared: collecting in a worker would touch, and so copy, all of it
            for _ in range(self.jobs):
                self.workers.append(self._hire(life, ours))
            gc.unfreeze()
            for worker in self.workers:
                worker.order(next(waiting, _STOP))
            busy = {worker.answers: worker for worker in self.workers}
            while due < len(order):
                ready, _, _ = select.select(list(busy), [], [])
                for answers in ready:
                    worker = busy[answers]
                    number, result = worker.answer()
                    worker.order(following := next(waiting, _STOP))
                    if following == _STOP:
                        del busy[answers]
                    results[number] = result
                while due in results:
                    result = results.pop(due)
                    yield pickle.loads(result) if result else self.work(self.pieces[due])  # noqa: S301 - our own
                    due += 1
        finally:
            os.close(life)
            os.close(ours)
            for worker in self.workers:
                worker.end()

    def _hire(self, life: int, ours: int) -> _Worker:
        their_orders, orders = os.pipe()
        answers, their_answers = os.pipe()
        pid = os.fork()
        if pid:
            os.close(their_orders)
            os.close(their_answers)
            return _Worker(pid, orders, answers)
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it goes to all of us; the one that hired us sees to it
            for other in (orders, answers, ours, *(end for w in self.workers for end in (w.orders, w.answers))):
                os.close(other)
            threading.Thread(target=_end_with, args=(life,), daemon=True).start()
            self._labour(their_orders, their_answers)
        finally:
            os._exit(0)

    def _labour(self, orders: int, answers: int) -> None:
        """A worker's life."""
        with os.fdopen(answers, "wb") as out:
            while (number := _ORDER.unpack(os.read(orders, _ORDER.size))[0]) != _STOP:
                try:
                    result = pickle.dumps(self.work(self.pieces[number]), pickle.HIGHEST_PROTOCOL)
                except Exception:
                    result = b""
                out.write(_ANSWER.pack(number, len(result)))
                out.write(result)
                out.flush()


def _end_with(life: int) -> None:
    os.read(life, 1)
    os._exit(1)
