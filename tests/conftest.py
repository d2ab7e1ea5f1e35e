"""What tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from migrator.adapters.matrix.homeserver import Homeserver, start

# The same examples in every run: a check that fails now and then tells nothing. HYPOTHESIS_PROFILE=search goes on.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """A real Synapse, once per test process: coming up takes it longer than most tests."""
    with start(tmp_path_factory.mktemp("synapse")) as server:
        yield server
