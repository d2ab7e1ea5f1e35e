"""How fast a real Mattermost server imports what we write: posts per second of the job itself, by workers.

The server is the one that `make test-mattermost` builds. A job also waits up to 15 s for the server's poller, which is
not counted: it is paid once per zip. The baseline is the same export imported with one worker.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench.conversion import generated
from bench.rows import Row

MESSAGES = int(os.environ.get("BENCH_SERVER_MESSAGES", "20000"))
WORKERS = (1, 2, 4)
RUNS = int(os.environ.get("BENCH_SERVER_RUNS", "1"))


def measure() -> list[Row]:
    from tests.e2e.mattermost.build import cache_folder
    from tests.e2e.mattermost.server import Server
    from tests.e2e.mattermost.tools import missing

    what = f"the server's import of our {MESSAGES:,} messages"
    if missing() or not (cache_folder() / "mattermost").exists():
        return [Row.unmeasured(what, "1 worker", "`make test-mattermost` builds the server")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export = generated(folder, MESSAGES)
        rates: dict[int, list[float]] = {workers: [] for workers in WORKERS}
        for run in range(RUNS):
            for workers in WORKERS:
                with Server() as server:  # a new one each time: a fuller database is a slower one
                    rates[workers].append(_rate(server, export, folder / f"run-{run}-{workers}", workers))
                print(f"bench: {workers} workers: {rates[workers][-1]:,.0f} posts/s", file=sys.stderr)
    medians = {workers: statistics.median(some) for workers, some in rates.items()}
    return [
        Row(f"{what}, {workers} workers", medians[workers], medians[1], "posts/s", "1 worker")
        for workers in WORKERS
        if workers > 1
    ]


def _rate(server: object, export: Path, run: Path, workers: int) -> float:
    """Posts per second of the import job."""
    from tests.e2e.mattermost.moving import move
    from tests.e2e.mattermost.server import Server

    assert isinstance(server, Server)
    moved = move(server, "bench", export, run, workers=workers)
    if not moved.verdict.clean:
        raise SystemExit(f"it did not arrive: {moved.verdict.sentence()}")
    jobs = server.get("/jobs/type/import_process")
    taken = sum(job["last_activity_at"] - job["start_at"] for job in jobs) / 1000
    return moved.outcome.posts / taken
