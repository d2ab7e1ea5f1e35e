"""A short, bounded run of every fuzz target, from seeds; a longer one is `python -m tests.fuzz.targets TARGET`."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.slack.variants import MESSAGES, dump, pack, standard

ROOT = Path(__file__).parent.parent.parent
RUNS = {"archive": 4_000, "wire": 20_000, "mrkdwn": 20_000, "richtext": 8_000}


def seeds(target: str, folder: Path) -> Path:
    folder.mkdir()
    samples = {
        "archive": [
            pack(folder / "zip", standard()).read_bytes(),
            pack(folder / "zip", {"users.json": b"[]"}).read_bytes(),
        ],
        "wire": [dump(rows) for rows in MESSAGES.values()],
        "mrkdwn": [b"*a* _b_ ~c~ `d` ```e``` <@U1|f> <http://g|h> :+1: &gt; i &amp;", "1. あ\n• b\n>>> c".encode()],
        "richtext": [json.dumps(MESSAGES).encode()],
    }
    for number, sample in enumerate(samples[target]):
        (folder / f"seed{number}").write_bytes(sample)
    return folder


@pytest.fixture(scope="module", autouse=True)
def fuzzer() -> None:
    """Where pyproject asks for it a missing fuzzer is a failure, elsewhere it is a skip that says so."""
    if find_spec("atheris") is None:
        (wanted,) = [r for r in map(Requirement, requires("slack-migrator") or ()) if r.name == "atheris"]
        here = wanted.marker is None or wanted.marker.evaluate({"extra": "dev"})
        assert not here, "atheris is not installed: pip install --editable '.[try,dev]'"
        pytest.skip(f"atheris has no wheel for this machine or Python ({wanted.marker}); build it to run these")


@pytest.mark.parametrize("target", sorted(RUNS))
def test_fuzz(target: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.targets",
        target,
        f"-runs={RUNS[target]}",
        "-seed=1",
        "-max_len=8000",
        "-len_control=0",
    ]
    command += [f"-artifact_prefix={tmp_path}/", "-rss_limit_mb=1024", str(seeds(target, tmp_path / "seeds"))]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"Done {RUNS[target]} runs" in done.stderr
