"""The real Synapse of the tests: one per test process, and a fresh corner of it for each test."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from migrator.adapters.matrix.homeserver import Homeserver

_corners = count(1)


def corner(server: Homeserver) -> dict[str, Any]:
    """Settings for users and rooms that no other test has."""
    return {**server.settings, "prefix": f"slack_t{next(_corners)}_"}


def ask(server: Homeserver, method: str, *parts: str, body: object = None, token: str = "", **query: str) -> Any:
    """A bare request as the application service (or with another `token`): nothing of ours in between."""
    if method in ("POST", "PUT") and body is None:
        body = {}
    return json.loads(_request(server, method, "/_matrix/client/v3", parts, body, token, query))


def download(server: Homeserver, address: str) -> bytes:
    """The bytes behind an mxc address."""
    parts = ("media", "download", *address.removeprefix("mxc://").split("/"))
    return _request(server, "GET", "/_matrix/client/v1", parts, None, "", {})


def login(server: Homeserver, user: str) -> str:
    """As a person with a password would: returns their access token."""
    form = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": server.give_login(user),
    }
    return str(ask(server, "POST", "login", body=form)["access_token"])


def _request(
    server: Homeserver, method: str, base: str, parts: tuple[str, ...], body: object, token: str, query: dict[str, str]
) -> bytes:
    address = f"{server.base_url}{base}/" + "/".join(quote(part, safe="") for part in parts)
    token = token or server.as_token_file.read_text(encoding="utf-8").strip()
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urlopen(Request(f"{address}?{urlencode(query)}", data, headers, method=method), timeout=60) as answer:
        content: bytes = answer.read()
        return content


def events(server: Homeserver, room: str, reader: str) -> list[dict[str, Any]]:
    """Everything in a room, oldest first, as the server returns it."""
    out: list[dict[str, Any]] = []
    start = ""
    while True:
        query = {"dir": "f", "limit": "1000", "user_id": reader} | ({"from": start} if start else {})
        page = ask(server, "GET", "rooms", room, "messages", **query)
        out += page["chunk"]
        start = page.get("end", "")
        if not start or not page["chunk"]:
            return out
