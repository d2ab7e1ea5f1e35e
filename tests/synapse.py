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


def ask(server: Homeserver, method: str, *parts: str, body: object = None, **query: str) -> Any:
    """A bare request as the application service: nothing of ours in between."""
    address = f"{server.base_url}/_matrix/client/v3/" + "/".join(quote(part, safe="") for part in parts)
    token = server.as_token_file.read_text(encoding="utf-8").strip()
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(f"{address}?{urlencode(query)}", data, headers, method=method)
    with urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


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
