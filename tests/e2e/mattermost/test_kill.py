"""kill -9 of the command in any phase, and the same command again: everything is there, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.adapters.base import Kind
from migrator.journal import Journal
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.server import Server

COUNT = 4_000


def export(folder: Path) -> Path:
    """One channel with some thousand messages, and an archived one, which the server refuses to be told of twice."""
    folder.mkdir()
    people = [exports.person(f"U{n}", f"kim{n}", email=f"kim{n}@example.invalid") for n in range(3)]
    channels = [
        {"id": "C1", "name": "busy", "created": 1709290000, "members": ["U0", "U1", "U2"]},
        {"id": "C2", "name": "shut", "created": 1709290000, "members": ["U0"], "is_archived": True},
    ]
    said = [{"type": "message", "user": f"U{n % 3}", "ts": exports.ts(n), "text": f"number {n}"} for n in range(COUNT)]
    (folder / "users.json").write_text(json.dumps(people))
    (folder / "channels.json").write_text(json.dumps(channels))
    for name, messages in (("busy", said), ("shut", said[:1])):
        (folder / name).mkdir()
        (folder / name / f"{exports.DAY}.json").write_text(json.dumps(messages))
    return folder


def deliveries(run: Path) -> list[dict[str, object]]:
    try:
        return list(json.loads((run / "package" / "round-001" / "deliveries.json").read_bytes()))
    except (OSError, ValueError):
        return []


PHASES: dict[str, Callable[[Path, Server, str], bool]] = {
    "upload": lambda run, server, team: any(one["upload"] for one in deliveries(run)),
    "job": lambda run, server, team: _some_posts(server, team),
    "verify": lambda run, server, team: (run / "package" / "round-001" / "arrived.json").exists(),
}


def _some_posts(server: Server, team: str) -> bool:
    """The import has begun to write."""
    try:
        return bool(server.get(f"/teams/name/{team}/channels/name/busy")["total_msg_count"])
    except AssertionError:
        return False


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_command_is_carried_to_its_end(server: Server, tmp_path: Path, phase: str) -> None:
    team, run = f"kill-{phase}", tmp_path / "run"
    token = tmp_path / "token"
    token.write_text(server.token)
    config = tmp_path / "move.toml"
    config.write_text(
        f'[mattermost]\nurl = "{server.url}"\nteam = "{team}"\ntoken_file = "token"\nset_server_config = true\n'
    )
    command = [sys.executable, "-m", "migrator", "migrate", str(export(tmp_path / "export")), "--to", "mattermost"]
    command += ["--config", str(config), "--run", str(run), "--yes", "--quiet"]

    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not PHASES[phase](run, server, team):
        assert first.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    if phase == "verify":  # link previews are off while posts are read
        assert server.get("/config")["ServiceSettings"]["EnableLinkPreviews"] is False

    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 mismatches" in again.stdout
    with Journal(run / "journal.sqlite") as journal:
        place = journal.remote(Kind.CONVERSATION, "C1")
    # the list is read from the database; a single channel may be what a cache held before the import
    counts = {c["id"]: c["total_msg_count"] for c in server.get("/channels", include_deleted="true", per_page=200)}
    assert counts[place] == COUNT
    assert server.get("/config")["ServiceSettings"]["EnableLinkPreviews"] is True
