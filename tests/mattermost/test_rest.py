"""The REST client against a little server of our own that behaves as the real one does where it is difficult."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.mattermost.delivery import Deliveries, State, run
from migrator.adapters.mattermost.rest import Refused, Rest
from migrator.errors import AuthError, LimitExceeded, TargetUnavailable, UsageError
from migrator.secret import Secret

TOKEN = "s3cr3t-token"


class Fake(ThreadingHTTPServer):
    """Answers are queued by path; what came is kept."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def will(self, path: str, status: int, body: Any = None, **headers: str) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append((status, named, content))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Fake

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def _answer(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/v4")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, path, dict(self.headers), body))
        queue = self.server.answers.get(path, [])
        status, headers, content = (queue.pop(0) if len(queue) > 1 else queue[0]) if queue else (404, {}, b"{}")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def fake() -> Iterator[Fake]:
    server = Fake()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def rest(fake: Fake, waits: list[float]) -> Iterator[Rest]:
    client = Rest(fake.url, Secret(TOKEN), sleep=waits.append)
    yield client
    client.close()


def test_one_connection_serves_many_calls_of_the_driver_too(fake: Fake, rest: Rest) -> None:
    fake.will("/users/me", 200, {"id": "u1"})
    for _ in range(10):
        rest.get("/users/me")
        assert rest.driver.users.get_user("me") == {"id": "u1"}
    assert fake.connections == 1
    assert {headers["Authorization"] for _, _, headers, _ in fake.requests} == {f"Bearer {TOKEN}"}


def test_a_connection_that_was_lost_between_two_calls_is_counted(fake: Fake, rest: Rest) -> None:
    """All that is to be seen of a server that is back before the next call."""
    fake.will("/users/me", 200, {"id": "u1"})
    fake.will("/users/me", 200, {"id": "u1"}, Connection="close")
    fake.will("/users/me", 200, {"id": "u1"})
    counts = []
    for _ in range(4):
        rest.get("/users/me")
        counts.append(rest.outages)
    assert counts == [0, 0, 1, 1]
    assert fake.connections == 2


def test_a_job_is_doubted_where_the_connection_was_lost(fake: Fake, rest: Rest, tmp_path: Path) -> None:
    """A server that died and is back within two looks at the job: nobody works on it any more."""
    fake.will("/jobs/type/import_process", 200, [])
    fake.will("/jobs", 201, {"id": "j1"})
    fake.will("/jobs", 201, {"id": "j2"})
    fake.will("/jobs/j1", 200, {"id": "j1", "status": "in_progress"})
    fake.will("/jobs/j1", 200, {"id": "j1", "status": "in_progress"}, Connection="close")
    fake.will("/jobs/j1", 200, {"id": "j1", "status": "in_progress"})
    fake.will("/jobs/j2", 200, {"id": "j2", "status": "pending"})
    fake.will("/jobs/j2", 200, {"id": "j2", "status": "success"})
    file, known = tmp_path / "import-001.zip", Deliveries(tmp_path / "deliveries.json")
    file.write_bytes(b"lines")
    mine = known.of(file)
    mine.stored, mine.state = "u_import-001.zip", State.UPLOADED
    looks: list[float] = []
    run(rest, mine, save=known.save, sleep=looks.append)
    assert (mine.jobs, mine.state) == (["j1", "j2"], State.DONE)
    assert len(looks) == 3


def test_no_job_is_doubted_where_no_connection_is_ever_kept(fake: Fake, rest: Rest, tmp_path: Path) -> None:
    """Some proxies close every one: that says nothing of the server behind them."""
    fake.will("/jobs/type/import_process", 200, [], Connection="close")
    fake.will("/jobs", 201, {"id": "j1"}, Connection="close")
    for _ in range(5):
        fake.will("/jobs/j1", 200, {"id": "j1", "status": "in_progress"}, Connection="close")
    fake.will("/jobs/j1", 200, {"id": "j1", "status": "success"}, Connection="close")
    file, known = tmp_path / "import-001.zip", Deliveries(tmp_path / "deliveries.json")
    file.write_bytes(b"lines")
    mine = known.of(file)
    mine.stored, mine.state = "u_import-001.zip", State.UPLOADED
    run(rest, mine, save=known.save, sleep=lambda _seconds: None)
    assert (mine.jobs, mine.state) == (["j1"], State.DONE)
    assert (rest.outages, fake.connections) == (0, len(fake.requests))


def test_a_rate_limit_is_waited_out_as_told(fake: Fake, rest: Rest, waits: list[float]) -> None:
    for _ in range(8):  # more often than a lost connection would be tried again
        fake.will("/jobs", 429, {}, X_RateLimit_Reset="3")
    fake.will("/jobs", 201, {"id": "j1"})
    assert rest.post("/jobs", {})["id"] == "j1"
    assert waits == [3.0] * 8


def test_a_call_that_may_have_landed_is_sent_again_only_where_that_is_safe(fake: Fake, rest: Rest) -> None:
    fake.will("/jobs", 502)
    with pytest.raises(TargetUnavailable):
        rest.post("/jobs", {})
    assert len(fake.requests) == 1
    fake.will("/users/me", 503)
    fake.will("/users/me", 200, {"id": "u1"})
    assert rest.get("/users/me")["id"] == "u1"
    assert rest.outages == 2


def test_an_empty_answer_is_no_error(fake: Fake, rest: Rest) -> None:
    fake.will("/uploads/x", 204)
    assert rest.post("/uploads/x") is None
    assert rest.driver.client.post("/uploads/x") is None


def test_the_session_cookie_is_not_sent_back(fake: Fake, rest: Rest) -> None:
    fake.will("/users/login", 200, {"id": "u1"}, Set_Cookie="MMAUTHTOKEN=abc; Path=/", Token="other")
    fake.will("/users/me", 200, {"id": "u1"})
    rest.login("chief", Secret("pw"))
    rest.get("/users/me")
    headers = fake.requests[-1][2]
    assert "Cookie" not in headers
    assert headers["Authorization"] == "Bearer other"


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthError), (403, AuthError), (413, LimitExceeded), (400, Refused), (500, Refused)]
)
def test_errors_are_told_without_secrets_or_addresses(
    fake: Fake, rest: Rest, status: int, error: type[Exception]
) -> None:
    fake.will("/teams", status, {"id": "app.x", "message": "taken by ada@example.invalid"})
    with pytest.raises(error) as raised:
        rest.get("/teams")
    said = str(raised.value) + repr(raised.value) + repr(rest)
    assert "example.invalid" not in said
    assert TOKEN not in said


def test_a_redirect_is_told_not_followed_by_a_post(fake: Fake, rest: Rest) -> None:
    fake.will("/jobs", 301, None, Location="https://chat.example.invalid/api/v4/jobs")
    with pytest.raises(UsageError, match=r"chat\.example\.invalid"):
        rest.post("/jobs", {})


@pytest.mark.parametrize("url", ["chat.example.org", "ftp://x", "https://user:pw@chat.example.org", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not the address"):
        Rest(url, Secret(TOKEN))
