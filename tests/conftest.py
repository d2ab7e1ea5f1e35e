"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migrator.adapters.matrix.homeserver import Homeserver, start


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """A real Synapse, once per test process: coming up takes it longer than most tests."""
    with start(tmp_path_factory.mktemp("synapse")) as server:
        yield server
