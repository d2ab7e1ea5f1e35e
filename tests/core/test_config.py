"""What is said of a configuration before anything is sent."""

from __future__ import annotations

import pytest

from migrator.config import in_the_clear


@pytest.mark.parametrize("address", ["https://chat.example.org", "http://localhost:8065", "http://127.0.0.1:9991/x"])
def test_nobody_reads_along(address: str) -> None:
    assert in_the_clear(address) == ""


@pytest.mark.parametrize("address", ["http://chat.example.org", "http://10.0.0.7:8065", "http://localhost.example.org"])
def test_somebody_may_read_along(address: str) -> None:
    assert "https://" in in_the_clear(address)
