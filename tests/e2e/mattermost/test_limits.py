"""Files and pictures beyond the server's settings: named with their setting, left out with a trace, or let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server

MIB = 1 << 20
LIMITS = {"MaxFileSize": 6 * MIB, "MaxImageResolution": 10_000}


@pytest.fixture(scope="module")
def narrow() -> Iterator[Server]:
    """A server that takes little."""
    with Server(settings={"FileSettings": LIMITS}) as running:
        yield running


def export(folder: Path) -> Path:
    """Two files of 3 MiB and one of 7 in one message, a wide picture, a small one."""
    picture = {"mimetype": "image/png", "original_w": 200, "original_h": 200}
    small = {"mimetype": "image/png", "original_w": 20, "original_h": 20}
    said = [
        {"type": "message", "user": "U0", "ts": exports.ts(1), "text": "heavy", "files": [
            exports.file("F0PART01", "one.bin", size=3 * MIB), exports.file("F0PART02", "two.bin", size=3 * MIB),
            exports.file("F0HEAVY1", "heavy.bin", size=7 * MIB)]},
        {"type": "message", "user": "U0", "ts": exports.ts(2), "text": "wide", "files": [
            exports.file("F0WIDE01", "wide.png", **picture), exports.file("F0SMALL1", "small.png", **small)]},
    ]  # fmt: skip
    content = {
        "users.json": [exports.person("U0", "olga", email="olga@example.invalid")],
        "channels.json": [{"id": "C1", "name": "attic", "created": 1709290000, "members": ["U0"]}],
        f"attic/{exports.DAY}.json": said,
    }
    uploads = {
        "F0PART01/one.bin": bytes(3 * MIB),
        "F0PART02/two.bin": b"2" + bytes(3 * MIB - 1),
        "F0HEAVY1/heavy.bin": b"7" + bytes(7 * MIB - 1),
        "F0WIDE01/wide.png": exports.picture(200),
        "F0SMALL1/small.png": exports.picture(20),
    }
    for name, records in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
    for name, data in uploads.items():
        path = folder / "__uploads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def names_in(server: Server, team: str) -> list[str]:
    place = server.get(f"/teams/name/{team}/channels/name/attic")["id"]
    posts = server.get(f"/channels/{place}/posts")["posts"].values()
    return sorted(info["name"] for post in posts for info in post["metadata"].get("files") or ())


def test_what_is_too_large_is_named_with_its_setting_and_let_in_when_allowed(narrow: Server, tmp_path: Path) -> None:
    source = export(tmp_path / "export")
    kept = move(narrow, "narrow", source, tmp_path / "run", set_server_config=False)
    assert not kept.told
    told = " ".join(kept.plan.warnings)
    assert "FileSettings.MaxFileSize is 6,291,456 and should be 8,388,608: the largest file has 7,340,032 bytes" in told
    assert "FileSettings.MaxImageResolution is 10,000 and should be 40,000" in told
    assert names_in(narrow, "narrow") == ["one.bin", "small.png", "two.bin"]
    notes = {line.note for line in kept.plan.ledger if line.feature.value == "files" and line.fate.value != "lossless"}
    assert {note.split(" ")[0] for note in notes} == {"larger", "more"}
    files = narrow.get("/config")["FileSettings"]
    assert {name: files[name] for name in LIMITS} == LIMITS

    wide = move(narrow, "wide", source, tmp_path / "wide")
    assert not wide.told
    assert names_in(narrow, "wide") == ["heavy.bin", "one.bin", "small.png", "two.bin", "wide.png"]
    files = narrow.get("/config")["FileSettings"]
    assert files["MaxFileSize"] >= 8 * MIB
    assert files["MaxImageResolution"] == 40_000
    assert any("MaxFileSize was" in said for said in wide.outcome.advice)
