"""What users install: a wheel with one import name, a command that starts fast, and no missing dependency."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        names = set(archive.namelist())
    assert {top for top in tops if not top.endswith(".dist-info")} == {"migrator"}
    for path in [*(ROOT / "migrator").rglob("*.py"), *(ROOT / "migrator").rglob("*.json")]:
        assert str(path.relative_to(ROOT)) in names
    for path in [*(ROOT / "adapters").rglob("*.py"), *(ROOT / "adapters").rglob("*.json")]:
        assert f"migrator/{path.relative_to(ROOT)}" in names


def test_the_installed_command_runs(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, with this one's third-party packages but not with this checkout."""
    venv.create(tmp_path / "env", with_pip=True, system_site_packages=False)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True, capture_output=True)
    run = subprocess.run(
        [tmp_path / "env" / "bin" / "slack-migrator", "inspect", ROOT / "sample_exports" / "tiny"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "messages" in run.stdout


def test_help_imports_no_sdk() -> None:
    """`--help` must not wait for matrix-nio, zulip, mattermostdriver, slack-sdk or tqdm (0.77 s together)."""
    script = (
        "import sys\nfrom migrator.cli import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "slow = {'nio', 'zulip', 'mattermostdriver', 'slack_sdk', 'tqdm', 'requests', 'aiohttp'}\n"
        "print(sorted(set(sys.modules) & slow))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
