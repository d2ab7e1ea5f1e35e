"""How each adapter of the live route is made for the conformance suite: one entry each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.adapters.base import Live
from migrator.adapters.memory.adapter import Memory

Maker = Callable[[], Live]


@pytest.fixture
def memory() -> Maker:
    target = Memory()
    return lambda: target


@pytest.fixture(params=["memory"])
def maker(request: pytest.FixtureRequest) -> Maker:
    made: Maker = request.getfixturevalue(request.param)
    return made
