"""The `zulip` client, fenced in: one call at a time, errors as the contract wants them, nothing read unasked.

What the fence keeps out (zulip 0.9.1): its own retries, which would post twice; ~/.zuliprc and ZULIP_* variables; a
request to the server per client; the machine's system in the user agent. Proxies are taken from the environment, and a
CA bundle from REQUESTS_CA_BUNDLE unless `ca_file` names one; .netrc is not read.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from migrator.errors import AuthError, Retry, SkipItem, TargetUnavailable, UsageError
from migrator.secret import Secret

__all__ = ["MIRROR", "Refused", "Server"]

AGENT = "slack-migrator"
MIRROR = "jabber_mirror"  # the client name under which Zulip lets a sender and a time be given (5.2)
TIMEOUT = 60.0
UPLOAD_TIMEOUT = 600.0
OTHERS = 64  # clients of other people kept open

_ADDRESS = re.compile(r"[^\s'\"<>]+@[^\s'\"<>]+")


class Refused(SkipItem):
    """The server said no: `code` and `message` are its own, without e-mail addresses."""

    def __init__(self, message: str, code: str = "") -> None:
        self.message, self.code = _ADDRESS.sub("<address>", message), code
        super().__init__(f"Zulip refuses it: {self.message}")


class Server:
    """A Zulip server as one account sees it. Calls block; they may come from several threads."""

    def __init__(self, site: str, email: str, key: Secret, ca_file: str = "") -> None:
        self.site = site.rstrip("/")
        if not self.site.startswith(("http://", "https://")):
            self.site = f"https://{self.site}"
        self.rate_limit = 0  # calls a minute, as the server's answers say; 0 where they do not
        self._email, self._key, self._ca_file = email, key, ca_file
        self._mine = threading.local()
        self._last = threading.local()
        self._others: OrderedDict[str, tuple[Any, threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()
        self._clients: list[Any] = []

    def close(self) -> None:
        with self._lock:
            clients = self._clients + [client for client, _ in self._others.values()]
            self._clients, self._others = [], OrderedDict()
            self._mine = threading.local()
        for client in clients:
            if client.session is not None:
                client.session.close()

    def call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        file: IO[bytes] | None = None,
    ) -> dict[str, Any]:
        """One request; a refusal is `Refused`, a wait or a lost connection `Retry`."""
        client = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = self._connect(self._email, self._key)
            with self._lock:
                self._clients.append(client)
        return self._call(client, method, path, parameters, file)

    def call_as(
        self,
        email: str,
        key: Secret,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        file: IO[bytes] | None = None,
    ) -> dict[str, Any]:
        """The same as somebody else, with their key."""
        with self._lock:
            found = self._others.pop(email, None) or (self._connect(email, key), threading.Lock())
            self._others[email] = found
            dropped = self._others.popitem(last=False)[1] if len(self._others) > OTHERS else None
        if dropped is not None:
            with dropped[1]:
                if dropped[0].session is not None:
                    dropped[0].session.close()
        client, turn = found
        with turn:
            return self._call(client, method, path, parameters, file)

    def fetch(self, where: str) -> Iterator[bytes]:
        """The bytes behind a temporary address ("/user_uploads/temporary/…"), as they come."""
        import requests

        with requests.Session() as session:
            self._set_up(session)
            try:
                with session.get(self.site + where, timeout=UPLOAD_TIMEOUT, stream=True) as answer:
                    if answer.status_code != 200:
                        raise Retry(f"a file did not come back (status {answer.status_code})")
                    yield from answer.iter_content(1 << 20)
            except requests.exceptions.RequestException as error:
                raise Retry(f"a file did not come back ({type(error).__name__})") from None

    # ── the fence ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _connect(self, email: str, key: Secret) -> Any:
        import zulip

        logging.getLogger("urllib3").setLevel(logging.WARNING)  # its debug lines hold addresses
        server = self

        class Fenced(zulip.Client):  # type: ignore[misc]
            def get_server_settings(self) -> dict[str, Any]:
                return {"zulip_version": "asked by preflight", "zulip_feature_level": 0}

            def get_user_agent(self) -> str:
                return AGENT

            def ensure_session(self) -> None:
                if self.session is None:
                    super().ensure_session()
                    session: Any = self.session
                    server._set_up(session)
                    # in UTF-8, as the server reads it: as text it would go out in Latin-1
                    session.auth = (self.email.encode(), self.api_key.encode())

        try:
            return Fenced(
                email=email,
                api_key=key.reveal(),
                site=self.site,
                client=AGENT,
                config_file=os.devnull,
                retry_on_errors=False,
                verbose=False,
                insecure=False,
            )
        except zulip.ZulipError:
            raise UsageError(
                "the zulip client does not start", hint="unset the ZULIP_* variables: nothing is read from them"
            ) from None

    def _set_up(self, session: Any) -> None:
        import requests

        session.trust_env = False
        session.proxies = requests.utils.get_environ_proxies(self.site)
        session.verify = self._ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or True
        session.cert = None
        session.hooks["response"].append(self._remember)

    def _remember(self, response: Any, *_: Any, **__: Any) -> None:
        self._last.status = response.status_code
        limit = response.headers.get("X-RateLimit-Limit", "")
        if limit.isdigit():
            self.rate_limit = int(limit)

    def _call(
        self, client: Any, method: str, path: str, parameters: Mapping[str, Any] | None, file: IO[bytes] | None
    ) -> dict[str, Any]:
        import requests
        import zulip

        self._last.status = 0
        files: Sequence[IO[bytes]] = [file] if file is not None else []
        try:
            answer: dict[str, Any] = client.call_endpoint(
                url=path,
                method=method,
                request=dict(parameters or {}),
                files=files,
                timeout=UPLOAD_TIMEOUT if files else TIMEOUT,
            )
        except zulip.ZulipError as error:
            raise _lost(error.__cause__ or error) from None
        except requests.exceptions.RequestException as error:
            raise _lost(error) from None
        return _judge(answer, self._last.status)


def _lost(error: BaseException) -> Exception:
    """What a broken connection means: never begun, or perhaps landed."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return TargetUnavailable(
            "the server's certificate cannot be verified", hint='name its authority: ca_file = "PATH" under [zulip]'
        )
    reason = getattr(error.args[0], "reason", None) if error.args else None
    never = isinstance(error, requests.exceptions.ConnectTimeout) or type(reason).__name__ in (
        "NewConnectionError",
        "NameResolutionError",
    )
    return Retry(f"no answer from the server ({type(error).__name__})", landed=not never)


def _judge(answer: dict[str, Any], status: int) -> dict[str, Any]:
    """The answer itself where it is a success; else raises what it means."""
    result = answer.get("result")
    if result == "success":
        return answer
    code, message = str(answer.get("code", "")), str(answer.get("msg", ""))
    if code == "RATE_LIMIT_HIT" or status == 429:
        after = answer.get("retry-after", 1.0)
        raise Retry("the server asks to slow down", after=max(0.01, float(after)), landed=False)
    if status == 413:
        raise Refused("it is too large for the web server in front of Zulip")
    if status >= 500 or result not in ("error", "partially_completed"):
        raise Retry(f"the server fails (status {status})")
    if status == 401 or code in ("UNAUTHORIZED", "INVALID_API_KEY", "USER_DEACTIVATED", "REALM_DEACTIVATED"):
        raise AuthError(
            f"Zulip does not accept the key ({_ADDRESS.sub('<address>', message)})",
            hint="check site, email and api_key_file under [zulip]",
        )
    raise Refused(message, code)
