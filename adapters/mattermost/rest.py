"""Mattermost's REST API: `mattermostdriver` on one pooled session, with timeouts, patience and typed errors injected.

The driver alone opens a connection per request, waits for ever, gives up at the first 429, logs answers, and fails on
every empty reply (facts: 23 requests were 23 connections). Its endpoints are used where it has them, through
`Rest.driver`; `get`, `post`, `put`, `delete` serve those it lacks (uploads, jobs, imports).

Blocking, and safe to be shared by threads: the adapter calls it in threads of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from migrator.errors import AuthError, LimitExceeded, TargetUnavailable, UsageError
from migrator.secret import Secret

if TYPE_CHECKING:
    import requests
    from urllib3.connectionpool import HTTPConnectionPool

__all__ = ["Refused", "Rest", "anonymous"]

CONNECTIONS = 8
TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two bytes of an answer
TRIES = 6
MOST_WAITS = 100  # times that one call may be told to come back later
LONGEST_WAIT = 300.0  # seconds; a server that asks for more is treated as unavailable
BUSY = frozenset({502, 503, 504})

_EMAIL = re.compile(r"[^\s@,;:<>\"'=]+@[^\s@,;:<>\"']+")


class Refused(Exception):
    """The server answered with an error that is neither a matter of rights nor of waiting.

    `status` is HTTP's, `code` the server's own ("app.user.save.email_exists.app_error"), `str()` its sentence.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(anonymous(message))
        self.status, self.code = status, code


def anonymous(text: str) -> str:
    """The server's words without e-mail addresses, for messages and logs."""
    return _EMAIL.sub("<address>", text)


