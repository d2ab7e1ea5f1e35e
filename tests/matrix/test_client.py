"""What the homeserver's answers mean, by a small server that gives them; and what is asked before anything is sent."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from migrator.adapters.matrix.adapter import Matrix
from migrator.adapters.matrix.client import Api, Client, Refused
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.errors import AuthError, MigratorError, Retry, TargetUnavailable, UsageError
from migrator.secret import Secret
from tests.synapse import corner, login

TOKEN = "syt_canary"


class Answering(ThreadingHTTPServer):
    """Gives `answer` to everything and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        self.asked: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def answering() -> Iterator[Answering]:
    with Answering() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(server: Answering, **more: Any) -> Any:
    async def act() -> Any:
        client = Client(f"http://127.0.0.1:{server.server_port}", Secret(TOKEN))
        try:
            return await client.call(Api.whoami(TOKEN), **more)
        finally:
            await client.close()

    return asyncio.run(act())


def test_user_and_date_are_added_and_the_token_stays_out_of_the_address(answering: Answering) -> None:
    ask(answering, user="@slack_u1:example.org", ts=1_500_000_000_123)
    ((path, authorization),) = answering.asked
    assert parse_qs(urlsplit(path).query) == {"user_id": ["@slack_u1:example.org"], "ts": ["1500000000123"]}
    assert authorization == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, {"errcode": "M_LIMIT_EXCEEDED"}, 7.0),
        ({}, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, 1.5),
        ({}, {"errcode": "M_LIMIT_EXCEEDED"}, 5.0),
    ],
)
def test_a_rate_limit_names_its_wait_and_did_not_land(
    answering: Answering, headers: dict[str, str], body: dict[str, Any], seconds: float
) -> None:
    answering.answer = (429, headers, json.dumps(body).encode())
    with pytest.raises(Retry) as asked:
        ask(answering)
    assert (asked.value.after, asked.value.landed) == (seconds, False)
    assert len(answering.asked) == 1  # the SDK does not try again behind our back


@pytest.mark.parametrize(("status", "body"), [(502, b"<html>bad gateway</html>"), (500, b"{}"), (200, b"<html>hello")])
def test_a_server_in_trouble_may_have_done_it(answering: Answering, status: int, body: bytes) -> None:
    answering.answer = (status, {}, body)
    with pytest.raises(Retry) as asked:
        ask(answering)
    assert asked.value.after is None
    assert asked.value.landed


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (401, {"errcode": "M_UNKNOWN_TOKEN"}, AuthError),
        (403, {"errcode": "M_FORBIDDEN", "error": "Application service cannot masquerade as this user"}, AuthError),
        (403, {"errcode": "M_FORBIDDEN", "error": "not in the room"}, Refused),
        (413, {"errcode": "M_TOO_LARGE"}, Refused),
    ],
)
def test_refusals_stop_the_run_or_cost_one_item(
    answering: Answering, status: int, content: dict[str, str], error: type[Exception]
) -> None:
    answering.answer = (status, {}, json.dumps(content).encode())
    with pytest.raises(error) as refused:
        ask(answering)
    assert TOKEN not in str(refused.value)


def opened(settings: dict[str, Any]) -> None:
    async def act() -> None:
        adapter = Matrix(settings)
        try:
            await adapter.open()
        finally:
            await adapter.close()

    asyncio.run(act())


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, UsageError),
        ({"homeserver": "matrix.example.org", "as_token": "x"}, UsageError),
        ({"homeserver": "http://matrix.example.org", "as_token": "x"}, UsageError),  # a token in the clear
        ({"homeserver": "http://127.0.0.1:1", "as_token": "x"}, TargetUnavailable),
        ({"homeserver": "https://127.0.0.1:1"}, UsageError),  # no token
    ],
)
def test_a_wrong_configuration_is_told_in_a_sentence(settings: dict[str, Any], error: type[MigratorError]) -> None:
    with pytest.raises(error) as told:
        opened(settings)
    assert told.value.hint


@pytest.mark.synapse
def test_only_an_application_service_is_let_in(synapse: Homeserver) -> None:
    with pytest.raises(AuthError):
        opened({**corner(synapse), "as_token_file": "", "as_token": "nobody's"})
    with pytest.raises(AuthError):
        opened({**corner(synapse), "prefix": "other_"})  # not in the registration's namespace
    opened(corner(synapse))


@pytest.mark.synapse
def test_a_persons_token_is_refused_before_anything_is_written(synapse: Homeserver) -> None:
    from migrator.model import Role, User

    settings = corner(synapse)

    async def make() -> str:
        adapter = Matrix(settings)
        await adapter.open()
        user = await adapter.put_user(User("U1", "ada", "Ada", role=Role.MEMBER))
        await adapter.close()
        return user

    token = login(synapse, asyncio.run(make()))
    with pytest.raises(AuthError, match="application service"):
        opened({**settings, "as_token_file": "", "as_token": token})
