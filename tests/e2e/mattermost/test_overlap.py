"""Zips are on their way to the server before everything is converted; what arrived is not sent again after a kill."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.mattermost import delivery
from migrator.adapters.mattermost.adapter import Mattermost
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server

MIB = 1 << 20
FILES = 8  # of 2 MiB each: a zip takes three of them


@pytest.fixture(scope="module")
def narrow() -> Iterator[Server]:
    """A server that takes files of up to 8 MiB, zips too."""
    with Server(settings={"FileSettings": {"MaxFileSize": 8 * MIB}}) as running:
        yield running


def export(folder: Path) -> Path:
    """A channel with large files, and one that is converted after it."""
    dice = random.Random(7)
    heavy = [
        {"type": "message", "user": "U0", "ts": exports.ts(n), "text": f"file {n} " + "words " * 100,
         "files": [exports.file(f"F0LARGE{n}", f"{n}.bin", size=2 * MIB)]}
        for n in range(FILES)
    ]  # fmt: skip
    content: dict[str, Any] = {
        "users.json": [exports.person("U0", "olga", email="olga@example.invalid")],
        "channels.json": [
            {"id": "C1", "name": "late", "created": 1709290000, "members": ["U0"]},
            {"id": "C2", "name": "heavy", "created": 1709290000, "members": ["U0"]},
        ],
        f"heavy/{exports.DAY}.json": heavy,
        f"late/{exports.DAY}.json": [{"type": "message", "user": "U0", "ts": exports.ts(1), "text": "the last"}],
    }
    for name, records in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records))
    for n in range(FILES):
        path = folder / "__uploads" / f"F0LARGE{n}" / f"{n}.bin"
        path.parent.mkdir(parents=True)
        path.write_bytes(dice.randbytes(2 * MIB))
    return folder


class Uploads:
    """Which files were brought to the server whole, and one of them waited for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.one = threading.Event()
        send, begin = delivery.send, delivery._begin

        def sending(rest: Any, file: Path, known: Any, **more: Any) -> None:
            send(rest, file, known, **more)
            self.one.set()

        def beginning(rest: Any, file: Path, known: Any) -> None:
            self.names.append(file.name)
            begin(rest, file, known)

        monkeypatch.setattr(delivery, "send", sending)
        monkeypatch.setattr(delivery, "_begin", beginning)


class Killed(BaseException):
    """Nothing catches it."""


def test_upload_goes_on_while_the_rest_is_converted(
    narrow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, run = export(tmp_path / "export"), tmp_path / "run"
    uploads, compose = Uploads(monkeypatch), Mattermost.compose
    loading = threading.Event()

    def killed(self: Mattermost, message: Any, *rest: Any) -> Any:
        if loading.is_set() and message.conversation == "C1":
            assert uploads.one.wait(60), "nothing is uploaded before the last conversation is converted"
            raise Killed
        return compose(self, message, *rest)

    load = Mattermost.load

    async def loaded(self: Mattermost, some: Any) -> Any:
        loading.set()
        return await load(self, some)

    monkeypatch.setattr(Mattermost, "compose", killed)
    monkeypatch.setattr(Mattermost, "load", loaded)
    with pytest.raises(Killed):
        move(narrow, "overlap", source, run, set_server_config=False)
    before = list(uploads.names)
    assert "import-002.zip" in before
    assert "import-001.zip" not in before

    monkeypatch.setattr(Mattermost, "compose", compose)
    uploads.names.clear()
    moved = move(narrow, "overlap", source, run, set_server_config=False)
    assert not moved.told
    assert moved.verdict.messages == FILES + 1
    assert "import-001.zip" in uploads.names
    assert not set(before) & set(uploads.names), "sent again, although the server held it"
    assert narrow.get("/imports") == []
