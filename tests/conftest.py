"""What tests of several folders share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from migrator.adapters.matrix.homeserver import Homeserver, start

# The same examples in every run: a check that fails now and then tells nothing. HYPOTHESIS_PROFILE=search goes on.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Started in a shell's background, all of us would ignore Ctrl-C, and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """A real Synapse, once per test process: coming up takes it longer than most tests."""
    with start(tmp_path_factory.mktemp("synapse")) as server:
        yield server
