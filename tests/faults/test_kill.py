"""kill -9 at any moment, and the same command again: nothing missing, nothing twice (the reference target on disk)."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.runner import SAMPLES

sys.path.insert(0, str(SAMPLES))
from generate import generate


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_and_run_again(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    generate(tmp_path / "export.zip", messages=250, people=12, conversations=4, seed=seed)
    store = tmp_path / "target.jsonl"
    config = tmp_path / "move.toml"
    config.write_text(f'[memory]\npath = "{store}"\npause = 0.02\n', encoding="utf-8")
    command = [sys.executable, "-m", "migrator", "migrate", tmp_path / "export.zip", "--to", "memory"]
    command += ["--config", config, "--run", tmp_path / "run", "-q"]
    kills = 0
    while kills < 60:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        before = store.stat().st_size if store.exists() else 0
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            if (store.stat().st_size if store.exists() else 0) > before:
                break  # it has begun to write
            time.sleep(0.005)
        time.sleep(dice.uniform(0.0, 0.25))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    out, err = process.communicate()
    assert process.returncode == 0, (out, err)
    assert "0 mismatches" in out
    assert kills >= 3
    written = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]
    keys = Counter(content[1]["key"] for what, content in written if what == "post")
    assert not [key for key, times in keys.items() if times > 1]
    assert len({key.split("/")[1] for key in keys}) <= 250 < len(keys) + 50
