"""The journal: what it remembers, what it doubts, and who may hold it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migrator.adapters.base import Kind
from migrator.errors import RunLocked
from migrator.journal import Journal


def test_an_intent_without_receipt_is_a_doubt(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.intend([(Kind.POST, "C/1", "d1"), (Kind.POST, "C/2", "d2")], within="!room")
        journal.done(Kind.POST, "C/1", "$1")
        assert journal.doubts() == [(Kind.POST, "C/2", "!room")]
        assert journal.digest(Kind.POST, "C/1") == "d1"
        assert journal.digest(Kind.POST, "C/2") is None
    with Journal(tmp_path / "j.sqlite") as again:
        assert again.doubts() == [(Kind.POST, "C/2", "!room")]
        again.forget(Kind.POST, "C/2")
        assert again.doubts() == []


def test_a_receipt_is_found_at_once_and_by_the_next_run(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.remote(Kind.POST, "C/1") is None
        journal.done(Kind.POST, "C/1", "$1")
        assert journal.remote(Kind.POST, "C/1") == "$1"
    with Journal(tmp_path / "j.sqlite") as again:
        assert again.remote(Kind.POST, "C/1") == "$1"


def test_a_conversation_is_not_mixed_up_with_one_whose_id_begins_alike(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        for key in ("C1/1.0", "C1/2.0/broadcast", "C10/1.0", "C1"):
            journal.done(Kind.POST, key, f"${key}")
        assert set(journal.of_conversation(Kind.POST, "C1")) == {"C1/1.0", "C1/2.0/broadcast"}


def test_a_failure_is_reported_and_forgotten_at_the_next_try(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.intend([(Kind.POST, "C/1", "")])
        journal.fail(Kind.POST, "C/1", "too long")
        assert journal.failures() == [(Kind.POST, "C/1", "too long")]
        assert journal.doubts() == []
        journal.forget_failures()
        assert journal.failures() == []


def test_the_serial_changes_with_every_act(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        seen = [journal.serial]
        journal.intend([(Kind.POST, "C/1", "")])
        seen.append(journal.serial)
        journal.done(Kind.POST, "C/1", "$1")
        seen.append(journal.serial)
        assert len(set(seen)) == 3


def test_a_second_process_is_told_who_is_working(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite"):
        opening = f"Journal(Path({str(tmp_path)!r}) / 'j.sqlite')"
        script = f"from pathlib import Path; from migrator.journal import Journal; {opening}"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "RunLocked" in done.stderr
        with pytest.raises(RunLocked, match="process"):
            Journal(tmp_path / "j.sqlite")
    Journal(tmp_path / "j.sqlite").close()


def test_it_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite"):
        assert (tmp_path / "j.sqlite").stat().st_mode & 0o077 == 0
