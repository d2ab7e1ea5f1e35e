"""How fast a real Mattermost server imports what we write: posts per second of the job itself, by workers and by shape.

The server is the one that `make test-mattermost` builds, new for this. People and channels are imported first; then the
same posts again and again, each time at other moments, so that every import is one of new posts into a database that
holds the earlier ones. A job also waits up to 15 s for the server's poller, which is not counted: it is paid per zip.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.conversion import generated
from bench.rows import Row

MESSAGES = int(os.environ.get("BENCH_SERVER_MESSAGES", "5000"))
RUNS = int(os.environ.get("BENCH_SERVER_RUNS", "2"))
ROOM = {"TeamSettings": {"MaxUsersPerTeam": 1_000_000, "MaxChannelsPerTeam": 1_000_000}}
STEP = 1 << 36  # milliseconds between two imports of the same posts, some two years
Lines = list[dict[str, Any]]


def measure() -> list[Row]:
    from tests.e2e.mattermost.server import Server

    with tempfile.TemporaryDirectory() as temporary, Server(settings=ROOM) as server:
        folder = Path(temporary)
        lines = _converted(generated(folder, MESSAGES), folder)
        posts: Lines = [line for line in lines if line["type"] in ("post", "direct_post")]
        _import(server, folder, [line for line in lines if line not in posts], 0)
        shapes: dict[str, tuple[Callable[[Lines], Lines], int]] = {
            "as it is, 1 worker": (_as_it_is, 1),
            "as it is, 2 workers": (_as_it_is, 2),
            "every reply a post of its own": (_flat, 2),
            "without reactions": (_without_reactions, 2),
        }
        rates: dict[str, list[float]] = {name: [] for name in shapes}
        for run in range(RUNS):
            for number, (name, (shape, workers)) in enumerate(shapes.items()):
                moved = _moved(posts, STEP * (run * len(shapes) + number))
                rates[name].append(_import(server, folder, shape(moved), workers))
                print(f"bench: {name}: {rates[name][-1]:,.0f} posts/s", file=sys.stderr)
    one, two, flat, calm = (statistics.median(some) for some in rates.values())
    what = f"the server's import of our {MESSAGES:,} messages"
    return [
        Row(f"{what}, 2 workers", two, one, "posts/s", "1 worker"),
        Row(f"{what}, each thread a line", two, flat, "posts/s", "each reply a post of its own"),
        Row(f"{what}, reactions included", two, calm, "posts/s", "the same without reactions"),
    ]


def _converted(export: Path, folder: Path) -> Lines:
    """What `migrate --route file` writes of an export."""
    command = [
        str(Path(sys.executable).with_name("slack-migrator")),
        "migrate",
        str(export),
        "--to",
        "mattermost",
        "-q",
    ]
    subprocess.run(
        [*command, "--route", "file", "-o", str(folder / "out"), "--run", str(folder / "run")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    found: Lines = []
    for part in sorted((folder / "out").glob("import-*.zip")):
        with zipfile.ZipFile(part) as archive:
            found += map(json.loads, archive.read("import.jsonl").splitlines())
    return [line for line in found if line["type"] != "version"]


def _inner(line: dict[str, Any]) -> dict[str, Any]:
    """The post of a line."""
    post: dict[str, Any] = line[line["type"]]
    return post


def _all(lines: Lines) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield _inner(line)
        yield from _inner(line).get("replies", ())


def _moved(lines: Lines, by: int) -> Lines:
    """The same posts at other moments, and without files, which would be measured too."""
    copy: Lines = json.loads(json.dumps(lines))
    for post in _all(copy):
        post["create_at"] += by
        post.pop("attachments", None)
        for reaction in post.get("reactions", ()):
            reaction["create_at"] += by
    return copy


def _as_it_is(lines: Lines) -> Lines:
    return lines


def _flat(lines: Lines) -> Lines:
    out: Lines = []
    for line in lines:
        post = _inner(line)
        place = {name: post[name] for name in ("team", "channel", "channel_members") if name in post}
        out.append({"type": line["type"], line["type"]: {**post, "replies": [], "thread_followers": []}})
        out += [{"type": line["type"], line["type"]: {**place, **reply}} for reply in post.get("replies", ())]
    return out


def _without_reactions(lines: Lines) -> Lines:
    for post in _all(lines):
        post.pop("reactions", None)
    return lines


def _import(server: Any, folder: Path, lines: Lines, workers: int) -> float:
    """Posts per second of the import job."""
    from migrator.adapters.mattermost import delivery
    from migrator.adapters.mattermost.rest import Rest
    from migrator.secret import Secret
    from tests.e2e.mattermost import zips

    file = zips.pack(folder / "bench.zip", lines)
    rest, mine = Rest(server.url, Secret(server.token)), delivery.Deliveries(folder / "deliveries.json").of(file)
    delivery.deliver(rest, file, mine, save=lambda: None, workers=workers)
    job = rest.get(f"/jobs/{mine.jobs[-1]}")
    rest.close()
    posts = sum(1 for _ in _all([line for line in lines if line["type"] in ("post", "direct_post")]))
    return posts * 1000 / max(job["last_activity_at"] - job["start_at"], 1)
