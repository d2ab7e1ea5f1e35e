"""Real servers for the tests below; every test in this folder bears the marker `mattermost`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.adapters.mattermost.rest import Rest
from migrator.secret import Secret
from tests.e2e.mattermost.server import Server

HERE = Path(__file__).parent


# An import waits up to 15 s for the server's poller: files run side by side, the longest first.
LONGEST = ("test_traps", "test_series", "test_crashes", "test_rows", "test_delivery", "test_guard", "test_kill")


@pytest.hookimpl(tryfirst=True)  # before `-m` is looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if HERE in item.path.parents]
    for item in mine:
        item.add_marker(pytest.mark.mattermost)
    if len(mine) == len(items):
        items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One for all tests that leave it usable: each works in a team of its own, with few people, for beyond 250 active
    ones a server without a licence makes no account when asked to."""
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def lone_server() -> Iterator[Server]:
    """One for a module whose tests kill it, change its settings, or bring hundreds of people."""
    with Server() as running:
        yield running


@pytest.fixture
def rest(server: Server) -> Iterator[Rest]:
    client = Rest(server.url, Secret(server.token))
    yield client
    client.close()
