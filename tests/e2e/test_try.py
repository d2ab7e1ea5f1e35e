"""`slack-migrator try`: a private server comes, shows the move, and goes; or stays to be looked at."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.synapse

EXPORT = Path(__file__).parent.parent.parent / "sample_exports" / "tiny"


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def gone(url: str, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not answers(url):
            return True
        time.sleep(0.1)
    return False


def test_try_shows_the_verdict_and_keeps_the_server_if_asked(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "migrator",
        "try",
        str(EXPORT),
        "--keep",
        "--folder",
        str(tmp_path / "there"),
        "-q",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert "0 mismatches" in done.stdout
    assert "lossless" in done.stdout
    url = re.search(r"homeserver (http://127\.0\.0\.1:\d+)", done.stdout)
    who = re.search(r"user\s+(@\S+)\s+password\s+(\S+)\s", done.stdout)
    stop = re.search(r"Compare again: slack-migrator (verify \S+)\s+Stop it with: kill (\d+)", done.stdout)
    assert url
    assert who
    assert stop
    user, password = who.groups()
    verify, pid = stop.groups()
    try:
        form = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
        }
        request = Request(f"{url[1]}/_matrix/client/v3/login", json.dumps(form).encode(), method="POST")
        with urlopen(request, timeout=30) as answer:
            assert json.loads(answer.read())["user_id"] == user
        again = [sys.executable, "-m", "migrator", *verify.split(), "-q"]
        compared = subprocess.run(again, capture_output=True, text=True, timeout=180, check=False)
        assert compared.returncode == 0, compared.stderr
        assert "0 mismatches" in compared.stdout
    finally:
        os.kill(int(pid), signal.SIGTERM)
    assert gone(url[1])


def test_try_leaves_the_report_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "migrator", "try", str(EXPORT), "-q"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    report = re.search(r"Report: (\S+)", done.stdout)
    assert report
    assert "0 mismatches" in Path(report[1]).read_text(encoding="utf-8")
    (place,) = tmp_path.iterdir()
    assert [path.name for path in place.iterdir()] == ["run"]


def test_an_export_that_cannot_be_read_leaves_no_server(tmp_path: Path) -> None:
    export = tmp_path / "broken.zip"
    export.write_bytes(b"not a zip at all")
    command = [
        sys.executable,
        "-m",
        "migrator",
        "try",
        str(export),
        "--keep",
        "--folder",
        str(tmp_path / "there"),
        "-q",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_no_server_and_no_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "migrator", "try", str(EXPORT), "-q"]
    trying = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    while not (configs := list(tmp_path.glob("*/server/homeserver.yaml"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    port = json.loads(configs[0].read_text(encoding="utf-8"))["listeners"][0]["port"]
    trying.send_signal(signal.SIGINT)
    _, err = trying.communicate(timeout=60)
    assert trying.returncode == 130, (trying.returncode, err)
    assert "Traceback" not in err
    assert "Next:" in err
    assert not list(tmp_path.iterdir())
    assert not answers(f"http://127.0.0.1:{port}")


def test_the_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from migrator.adapters.matrix.homeserver import start; "
        "print(start(Path(sys.argv[1])).base_url, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "server")], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    url = starter.stdout.readline().strip()
    assert answers(url)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    assert gone(url)
