"""Marked secrets go into an export and a configuration; nothing that any command prints or leaves behind shows one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import Command

FILE_TOKEN, MAIL, TARGET_TOKEN = "xoxe-leak-1-file", "leak-2-mail@example.invalid", "leak-3-target-token"
MARKS = [mark.encode() for mark in (FILE_TOKEN, MAIL, TARGET_TOKEN)]
SIGNED = f"?t={FILE_TOKEN}"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A message with files in every mode that has an address, an author with an e-mail address, one damaged record."""
    there = "https://files.slack.com/files-pri/T0INVENT0-F1"
    ways: list[dict[str, Any]] = [
        {"mode": "hosted", "url_private": f"{there}/a.png{SIGNED}", "thumb_360": f"{there}/t.png{SIGNED}"},
        {"mode": "external", "external_type": "gdrive", "url_private": f"https://drive.example.invalid/d{SIGNED}"},
        {"mode": "snippet", "url_private": f"{there}/s.txt{SIGNED}", "preview": "some lines"},
        {"mode": "space", "url_private": f"{there}/p{SIGNED}", "edit_link": f"{there}/e{SIGNED}"},
        {"mode": "tombstone", "url_private": f"{there}/gone{SIGNED}"},
    ]
    files = [
        {
            "id": f"F{n}",
            "name": f"{n}.png",
            "permalink": f"https://invented.slack.com/files/U1/F{n}{SIGNED}",
            "url_private_download": f"{there}/download/{n}{SIGNED}",
            **way,
        }
        for n, way in enumerate(ways)
    ]
    image = f"https://avatars.slack-edge.com/a.png{SIGNED}"
    profile = {"real_name": "Ada", "email": MAIL, "image_512": image, "image_original": image}
    records: list[object] = [
        {"type": "message", "user": "U1", "ts": "1700000001.000100", "text": "look", "files": files},
        {"type": "message", "user": "U1", "ts": "1700000002.000100", "subtype": "file_share", "file": files[0]},
        {"type": "message", "user": "U1", "ts": "nonsense", "text": "damaged", "files": files},
    ]
    folder = tmp_path / "export"
    (folder / "general").mkdir(parents=True)
    users = [{"id": "U1", "name": "ada", "profile": profile}]
    (folder / "users.json").write_text(json.dumps(users), encoding="utf-8")
    room = {"id": "C1", "name": "general", "created": 1, "members": ["U1"]}
    (folder / "channels.json").write_text(json.dumps([room]), encoding="utf-8")
    (folder / "general" / "2023-11-14.json").write_text(json.dumps(records), encoding="utf-8")
    return folder


def clean(*texts: str | bytes) -> None:
    for text in texts:
        content = text.encode() if isinstance(text, str) else text
        assert not [mark for mark in MARKS if mark in content], content[:2000]


def clean_folder(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert not [mark for mark in MARKS if mark in content], path.name


def test_no_command_shows_or_leaves_a_secret(command: Command, config: Path, export: Path, tmp_path: Path) -> None:
    with config.open("a", encoding="utf-8") as more:
        more.write(f'token = "{TARGET_TOKEN}"\n')
    to = ("--to", "memory", "--config", config, "--run", "run", "-q")
    for arguments, codes in (
        (("inspect", export), {0}),
        (("inspect", export, "--json"), {0}),
        (("plan", export, *to), {0}),
        (("plan", export, *to, "--json"), {0}),
        (("migrate", export, *to, "--dry-run"), {0}),
        (("migrate", export, *to, "--fail-on", "approximated"), {8}),
        (("apply", "run", "-q"), {3}),
        (("migrate", export, *to), {3}),
        (("verify", "run", "-q"), {0, 3}),
        (("verify", "run", "--json"), {0, 3}),
    ):
        ended = command(*arguments)
        assert ended.code in codes, (arguments, ended.err)
        clean(ended.out, ended.err)
    clean_folder(tmp_path / "run")
    clean((tmp_path / "target.jsonl").read_bytes())


@pytest.mark.parametrize("target", ["matrix", "zulip", "mattermost"])
def test_a_server_that_cannot_be_reached_is_told_of_without_its_secrets(
    command: Command, export: Path, tmp_path: Path, target: str
) -> None:
    settings = {
        "matrix": 'homeserver = "https://127.0.0.1:9"\nas_token',
        "zulip": 'site = "https://127.0.0.1:9"\nemail = "bot@example.invalid"\napi_key',
        "mattermost": 'url = "https://127.0.0.1:9"\nteam = "here"\ntoken',
    }[target]
    path = tmp_path / "secret.toml"
    path.write_text(f'[{target}]\n{settings} = "{TARGET_TOKEN}"\n', encoding="utf-8")
    for more in ((), ("--dry-run",)):
        ended = command("migrate", export, "--to", target, "--config", path, "--run", "run", "-q", *more)
        assert ended.code == 6, ended.err
        clean(ended.out, ended.err)


def test_an_error_of_ours_names_a_place_and_no_value(export: Path, tmp_path: Path) -> None:
    """An unforeseen error deep inside, with secrets in the frames that it passes."""
    script = f"""
import sys
from migrator.adapters.memory import adapter
def broken(self, *arguments):
    secret = {TARGET_TOKEN!r}
    raise ZeroDivisionError(secret, arguments)
adapter.Memory.put_user = broken
sys.argv = ["slack-migrator", "migrate", {str(export)!r}, "--to", "memory", "--run", "run", "-q"]
from migrator.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 1
    assert b"unforeseen ZeroDivisionError in migrator." in done.stderr
    assert b"Traceback" not in done.stderr
    clean(done.stdout, done.stderr)
    clean_folder(tmp_path / "run")
