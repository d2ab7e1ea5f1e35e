"""An import that died half way: channels and people are there, archived already, and none of their posts."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.mattermost import delivery, rounds
from migrator.adapters.mattermost.delivery import Deliveries
from migrator.adapters.mattermost.rest import Rest
from migrator.journal import Journal
from tests.e2e.mattermost import exports, zips
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server


class Died(Exception):
    """Instead of an import."""


def export(folder: Path, *texts: str) -> Path:
    """An open and an archived channel, two people in other time zones, an app that is switched off."""
    people = [exports.person(f"U{n}", f"ivo{n}", email=f"ivo{n}@example.invalid") for n in range(2)]
    people[0]["tz"] = "Europe/Rome"
    app = {**exports.person("U0WICK", "wickbot", bot_id="B0WICK"), "is_bot": True, "deleted": True}
    channels = [
        {"id": "C1", "name": "open", "created": 1709290000, "members": ["U0", "U1", "U0WICK"]},
        {"id": "C2", "name": "shut", "created": 1709290000, "members": ["U0"], "is_archived": True},
    ]
    said = [{"type": "message", "user": f"U{n % 2}", "ts": exports.ts(n), "text": text} for n, text in enumerate(texts)]
    content = {"users.json": [*people, app], "channels.json": channels}
    content |= {f"{name}/{exports.DAY}.json": said for name in ("open", "shut")}
    for name, records in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
    return folder


def import_entities_only(rest: Rest, package: Path, folder: Path) -> None:
    """What is there of a round when its server dies after the last line about people."""
    with zipfile.ZipFile(package) as archive:
        lines = [json.loads(line) for line in archive.read("import.jsonl").splitlines()]
    half = zips.pack(folder / "half.zip", [line for line in lines if line["type"] not in ("version", "post")])
    known = Deliveries(folder / "half.json")
    delivery.deliver(rest, half, known.of(half), save=known.save)


def test_a_half_made_import_is_met_again_and_a_newer_export_follows(
    server: Server, rest: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets a second channel, a second line or a second password; what the format cannot carry is done too."""

    def die(*_: Any, **__: Any) -> None:
        raise Died

    sent: dict[str, set[str]] = {}

    def look_at(package: Path, *_: Any) -> None:
        with zipfile.ZipFile(package) as archive:
            lines = archive.read("import.jsonl").splitlines()
        sent[package.parent.name] = {json.loads(line)["type"] for line in lines}

    monkeypatch.setattr(rounds, "refuse", look_at)
    run = tmp_path / "run"
    first = export(tmp_path / "export", "one", "two")
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "run", die)
        with pytest.raises(Died):
            move(server, "half", first, run)
    import_entities_only(rest, run / "package" / "round-001" / "import-001.zip", tmp_path)
    team = server.get("/teams/name/half")["id"]
    shut = server.get(f"/teams/{team}/channels/name/shut", include_deleted="true")
    assert shut["delete_at"] > 0
    assert shut["total_msg_count"] == 0

    moved = move(server, "half", export(tmp_path / "newer" / "export", "one", "two", "three"), run)
    assert not moved.told
    assert moved.outcome.posts == 6
    with Journal(run / "journal.sqlite") as journal:
        ids = {kind: {key: remote for key, remote, _ in journal.all(kind)} for kind in Kind}
    assert ids[Kind.CONVERSATION]["C2"] == shut["id"]
    names = {channel["name"] for channel in server.get("/channels", include_deleted="true", per_page=200)}
    assert not {name for name in names if name.startswith("shut-")}
    assert server.get(f"/bots/{ids[Kind.USER]['U0WICK']}", include_deleted="true")["delete_at"] > 0
    person = server.get(f"/users/{ids[Kind.USER]['U0']}")
    assert person["timezone"]["automaticTimezone"] == "Europe/Rome"
    assert sent["round-001"] > {"channel", "user", "bot"}
    assert sent["round-002"] == {"version", "post"}
