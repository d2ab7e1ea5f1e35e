"""The command, and a memory target that survives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import Command


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys, monkeypatch)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose target is a file of JSON lines."""
    path = tmp_path / "move.toml"
    path.write_text(f'[memory]\npath = "{tmp_path / "target.jsonl"}"\n', encoding="utf-8")
    return path
