"""What goes wrong on the mover's own machine: Ctrl-C at any moment, a full disk, a folder that is none.

Each costs a sentence, a next step and an exit code, never a traceback; the same command then comes to its end.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.runner import KITCHEN_SINK, Command

STOPS = [0, 1, 40, 75, 110, 160, 220]  # lines that the target's file holds when Ctrl-C comes: people, rooms, posts …


def migrating(folder: Path, *, limit: int | None = None, pause: float = 0.0) -> subprocess.Popen[str]:
    """A whole move as a process. `limit`: bytes that any file may grow to, as on a full disk."""
    config = folder / "move.toml"
    config.write_text(f'[memory]\npath = "{folder / "target.jsonl"}"\npause = {pause}\n', encoding="utf-8")
    command = [sys.executable, "-m", "migrator", "migrate", str(KITCHEN_SINK), "--to", "memory"]

    def narrow() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [*command, "--config", str(config), "--run", str(folder / "run"), "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=narrow,  # noqa: PLW1509 - this process has no threads
    )


def held(folder: Path) -> int:
    target = folder / "target.jsonl"
    return target.read_bytes().count(b"\n") if target.exists() else 0


def comes_to_its_end(folder: Path) -> None:
    """The same command once more; everything is there, and nothing twice."""
    again = migrating(folder)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "0 mismatches" in out
    lines = [json.loads(line) for line in (folder / "target.jsonl").open("rb")]
    keys = Counter(content[1]["key"] for what, content in lines if what == "post")
    assert set(keys.values()) == {1}


@pytest.mark.parametrize("stop", STOPS)
def test_ctrl_c_at_any_moment(tmp_path: Path, stop: int) -> None:
    process = migrating(tmp_path, pause=0.01)
    while held(tmp_path) < stop and process.poll() is None:
        time.sleep(0.005)
    if stop == 0:
        while not (tmp_path / "run" / "journal.sqlite").exists() and process.poll() is None:
            time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err
    assert process.returncode == 130, (process.returncode, err)
    assert "Next: run the same command again" in err
    comes_to_its_end(tmp_path)


def test_ctrl_c_while_it_is_being_loaded() -> None:
    script = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from migrator.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "Error: stopped\nNext: run the same command again\n"


@pytest.mark.parametrize("limit", [0, 3_000, 12_000, 40_000])
def test_a_disk_that_is_full(tmp_path: Path, limit: int) -> None:
    process = migrating(tmp_path, limit=limit)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    assert process.returncode == 13, (process.returncode, err)
    assert "make room" in err
    torn = (tmp_path / "target.jsonl").read_bytes() if (tmp_path / "target.jsonl").exists() else b""
    (tmp_path / "target.jsonl").write_bytes(torn[: torn.rfind(b"\n") + 1])  # the target's own line, not ours
    comes_to_its_end(tmp_path)


def test_a_run_folder_that_is_a_file(command: Command, config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for folder in ("file", "file/below"):
        ended = command("migrate", KITCHEN_SINK, "--to", "memory", "--config", config, "--run", folder, "-q")
        assert ended.code == 13, ended.err
        assert folder in ended.err


def test_a_journal_that_is_damaged(command: Command, config: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "journal.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    ended = command("migrate", KITCHEN_SINK, "--to", "memory", "--config", config, "--run", "run", "-q")
    assert ended.code == 13, ended.err
    assert "move the run folder away" in ended.err
