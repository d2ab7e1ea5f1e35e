"""Import files written by hand, for what must be tried on the server without our own writer."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

VERSION = {"type": "version", "version": 1}
T0 = 1_700_000_000_000  # milliseconds


def user(name: str, *channels: str, team: str = "moved", **more: Any) -> dict[str, Any]:
    joined = [{"name": channel, "roles": "channel_user"} for channel in channels]
    about = {
        "username": name,
        "email": f"{name}@example.invalid",
        "auth_service": "gitlab",
        "auth_data": f"id-{name}",
        "roles": "system_user",
        "teams": [{"name": team, "roles": "team_user", "channels": joined}],
    }
    return {"type": "user", "user": {**about, **more}}


def channel(name: str, *, team: str = "moved", **more: Any) -> dict[str, Any]:
    return {"type": "channel", "channel": {"team": team, "name": name, "display_name": name, "type": "O", **more}}


def post(where: str, who: str, message: str, at: int, *, team: str = "moved", **more: Any) -> dict[str, Any]:
    said = {"team": team, "channel": where, "user": who, "message": message, "create_at": T0 + at}
    return {"type": "post", "post": {**said, **more}}


def pack(place: Path, lines: Iterable[Mapping[str, Any]], files: Mapping[str, bytes] | None = None) -> Path:
    """A zip as the server takes it; the version line is added."""
    text = "".join(json.dumps(line) + "\n" for line in (VERSION, *lines))
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as made:
        made.writestr("import.jsonl", text)
        for name, content in (files or {}).items():
            made.writestr(f"data/{name}", content)
    return place
