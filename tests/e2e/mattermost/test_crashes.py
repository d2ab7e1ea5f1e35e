"""Three files that kill or block a server (facts 10.1): seen on one of its own, and refused by our check."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.mattermost import delivery
from migrator.adapters.mattermost.delivery import Deliveries
from migrator.adapters.mattermost.present import Account, Present
from migrator.adapters.mattermost.rest import Rest
from migrator.adapters.mattermost.validate import check
from migrator.secret import Secret
from tests.e2e.mattermost import zips
from tests.e2e.mattermost.server import Server


def ask(server: Server, file: Path) -> str:
    """Have a file imported; returns the job's id."""
    rest = Rest(server.url, Secret(server.token))
    known = Deliveries(file.with_suffix(".json"))
    mine = known.of(file)
    delivery.send(rest, file, mine, save=known.save)
    job = delivery._start(rest, mine, 0)
    rest.close()
    return job


def wait_for(what: Any, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


KILLERS = {
    "a bot named like a person": [{"type": "bot", "bot": {"username": "pia", "owner": "nobody"}}],
    "a line without its object": [{"type": "post"}],
}


@pytest.mark.parametrize("name", KILLERS)
def test_a_line_that_kills_the_server(lone_server: Server, tmp_path: Path, name: str) -> None:
    if "person" in name:
        lone_server.new_user("pia")
    file = zips.pack(tmp_path / "killer.zip", KILLERS[name])
    assert any("process would die" in problem for problem in check(file, Present({"pia": Account("1", "pia")})))
    ask(lone_server, file)
    wait_for(lambda: not lone_server.alive)
    lone_server.start()


def test_a_second_version_line_blocks_every_later_import(lone_server: Server, tmp_path: Path) -> None:
    blocking = zips.pack(tmp_path / "blocking.zip", [zips.VERSION, zips.channel("late")])
    assert any("would hang for ever" in problem for problem in check(blocking))
    first = ask(lone_server, blocking)
    wait_for(lambda: lone_server.get(f"/jobs/{first}")["status"] == "in_progress")
    good = zips.pack(tmp_path / "good.zip", [zips.channel("late")])
    assert check(good) == []
    second = ask(lone_server, good)
    time.sleep(18)  # longer than the poller's 15 s: it would have begun
    assert lone_server.get(f"/jobs/{second}")["status"] == "pending"
    lone_server.kill()
    lone_server.start()
    wait_for(lambda: lone_server.get(f"/jobs/{second}")["status"] == "success")
