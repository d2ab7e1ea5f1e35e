"""One process or several: the same plan and the same package, byte for byte."""

from __future__ import annotations

import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from migrator.adapters.mattermost.bales import joined
from migrator.adapters.mattermost.validate import check
from migrator.cli import cli

ROOT = Path(__file__).parent.parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"
SAMPLES = ROOT / "sample_exports"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "generated.zip"
    command = [sys.executable, str(SAMPLES / "generate.py"), str(out), "--messages", "3000", "--conversations", "12"]
    subprocess.run(command, check=True)
    return out


def run(command: str, exports: list[Path], target: str, folder: Path, *more: str) -> None:
    folder.mkdir(exist_ok=True)
    arguments = [command, *map(str, exports), "--to", target, "--run", str(folder / "run"), "-q", *more]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.move.WORTH_SHARING", 0)


@pytest.mark.parametrize("what", ["generated", "kitchen_sink", "yours"])
def test_packages_and_plans_are_the_same(
    tmp_path: Path, generated: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = {
        "generated": [generated],
        "kitchen_sink": [SAMPLES / "kitchen_sink"],
        "yours": sorted(CORPORA.glob("yours-*.zip")),
    }[what]
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"  # the same for all: plans name it
    packages, plans = [], []
    for jobs in ("1", "2", "3"):
        run("migrate", exports, "mattermost", tmp_path / jobs, "--route", "file", "-o", str(out), "--jobs", jobs)
        parts = sorted(out.glob("import-*.zip"))
        assert [check(part) for part in parts] == [[]] * len(parts)
        packages.append([part.read_bytes() for part in parts])
        plans.append((tmp_path / jobs / "run" / "plan.json").read_bytes())
    assert packages[0]
    assert packages[1:] == packages[:1] * 2
    assert plans[1:] == plans[:1] * 2


def test_threads_that_went_to_the_disk_come_back_the_same(
    tmp_path: Path, generated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = []
    for most in (8 << 20, 5_000):
        monkeypatch.setattr("migrator.adapters.mattermost.posts.AT_HAND", most)
        out = tmp_path / str(most)
        run("migrate", [generated], "mattermost", out, "--route", "file", "-o", str(out), "--jobs", "1")
        packages.append((out / "import-001.zip").read_bytes())
    assert packages[0] == packages[1]


@pytest.mark.parametrize("target", ["matrix", "zulip", "mattermost"])
def test_plans_are_the_same_for_every_target(tmp_path: Path, generated: Path, target: str) -> None:
    plans = []
    for jobs in ("1", "2"):
        run("plan", [generated], target, tmp_path / jobs, "--jobs", jobs)
        plans.append((tmp_path / jobs / "run" / "plan.json").read_bytes())
    assert plans[0] == plans[1]


def test_every_program_can_read_what_was_joined(tmp_path: Path, generated: Path) -> None:
    run("migrate", [generated], "mattermost", tmp_path / "run", "--route", "file", "-o", str(tmp_path / "out"))
    with zipfile.ZipFile(tmp_path / "out" / "import-001.zip") as archive:
        assert archive.testzip() is None
        assert archive.getinfo("import.jsonl").compress_type == zipfile.ZIP_DEFLATED


@given(st.binary(max_size=300), st.binary(max_size=5000))
def test_checksums_are_joined(first: bytes, second: bytes) -> None:
    assert joined(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)
