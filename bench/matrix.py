"""Posts per second into a real Synapse: ours, beside bare requests to the same server on one kept-alive connection.

The baseline sends text events with `ts` and nothing else: no people, no rooms, no journal, no rendering. What is left
is the server's own work, which is nearly all of it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from bench.rows import Row

MESSAGES, PEOPLE, CONVERSATIONS = 1_500, 20, 8


def measure() -> list[Row]:
    from migrator.adapters.matrix.homeserver import start

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export = _export(folder)
        with start(folder / "server") as server:
            ours = _ours(export, server.settings, folder / "run")
            bare = _bare(server.base_url, server.as_token_file.read_text().strip(), server.server_name)
    measure = f"messages and reactions into Synapse (SQLite), with {PEOPLE} people and {CONVERSATIONS} channels"
    return [Row(measure, ours, bare, "posts/s", "bare PUTs to one room, one after the other")]


def _export(folder: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).parent.parent / "sample_exports"))
    from generate import generate

    generate(folder / "export.zip", messages=MESSAGES, people=PEOPLE, conversations=CONVERSATIONS, seed=7)
    return folder / "export.zip"


def _ours(export: Path, settings: dict[str, object], folder: Path) -> float:
    from migrator.move import Move
    from migrator.plan import Options
    from migrator.progress import Progress

    async def act() -> float:
        async with Move([export], "matrix", settings, Options(), folder=folder, progress=Progress(quiet=True)) as move:
            plan = move.plan()
            begun = time.perf_counter()
            outcome = await move.apply(plan)
            return (outcome.posts + outcome.reactions) / (time.perf_counter() - begun)

    return asyncio.run(act())


def _bare(url: str, token: str, server_name: str) -> float:
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(method: str, path: str, body: object) -> dict[str, str]:
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        assert answer.status == 200, content
        return content  # type: ignore[no-any-return]

    room = quote(call("POST", "/_matrix/client/v3/createRoom", {"preset": "public_chat"})["room_id"])
    count = 400
    begun = time.perf_counter()
    for number in range(count):
        path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/bare{number}?ts={1_500_000_000_000 + number}"
        call("PUT", path, {"msgtype": "m.text", "body": f"message number {number} of a run without any care"})
    return count / (time.perf_counter() - begun)
