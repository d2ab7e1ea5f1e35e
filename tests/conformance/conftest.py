"""How each adapter of the live route is made for the conformance suite: one entry each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from migrator.adapters.base import Live
from migrator.adapters.matrix.adapter import Matrix
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.adapters.memory.adapter import Memory
from migrator.adapters.zulip.adapter import Zulip
from tests.fakes.zulip import serving, settings_for
from tests.fakes.zulip_realm import Realm
from tests.oracles.zulip.test_dialect import server_emoji
from tests.synapse import corner

Maker = Callable[[], Live]


@pytest.fixture
def memory() -> Maker:
    target = Memory()
    return lambda: target


@pytest.fixture
def matrix(synapse: Homeserver) -> Maker:
    settings = corner(synapse)
    return lambda: Matrix(settings)


@pytest.fixture
def zulip() -> Iterator[Maker]:
    with serving(Realm(server_emoji())) as fake:
        yield lambda: Zulip(settings_for(fake))
        assert fake.violations == []


@pytest.fixture(params=["memory", "zulip", pytest.param("matrix", marks=pytest.mark.synapse)])
def maker(request: pytest.FixtureRequest) -> Maker:
    made: Maker = request.getfixturevalue(request.param)
    return made
