"""A private, real Synapse on this machine: nobody reaches it from outside, and it reaches nobody.

Loopback only, a random free port, SQLite, keys of its own, no registration, no federation, no notifications; with our
registration installed. It needs the extra `slack-migrator[try]`, and runs as a process of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from migrator.adapters.matrix.registration import Registration, write_secret
from migrator.errors import TargetUnavailable, UsageError

__all__ = ["Homeserver", "start"]

SERVER_NAME = "slack.localhost"
START_SECONDS = 90
STOP_SECONDS = 15


class Homeserver:
    """A running server. Stop it, or use it as a context manager."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], port: int) -> None:
        self.folder, self.server_name = folder, SERVER_NAME
        self.base_url = f"http://127.0.0.1:{port}"
        self.as_token_file = folder / "as_token"
        self._process = process

    @property
    def settings(self) -> dict[str, Any]:
        """For the adapter, as a configuration file would give them."""
        return {
            "homeserver": self.base_url,
            "server_name": self.server_name,
            "as_token_file": str(self.as_token_file),
            "quiet_names": True,
        }

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> Homeserver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end, and see that it does. May be called twice."""
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def give_login(self, user: str) -> str:
        """A new password for an account that is there; returns it. Asks as an administrator made for the purpose."""
        token, password = self._administrator(), secrets.token_urlsafe(12)
        self._ask("PUT", f"/_synapse/admin/v2/users/{quote(user)}", {"password": password}, token)
        return password

    def _administrator(self) -> str:
        """Synapse's shared-secret registration: the only way in where registration is closed."""
        nonce = self._ask("GET", "/_synapse/admin/v1/register")["nonce"]
        name, password = f"admin-{secrets.token_hex(4)}", secrets.token_urlsafe(18)
        shared = (self.folder / "registration_shared_secret").read_bytes()
        proof = hmac.new(shared, "\0".join([nonce, name, password, "admin"]).encode(), hashlib.sha1).hexdigest()
        form = {"nonce": nonce, "username": name, "password": password, "admin": True, "mac": proof}
        return str(self._ask("POST", "/_synapse/admin/v1/register", form)["access_token"])

    def _ask(self, method: str, path: str, body: object = None, token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = json.dumps(body).encode() if body is not None else None
        request = Request(self.base_url + path, data, headers, method=method)  # noqa: S310 - our own loopback server
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                content: dict[str, Any] = json.loads(answer.read())
                return content
        except (HTTPError, URLError) as error:
            raise TargetUnavailable(f"the private homeserver refused {method} {path}: {error}") from None


def start(folder: Path, *, keep: bool = False) -> Homeserver:
    """Set a server up in `folder` (new or left by an earlier start) and wait until it answers.

    `keep`: it goes on when this process ends; else it ends with it, however that ends. UsageError where Synapse is not
    installed, TargetUnavailable where it does not come up.
    """
    if importlib.util.find_spec("synapse") is None:
        raise UsageError(
            "the private homeserver needs Synapse, which is not installed",
            hint="pip install matrix-synapse",
        )
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(3):
        port = _free_port()
        process = _launch(folder, port, keep)
        server = Homeserver(folder, process, port)
        try:
            if _answers(server):
                return server
        except BaseException:  # Ctrl-C while it comes up
            server.stop()
            raise
        server.stop()
    raise TargetUnavailable(
        f"the private homeserver does not come up: {_last_words(folder)}", hint=f"see {folder / 'homeserver.log'}"
    )


def _launch(folder: Path, port: int, keep: bool) -> subprocess.Popen[bytes]:
    _configure(folder, port)
    command = [sys.executable, "-m", "migrator.adapters.matrix.launcher", "-c", str(folder / "homeserver.yaml")]
    with (folder / "homeserver.log").open("ab") as log:
        return subprocess.Popen(
            command if keep else [*command, "--leash"],
            cwd=folder,
            env={**os.environ, "SYNAPSE_CACHE_FACTOR": "2", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(server: Homeserver) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.alive:
        try:
            with urlopen(f"{server.base_url}/health", timeout=5) as answer:  # noqa: S310 - our own loopback server
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.05)
    return False


def _last_words(folder: Path) -> str:
    lines = (folder / "homeserver.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _configure(folder: Path, port: int) -> None:
    """Keys and tokens once, the configuration anew (another port each time)."""
    token_file, registration_file = folder / "as_token", folder / "registration.yaml"
    if not token_file.exists():
        registration = Registration.make(SERVER_NAME)
        registration_file.unlink(missing_ok=True)
        write_secret(registration_file, registration.yaml())
        write_secret(token_file, registration.as_token + "\n")
    for name in ("registration_shared_secret", "macaroon_secret_key", "form_secret"):
        if not (folder / name).exists():
            write_secret(folder / name, secrets.token_urlsafe(32))
    nobody = "nobody"  # a worker that does not run: what is given to it is not done
    config = {
        "server_name": SERVER_NAME,
        "listeners": [
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "resources": [{"names": ["client", "media"]}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": (folder / "registration_shared_secret").read_text(encoding="utf-8"),
        "macaroon_secret_key": (folder / "macaroon_secret_key").read_text(encoding="utf-8"),
        "form_secret": (folder / "form_secret").read_text(encoding="utf-8"),
        "app_service_config_files": [str(registration_file)],
        "log_config": str(folder / "log.yaml"),
        "report_stats": False,
        "enable_registration": False,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "presence": {"enabled": False},
        "stats": {"enabled": False},
        "push": {"enabled": False},
        "url_preview_enabled": False,
        "enable_search": True,
        "thumbnail_sizes": [],
        "dynamic_thumbnails": True,
        "max_upload_size": "1G",
        "experimental_features": {"msc4069_profile_inhibit_propagation": True},
        "notify_appservices_from_worker": nobody,
        "federation_sender_instances": [nobody],
        "rc_login": {kind: {"per_second": 1000, "burst_count": 1000} for kind in ("address", "account")},
    }
    (folder / "log.yaml").write_text(json.dumps(_LOG), encoding="utf-8")
    path = folder / "homeserver.yaml"
    path.unlink(missing_ok=True)
    write_secret(path, json.dumps(config, indent=1))
    if not (folder / "signing.key").exists():
        write_secret(folder / "signing.key", f"ed25519 a_1 {_seed()}\n")


def _seed() -> str:
    """A signing key as Synapse stores it: 32 random bytes, base64 without padding."""
    from base64 import b64encode

    return b64encode(secrets.token_bytes(32)).decode().rstrip("=")


_LOG = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "ERROR", "handlers": ["console"]},
    "disable_existing_loggers": False,
}
