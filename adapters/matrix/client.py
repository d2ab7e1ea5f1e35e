"""matrix-nio as an application service: requests in the name of any ghost user, dated at will, errors classified.

nio builds the requests (`nio.Api`) and owns the connections; what an application service adds to a path (`user_id`,
`ts`: application-service API, "Identity assertion" and "Timestamp massaging") is added here, and answers are judged
here, because nio's own loop waits for ever on a 429 and *returns* errors instead of raising them.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
from collections.abc import AsyncIterator
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

import aiohttp
from nio import Api, AsyncClient, AsyncClientConfig

from migrator.errors import AuthError, Retry, SkipItem, UsageError
from migrator.secret import Secret

__all__ = ["CLIENT", "Api", "Client", "Refused", "path"]

CLIENT = "/_matrix/client/v3"
TIMEOUT = 120  # seconds; creating a room with many people takes a while
Request: TypeAlias = tuple[str, str] | tuple[str, str, str]

logging.getLogger("nio").setLevel(logging.WARNING)


class Refused(SkipItem):
    """The homeserver says no for good. `code` is its error code ("M_FORBIDDEN")."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{message or 'refused'} ({code or status})")
        self.status, self.code = status, code


def path(*parts: str, base: str = CLIENT, **query: str | int) -> str:
    """A quoted path for what nio has no builder for."""
    whole = base + "".join(f"/{quote(part, safe='')}" for part in parts)
    return f"{whole}?{urlencode(query)}" if query else whole


class Client:
    """One for a run. Raises Refused, Retry and AuthError; an SDK's error never gets past it."""

    def __init__(self, homeserver: str, token: Secret, ca_file: str = "") -> None:
        self._token = token
        try:
            context: Any = ssl.create_default_context(cafile=ca_file) if ca_file else None
        except OSError as error:  # ssl's own errors are such too
            raise UsageError(f"ca_file {ca_file} cannot be used: {error.strerror}", hint="name a PEM file") from None
        config = AsyncClientConfig(request_timeout=TIMEOUT, encryption_enabled=False)
        self._nio = AsyncClient(homeserver, config=config, ssl=context)

    async def close(self) -> None:
        await self._nio.close()

    async def call(
        self, request: Request, *, user: str = "", ts: int | None = None, data: Any = None, headers: Any = None
    ) -> dict[str, Any]:
        """Make a request that `nio.Api` or `path` built (method, path[, body]) and return the object it answers.

        `user`: in whose name; `ts`: milliseconds, the date an event is to carry; `data`: a body that is not JSON.
        """
        content = await self._call(request, user, ts, data, headers)
        if not isinstance(content, dict):
            raise Retry("the homeserver's answer is not what the specification says")
        return content

    async def call_list(self, request: Request, *, user: str = "") -> list[dict[str, Any]]:
        """As `call`, where the answer is a list (the state of a room)."""
        content = await self._call(request, user, None, None, None)
        if not isinstance(content, list):
            raise Retry("the homeserver's answer is not what the specification says")
        return content

    async def _call(self, request: Request, user: str, ts: int | None, data: Any, headers: Any) -> Any:
        body = data if data is not None else (request[2] if len(request) == 3 else None)
        try:
            answer = await self._send(request[0], request[1], user, ts, body, headers)
            async with answer:
                return _judge(answer, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Retry(f"no connection to the homeserver: {_why(error)}", landed=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retry(f"the connection to the homeserver broke: {type(error).__name__}") from None

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The bytes of an answer, in chunks."""
        try:
            answer = await self._send(request[0], request[1], "", None, None, None)
            async with answer:
                if answer.status != 200:
                    _judge(answer, await answer.read())
                async for chunk in answer.content.iter_chunked(1 << 20):
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retry(f"the connection to the homeserver broke: {type(error).__name__}") from None

    async def _send(
        self, method: str, target: str, user: str, ts: int | None, body: Any, headers: Any
    ) -> aiohttp.ClientResponse:
        plain, _, query = target.partition("?")
        pairs = [(name, value) for name, value in parse_qsl(query) if name != "access_token"]  # never in an address
        if user:
            pairs.append(("user_id", user))
        if ts is not None:
            pairs.append(("ts", str(ts)))
        sent = {"Authorization": f"Bearer {self._token.reveal()}", "Content-Type": "application/json"}
        answer: aiohttp.ClientResponse = await self._nio.send(
            method, f"{plain}?{urlencode(pairs)}" if pairs else plain, body, sent | (headers or {})
        )
        return answer


def _why(error: aiohttp.ClientError | TimeoutError) -> str:
    """In words, without the address: it may hold what nobody is to read."""
    for kind, words in (
        (aiohttp.ClientConnectorCertificateError, "its certificate cannot be verified"),
        (aiohttp.ClientConnectorDNSError, "there is no host of this name"),
        (aiohttp.ClientConnectorSSLError, "it does not speak TLS as we do"),
        (aiohttp.ConnectionTimeoutError, "it does not answer"),
    ):
        if isinstance(error, kind):
            return words
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__


def _judge(answer: aiohttp.ClientResponse, raw: bytes) -> Any:
    """The JSON of a good answer; else what to do about it, as an exception."""
    try:
        content = json.loads(raw)
    except ValueError:
        content = None
    if answer.status == 200 and content is not None:
        return content
    content = content if isinstance(content, dict) else {}
    code, message = str(content.get("errcode", "")), str(content.get("error", ""))
    if answer.status == 429:
        raise Retry("the homeserver asks to wait", after=_wait(answer, content), landed=False)
    if answer.status >= 500 or answer.status in (200, 408):
        raise Retry(f"the homeserver answered {answer.status} {code}".strip())
    if answer.status == 401:
        raise AuthError(
            "the homeserver does not know our token",
            hint="install the registration and restart the homeserver: slack-migrator matrix registration --help",
        )
    if "masquerade" in message:
        raise AuthError(
            f"the registration does not cover our users: {message}",
            hint="make one with slack-migrator matrix registration, and install it",
        )
    raise Refused(answer.status, code, message)


def _wait(answer: aiohttp.ClientResponse, content: dict[str, Any]) -> float:
    """Seconds: the `Retry-After` header (spec v1.10), else `retry_after_ms`, else five."""
    try:
        return max(0.05, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):
        wait = content.get("retry_after_ms")
        return max(0.05, wait / 1000) if isinstance(wait, int | float) else 5.0
