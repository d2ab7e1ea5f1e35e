"""What is said of a configuration before anything is sent."""

from __future__ import annotations

import pytest

from migrator.config import flag, in_the_clear, says
from migrator.errors import UsageError


@pytest.mark.parametrize("address", ["https://chat.example.org", "http://localhost:8065", "http://127.0.0.1:9991/x"])
def test_nobody_reads_along(address: str) -> None:
    assert in_the_clear(address) == ""


@pytest.mark.parametrize("address", ["http://chat.example.org", "http://10.0.0.7:8065", "http://localhost.example.org"])
def test_somebody_may_read_along(address: str) -> None:
    assert "https://" in in_the_clear(address)


@pytest.mark.parametrize("given", [True, "true", "Yes", "1"])
def test_what_is_on(given: object) -> None:
    assert flag({"quiet": given}, "quiet")


@pytest.mark.parametrize("settings", [{}, {"quiet": False}, {"quiet": "no"}, {"quiet": "0"}, {"quiet": ""}])
def test_what_is_off(settings: dict[str, object]) -> None:
    """ "no" is what people type; as a text it would count as true."""
    assert not flag(settings, "quiet")


def test_a_word_that_nobody_knows_is_no_wish_unheard() -> None:
    assert says({"channels": "merge"}, "channels", "merge")
    assert not says({}, "channels", "merge")
    with pytest.raises(UsageError, match="'merged' is not known"):
        says({"channels": "merged"}, "channels", "merge")
    with pytest.raises(UsageError, match="neither yes nor no"):
        flag({"quiet": 2}, "quiet")
