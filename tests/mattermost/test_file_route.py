"""`migrate --route file`: conversion and plan in one pass over the export, and the same plan as in two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.adapters.mattermost.validate import check
from migrator.cli import cli

ROOT = Path(__file__).parent.parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"
SAMPLES = ROOT / "sample_exports"


def migrate(export: Path, folder: Path, *more: str) -> dict[str, Any]:
    """Runs the command; returns the plan it saved."""
    target = ["--to", "mattermost", "--route", "file", "-o", str(folder / "out"), "--run", str(folder / "run"), "-q"]
    done = CliRunner().invoke(cli, ["migrate", str(export), *target, *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    plan: dict[str, Any] = json.loads((folder / "run" / "plan.json").read_bytes())
    return plan


@pytest.mark.parametrize("export", [SAMPLES / "kitchen_sink", CORPORA / "yours-2016-01-27.zip"], ids=lambda p: p.stem)
def test_one_pass_plans_what_two_passes_plan(tmp_path: Path, export: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    once = migrate(export, tmp_path / "one")
    # --fail-on must know before anything is written, so it reads twice; nothing here is dropped by it
    twice = CliRunner().invoke(
        cli, ["plan", str(export), "--to", "mattermost", "--route", "file", "--run", str(tmp_path / "two"), "-q"]
    )
    assert twice.exit_code == 0, twice.output
    plan = json.loads((tmp_path / "two" / "plan.json").read_bytes())
    for field in ("ledger", "found", "create", "conversations"):
        assert once[field] == plan[field]


@pytest.mark.parametrize(
    "export",
    [SAMPLES / "tiny", SAMPLES / "kitchen_sink", *sorted(CORPORA.glob("yours-*.zip")), CORPORA / "houstondatavis.zip"],
    ids=lambda p: p.stem,
)
def test_real_exports_become_packages_that_a_server_takes(tmp_path: Path, export: Path) -> None:
    migrate(export, tmp_path)
    parts = sorted((tmp_path / "out").glob("import-*.zip"))
    assert parts
    for part in parts:
        assert check(part) == []
