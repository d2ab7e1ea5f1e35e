"""A real Mattermost server on loopback, in a temporary folder, as it is published.

    with Server() as server:
        server.url, server.token     # of an admin

Settings go into its config.json, so that the API may change them: a setting given in the environment could not be.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from tests.e2e.mattermost.build import build
from tests.e2e.mattermost.postgres import Postgres

ADMIN, PASSWORD = "chief", "correct-horse-1"


class Server:
    """Starts with one admin and one team. `kill` and `start` again what a crash does."""

    def __init__(self, *, team: str = "moved", settings: dict[str, dict[str, Any]] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mattermost-test-"))
        self.folder.chmod(0o755)  # PostgreSQL may run as another user
        self.team = team
        self.postgres = Postgres(self.folder / "db")
        self.process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._settings = settings or {}

    def __enter__(self) -> Server:
        try:
            self.postgres.start()
            self._configure()
            self.start()
            self._first_admin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── the process ─────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Returns when it answers."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("MM_")}
        env["MM_CONFIG"] = str(self.folder / "config.json")
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([build()], cwd=self.folder, env=env, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/api/v4/system/ping", timeout=5).ok:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start:\n{self.log()[-4000:]}")

    def kill(self) -> None:
        """As a crash: no goodbye."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self.postgres.stop()
        if os.environ.get("KEEP_MATTERMOST_LOGS"):
            print(f"logs kept in {self.folder}")
            return
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    # ── the API, for arranging and looking ──────────────────────────────────────────────────────────────────────────

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """A call as the admin; raises for anything but success."""
        headers = {"Authorization": f"Bearer {more.pop('token', self.token)}"}
        answer = requests.request(method, f"{self.url}/api/v4{path}", headers=headers, timeout=60, **more)
        if not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, params=params).json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, json=body).json()

    def new_user(self, username: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """An account made by the API, as people do."""
        asked = {"username": username, "password": password, "email": f"{username}@example.invalid", **more}
        made: dict[str, Any] = self.post("/users", asked)
        return made

    def login(self, username: str, password: str = PASSWORD) -> str:
        """A session token; AssertionError where the password is not this one."""
        answer = requests.post(
            f"{self.url}/api/v4/users/login", json={"login_id": username, "password": password}, timeout=60
        )
        assert answer.ok, f"login as {username}: {answer.status_code} {answer.text[:300]}"
        return str(answer.headers["Token"])

    def new_team(self, name: str) -> str:
        made = self.post("/teams", {"name": name, "display_name": name.title(), "type": "O"})
        return str(made["id"])

    # ── made ready ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _configure(self) -> None:
        config: dict[str, dict[str, Any]] = {
            "SqlSettings": {"DriverName": "postgres", "DataSource": self.postgres.dsn},
            "ServiceSettings": {"ListenAddress": f"127.0.0.1:{self.port}", "SiteURL": self.url},
            "FileSettings": {"Directory": str(self.folder / "data") + "/"},
            "ImportSettings": {"Directory": str(self.folder / "import")},
            "PluginSettings": {"Enable": False, "EnableUploads": False},
            "LogSettings": {"EnableFile": False, "ConsoleLevel": "INFO", "EnableDiagnostics": False},
            "AnnouncementSettings": {"AdminNoticesEnabled": False, "UserNoticesEnabled": False},
            "EmailSettings": {"SendEmailNotifications": False, "EnableSignUpWithEmail": True},
        }
        for section, values in self._settings.items():
            config.setdefault(section, {}).update(values)
        (self.folder / "config.json").write_text(json.dumps(config))

    def _first_admin(self) -> None:
        """The first account of a server is its admin."""
        body = {"username": ADMIN, "password": PASSWORD, "email": f"{ADMIN}@example.invalid"}
        answer = requests.post(f"{self.url}/api/v4/users", json=body, timeout=60)
        assert answer.status_code == 201, answer.text
        self.token = self.login(ADMIN)
        self.new_team(self.team)


def _free_port() -> int:
    """None that the system would give to an outgoing connection, which could have it before the server listens."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])
