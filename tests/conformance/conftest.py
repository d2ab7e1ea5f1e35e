"""How each adapter of the live route is made for the conformance suite: one entry each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.adapters.base import Live
from migrator.adapters.matrix.adapter import Matrix
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.adapters.memory.adapter import Memory
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


@pytest.fixture(params=["memory", pytest.param("matrix", marks=pytest.mark.synapse)])
def maker(request: pytest.FixtureRequest) -> Maker:
    made: Maker = request.getfixturevalue(request.param)
    return made
