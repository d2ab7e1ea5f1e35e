"""Every broken export leads to exactly the outcome that sample_exports/broken/outcomes.toml states."""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from migrator.cli import main

BROKEN = Path(__file__).parent.parent.parent / "sample_exports" / "broken"
sys.path.insert(0, str(BROKEN))
import hostile  # noqa: E402 - a script beside the samples, not a module of the program

OUTCOMES: dict[str, dict[str, Any]] = tomllib.loads((BROKEN / "outcomes.toml").read_text(encoding="utf-8"))
FOLDERS = {path.name for path in BROKEN.iterdir() if path.is_dir() and not path.name.startswith("__")}
USUAL = {"exit": 0, "messages": 2, "skipped": 0, "dropped": 0, "people": 2, "conversations": 1}
USUAL |= {"quarantined": [], "notes": [], "targets": ["matrix", "zulip", "mattermost", "memory"]}
ARRIVES = ("lossless", "approximated")


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """The program as a user calls it: exit code, output, errors."""
    monkeypatch.setattr(sys, "argv", ["slack-migrator", *argv])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    output, errors = capsys.readouterr()
    return int(ended.value.code or 0), output, errors


def test_there_are_sixty_cases_and_each_has_an_outcome() -> None:
    assert FOLDERS.isdisjoint(hostile.CASES)
    assert FOLDERS | hostile.CASES.keys() == OUTCOMES.keys()
    assert len(OUTCOMES) >= 60


@pytest.mark.parametrize("name", OUTCOMES)
def test_broken_exports(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = BROKEN / name if name in FOLDERS else hostile.make(name, tmp_path)
    stated = USUAL | OUTCOMES[name]
    code, output, errors = run(monkeypatch, capsys, "inspect", "--json", str(path))
    assert "Traceback" not in errors
    if stated["exit"]:
        told, hint = errors.strip().splitlines()
        assert code == stated["exit"]
        assert told.replace(str(path), "EXPORT") == f"Error: {stated['error']}"
        assert hint == f"Next: {stated['next']}"
        return
    census = json.loads(output)
    for target in stated["targets"]:
        options = ("--to", target, "--json", "-q", "--run", str(tmp_path / target))
        code, output, errors = run(monkeypatch, capsys, "plan", *options, str(path))
        assert (code, errors) == (0, "")
        plan = json.loads(output)
        settled: Counter[str] = Counter()
        for line in plan["ledger"]:
            settled[line["feature"]] += line["count"]
        assert settled == Counter(plan["found"])
    fates: Counter[str] = Counter()
    for line in plan["ledger"]:
        if line["feature"] == "messages":
            fates[line["fate"]] += line["count"]
    found = {
        "exit": code,
        "messages": fates.pop("lossless", 0) + fates.pop("approximated", 0),
        "skipped": fates.pop("skipped", 0),
        "dropped": fates.pop("dropped", 0),
        "people": census["people"],
        "conversations": census["conversations"],
        "quarantined": [f"{item['at']}: {item['reason']}" for item in census["quarantined_records"]],
        "notes": census["notes"],
    }
    assert found == {key: stated[key] for key in found}
    assert fates.keys() <= {"quarantined"}
    assert fates["quarantined"] <= len(stated["quarantined"])
