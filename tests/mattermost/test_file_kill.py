"""A conversion by several processes, stopped in the middle: nothing half is left, nobody works on, and it can be run
again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migrator.adapters.mattermost.validate import check

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough for several processes to be worth it."""
    out = tmp_path_factory.mktemp("export") / "large.zip"
    subprocess.run([sys.executable, str(SAMPLES / "generate.py"), str(out), "--messages", "12000"], check=True)
    return out


def start(export: Path, folder: Path) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("slack-migrator")), "migrate", str(export), "--to", "mattermost"]
    more = ["-q", "--route", "file", "-o", str(folder / "out"), "--run", str(folder / "run"), "--jobs", "2"]
    return subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def working(folder: Path, process: subprocess.Popen[str]) -> list[int]:
    """Waits until both workers have begun to write; their process ids, which name their files."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        files = list((folder / "out").glob(".work-*/bales.*"))
        if len(files) == 2:
            return [int(file.suffix[1:]) for file in files]
        time.sleep(0.005)
    raise AssertionError("the conversion ended, or never began")


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("whom", "blow", "code"),
    [("us", signal.SIGKILL, -9), ("us", signal.SIGINT, 130), ("a worker", signal.SIGKILL, 130)],
    ids=["killed", "interrupted", "worker killed"],
)
def test_stopped_in_the_middle(tmp_path: Path, large: Path, whom: str, blow: signal.Signals, code: int) -> None:
    process = start(large, tmp_path)
    workers = working(tmp_path, process)
    os.kill(process.pid if whom == "us" else workers[0], blow)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    if whom == "a worker":
        assert "signal 9" in said
        assert "--jobs 1" in said
    deadline = time.monotonic() + 30
    while not all(map(gone, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert all(map(gone, workers))
    assert list((tmp_path / "out").glob("import-*")) == []
    again = start(large, tmp_path)
    _, said = again.communicate(timeout=120)
    assert (again.returncode, said) == (0, "")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["import-001.zip"]
    assert check(tmp_path / "out" / "import-001.zip") == []