class Rest:
    """One server as one account. `sleep` is injected by tests."""

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        ca_file: str = "",
        connections: int = CONNECTIONS,
        timeout: tuple[float, float] = TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = _checked(url)
        # how often the server could not be reached, or had let go of our connection between two calls, and came back;
        # a job may have died with it
        self.outages = 0
        self._opened = 0  # connections
        self._kept = False  # whether the last call went through the one before it: not through every proxy
        self._token, self._timeout, self._sleep = token, timeout, sleep
        self._session = _session(token, connections, ca_file, self._count)
        self._driver: Any = None

    def __repr__(self) -> str:
        return f"Rest({self.url})"

    def close(self) -> None:
        self._session.close()

    def _count(self) -> None:
        self._opened += 1

    def _answered(self, opened: int) -> None:
        """A call was answered, before which so many connections had been opened."""
        fresh = self._opened != opened
        self.outages += fresh and self._kept
        self._kept = not fresh

    @property
    def driver(self) -> Any:
        """mattermostdriver's `Driver` on our session: `driver.users`, `driver.teams`, `driver.bots` …"""
        if self._driver is None:
            self._driver = _make_driver(self)
        return self._driver

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, path: str, **params: Any) -> Any:
        return _content(self.request("GET", path, params=params))

    def post(self, path: str, body: Any = None, *, repeatable: bool = False, **params: Any) -> Any:
        """`repeatable`: sending it twice does no harm, so a lost answer is followed by a second try."""
        return _content(self.request("POST", path, json=body, params=params, repeatable=repeatable))

    def put(self, path: str, body: Any = None) -> Any:
        return _content(self.request("PUT", path, json=body))

    def delete(self, path: str) -> Any:
        return _content(self.request("DELETE", path))

    def find(self, path: str, **params: Any) -> Any | None:
        """As `get`; None where the server knows no such thing."""
        try:
            return self.get(path, **params)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def pages(self, path: str, size: int = 200, **params: Any) -> Iterator[Any]:
        """Every item of a listing that is paged by number."""
        page = 0
        while True:
            items = self.get(path, page=page, per_page=size, **params)
            yield from items
            if len(items) < size:
                return
            page += 1

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes of a download."""
        with self.request("GET", path, stream=True) as answer:
            yield from answer.iter_content(1 << 18)

    def login(self, login_id: str, password: Secret) -> None:
        """A session of our own instead of a token. AuthError where the server does not want us."""
        try:
            answer = self.request("POST", "/users/login", json={"login_id": login_id, "password": password.reveal()})
        except Refused as refused:
            raise AuthError(f"the server refused the login: {refused}", hint="check username and password") from None
        self._session.auth = _Bearer(Secret(answer.headers["Token"]))

    def request(
        self, method: str, path: str, *, repeatable: bool | None = None, stream: bool = False, **more: Any
    ) -> requests.Response:
        """One call with patience: 429 waits as told; a lost connection or 502-504 is tried again where that is safe.

        Raises AuthError (401, 403), LimitExceeded (413), TargetUnavailable, or Refused.
        """
        import requests

        again = method in ("GET", "PUT", "DELETE") if repeatable is None else repeatable
        trouble, failures, waits = "", 0, 0
        while failures < TRIES and waits < MOST_WAITS:
            if trouble:
                self._sleep(min(30.0, 0.5 * 2**failures))
            opened = self._opened
            try:
                answer = self._session.request(
                    method,
                    f"{self.url}/api/v4{path}",
                    timeout=self._timeout,
                    stream=stream,
                    allow_redirects=method == "GET",
                    **more,
                )
            except requests.exceptions.SSLError:
                raise TargetUnavailable(
                    f"{self.url}: its certificate cannot be verified",
                    hint='name its authority: ca_file = "PATH" under [mattermost]',
                ) from None
            except (requests.ConnectionError, requests.Timeout) as error:
                trouble = type(error).__name__  # its text holds the address with the query
            except requests.RequestException as error:
                raise UsageError(f"{self.url} cannot be called: {type(error).__name__}", hint="check url") from None
            else:
                self._answered(opened)
                if answer.status_code == 429:
                    self._sleep(_wait_asked(answer.headers))
                    trouble, waits = "", waits + 1
                    continue
                if answer.status_code not in BUSY:
                    return _judged(answer, self.url)
                trouble = f"HTTP {answer.status_code}"
            failures += 1
            self.outages += 1
            if not again:
                break
        raise TargetUnavailable(
            f"{self.url} does not answer: {trouble or 'it keeps asking to wait'}", hint="run the same command again"
        )


# ── the parts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise UsageError("url is not the address of a Mattermost server", hint='url = "https://chat.example.org"')
    return url.rstrip("/").removesuffix("/api/v4")


def _session(token: Secret, connections: int, ca_file: str, opened: Callable[[], None]) -> requests.Session:
    """`opened` is called before a connection is made."""
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    pool = HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
    pool.poolmanager.pool_classes_by_scheme = _telling(opened)
    session.mount("http://", pool)
    session.mount("https://", pool)
    # The server prefers its session cookie over our header and then wants a CSRF token.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _Bearer(token)
    if ca_file:
        session.verify = ca_file
    return session


def _telling(opened: Callable[[], None]) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, by scheme, of connections that tell when they are opened: it mends lost ones without a word."""
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def telling(kind: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        class Connection(kind.ConnectionCls):  # type: ignore[name-defined,misc]
            def connect(self) -> None:
                opened()
                super().connect()

        return type(kind.__name__, (kind,), {"ConnectionCls": Connection})

    return {"http": telling(HTTPConnectionPool), "https": telling(HTTPSConnectionPool)}


class _Bearer:
    """Sets the header. As an `auth` object it also keeps requests from preferring an entry of ~/.netrc."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def _make_driver(rest: Rest) -> Any:
    """A Driver whose Client sends through `rest`; its websocket, its logging and its own session are left alone."""
    from mattermostdriver import Driver
    from mattermostdriver.client import Client

    class Pooled(Client):  # type: ignore[misc]
        """mattermostdriver's client with its one sending method replaced."""

        def make_request(
            self,
            method: str,
            endpoint: str,
            options: Any = None,
            params: Any = None,
            data: Any = None,
            files: Any = None,
            basepath: str | None = None,
        ) -> requests.Response:
            more = {"json": options, "params": params, "data": data, "files": files}
            return rest.request(method.upper(), endpoint, **{name: value for name, value in more.items() if value})

        def get(self, endpoint: str, options: Any = None, params: Any = None) -> Any:
            return _content(self.make_request("get", endpoint, options, params))

        def post(
            self, endpoint: str, options: Any = None, params: Any = None, data: Any = None, files: Any = None
        ) -> Any:
            return _content(self.make_request("post", endpoint, options, params, data, files))

        def put(self, endpoint: str, options: Any = None, params: Any = None, data: Any = None) -> Any:
            return _content(self.make_request("put", endpoint, options, params, data))

        def delete(self, endpoint: str, options: Any = None, params: Any = None, data: Any = None) -> Any:
            return _content(self.make_request("delete", endpoint, options, params, data))

    parts = urlsplit(rest.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Driver({"url": parts.hostname, "scheme": parts.scheme, "port": port, "token": ""}, client_cls=Pooled)


def _content(answer: requests.Response) -> Any:
    """JSON where there is any; None for an empty reply; the bytes of anything else."""
    if not answer.content:
        return None
    if "json" in answer.headers.get("Content-Type", ""):
        return answer.json()
    return answer.content


def _judged(answer: requests.Response, url: str) -> requests.Response:
    if answer.is_redirect:
        place = urlsplit(answer.headers.get("Location", ""))
        raise UsageError(f"{url} sends us on to {place.scheme}://{place.netloc}", hint="put that into url")
    if answer.ok:
        return answer
    code, message = _error_of(answer)
    if answer.status_code == 401:
        raise AuthError(f"{url} does not accept the token: {anonymous(message)}", hint="check token_file")
    if answer.status_code == 403:
        raise AuthError(f"the account lacks a right: {anonymous(message)}", hint="use a system admin's token")
    if answer.status_code == 413:
        raise LimitExceeded(f"too large for the server: {anonymous(message)}", hint="see FileSettings.MaxFileSize")
    raise Refused(answer.status_code, code, message)


def _error_of(answer: requests.Response) -> tuple[str, str]:
    """The server's error id and sentence; whatever else a proxy may say is cut short."""
    try:
        body = answer.json()
    except ValueError:
        return "", f"HTTP {answer.status_code}"
    if not isinstance(body, dict):
        return "", f"HTTP {answer.status_code}"
    return str(body.get("id", "")), str(body.get("message") or f"HTTP {answer.status_code}")


def _wait_asked(headers: Mapping[str, str]) -> float:
    """Seconds to wait after a 429 (X-RateLimit-Reset counts seconds; Retry-After is what proxies send)."""
    for name in ("Retry-After", "X-RateLimit-Reset"):
        value = headers.get(name, "")
        if value.isdigit():
            return min(LONGEST_WAIT, max(1.0, float(value)))
    return 1.0
