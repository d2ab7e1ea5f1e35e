"""The checker notices every kind of damage, and nothing in an archive that is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.adapters.zulip.check import check
from migrator.cli import cli
from tests.corpora import CORPORA
from tests.zulip_archive.conftest import SAMPLES, Write

Tables = dict[str, Any]
Damage = Callable[[Tables], object]


def test_whole_archives_have_no_problems(write: Write) -> None:
    for sample in ("tiny", "kitchen_sink"):
        for version in ("9", "10", "11", "12"):
            assert check(write(SAMPLES / sample, f"version={version}")) == []


@pytest.mark.parametrize("name", ["houstondatavis", "yours-2015-08-02"])
def test_archives_of_real_exports_have_no_problems(name: str, write: Write) -> None:
    assert check(write(CORPORA / f"{name}.zip", "sequences=7,8,9")) == []


def test_the_command_tells_and_its_exit_code_too(kitchen: Path, tmp_path: Path) -> None:
    good = CliRunner().invoke(cli, ["zulip", "check", str(kitchen)])
    assert good.exit_code == 0, good.output
    bad = CliRunner().invoke(cli, ["zulip", "check", str(tmp_path)])
    assert bad.exit_code != 0
    assert "realm.json" in bad.output


def _first(table: str, **changes: Any) -> Damage:
    return lambda tables: tables[table][0].update(changes)


def _without(table: str, key: str) -> Damage:
    return lambda tables: tables[table][0].pop(key)


def _twice(table: str, number: int) -> Damage:
    return lambda tables: tables[table].append({**tables[table][0], "id": number})


def _member(tables: Tables) -> Tables:
    found: Tables = next(row for row in tables["zerver_recipient"] if row["type"] == 1)
    return found


REALM: dict[str, tuple[Damage, str]] = {
    "no table": (lambda t: t.pop("zerver_realmfilter"), "missing table"),
    "groups": (lambda t: t.update(zerver_usergroup=[]), "zerver_usergroup"),
    "no key": (_without("zerver_userprofile", "timezone"), "missing key"),
    "odd key": (_first("zerver_stream", topic="x"), "unknown key"),
    "no owner": (lambda t: [row.update(role=400) for row in t["zerver_userprofile"]], "owner"),
    "address": (_first("zerver_userprofile", email="nobody"), "address"),
    "name too long": (_first("zerver_userprofile", full_name="x" * 101), "too long"),
    "channel too long": (_first("zerver_stream", name="x" * 61), "too long"),
    "description too long": (_first("zerver_stream", description="x" * 1025), "too long"),
    "same channel": (lambda t: t["zerver_stream"][1].update(name=t["zerver_stream"][0]["name"].upper()), "not unique"),
    "same address": (
        lambda t: t["zerver_userprofile"][1].update(email=t["zerver_userprofile"][0]["email"]),
        "not unique",
    ),
    "subscribed twice": (_twice("zerver_subscription", 10**6), "not unique"),
    "creator": (_first("zerver_stream", creator=10**6), "reference"),
    "recipient of nobody": (_first("zerver_recipient", type_id=10**6), "reference"),
    "no recipient": (lambda t: t["zerver_recipient"].remove(_member(t)), "recipient"),
    "size of a group": (_first("zerver_huddle", group_size=99), "group"),
    "reaction to nothing": (_first("zerver_reaction", message=10**6), "reference"),
    "reaction of nobody": (_first("zerver_reaction", user_profile=10**6), "reference"),
    "reaction twice": (_twice("zerver_reaction", 10**6), "not unique"),
    "reaction by an odd code": (_first("zerver_reaction", reaction_type="realm_emoji", emoji_code="999"), "emoji"),
    "picture": (_first("zerver_realmemoji", file_name="gone.png"), "emoji"),
    "emoji name": (_first("zerver_realmemoji", name="Ü"), "emoji"),
    "where it is from": (lambda t: t.pop("import_source"), "import_source"),
    "folder": (_without("zerver_stream", "folder"), "missing key"),
    "version's key": (_without("zerver_realm", "moderation_request_channel"), "missing key"),
    "icon": (_first("zerver_realm", icon_source="U"), "icon"),
    "avatar": (lambda t: [row.update(avatar_source="U") for row in t["zerver_userprofile"]], "avatar"),
    "NUL": (_first("zerver_stream", description="a\0b"), "NUL"),
    "last active": (_first("zerver_userprofile", last_active_message_id=10**6), "reference"),
}

MESSAGES: dict[str, tuple[Damage, str]] = {
    "no key": (_without("zerver_message", "rendered_content"), "missing key"),
    "kind left out": (_without("zerver_message", "is_channel_message"), "missing key"),
    "kind": (
        lambda t: [row.update(is_channel_message=not row["is_channel_message"]) for row in t["zerver_message"]],
        "kind",
    ),
    "topic too long": (_first("zerver_message", subject="x" * 61), "too long"),
    "sender": (_first("zerver_message", sender=10**6), "reference"),
    "recipient": (_first("zerver_message", recipient=10**6), "reference"),
    "order": (lambda t: t["zerver_message"].reverse(), "order"),
    "date": (_first("zerver_message", date_sent=-1.0), "date"),
    "empty": (_first("zerver_message", content=" "), "empty"),
    "NUL": (_first("zerver_message", content="a\0b"), "NUL"),
    "same id": (_twice("zerver_message", 1), "not unique"),
    "history": (
        _first("zerver_message", edit_history='[{"user_id": 1, "timestamp": 1, "prev_content": "x"}]'),
        "history",
    ),
    "received by nobody": (_first("zerver_usermessage", user_profile=10**6), "reference"),
    "received from nowhere": (_first("zerver_usermessage", message=10**6), "reference"),
    "flags": (_first("zerver_usermessage", flags_mask=1 << 20), "flags"),
    "file": (_first("zerver_message", content="[x](/user_uploads/1/ab/none)"), "attachment"),
}

ATTACHMENTS: dict[str, tuple[Damage, str]] = {
    "public": (_first("zerver_attachment", is_realm_public=True), "privacy"),
    "not uploaded": (_first("zerver_attachment", path_id="1/xx/none"), "attachment"),
    "message": (_first("zerver_attachment", messages=[10**6]), "reference"),
    "owner": (_first("zerver_attachment", owner=10**6), "reference"),
}


def _damaged(kitchen: Path, to: Path, name: str, damage: Damage) -> list[str]:
    shutil.copytree(kitchen, to)
    path = to / name
    tables = json.loads(path.read_text())
    damage(tables)
    path.write_text(json.dumps(tables))
    return check(to)


def _holds(problems: list[str], kind: str) -> bool:
    return any(kind in problem for problem in problems)


@pytest.mark.parametrize("case", REALM)
def test_damage_in_the_tables(case: str, kitchen: Path, tmp_path: Path) -> None:
    damage, kind = REALM[case]
    assert _holds(_damaged(kitchen, tmp_path / "a", "realm.json", damage), kind)


@pytest.mark.parametrize("case", MESSAGES)
def test_damage_in_the_messages(case: str, kitchen: Path, tmp_path: Path) -> None:
    damage, kind = MESSAGES[case]
    assert _holds(_damaged(kitchen, tmp_path / "a", "messages-000001.json", damage), kind)


@pytest.mark.parametrize("case", ATTACHMENTS)
def test_damage_in_the_files(case: str, kitchen: Path, tmp_path: Path) -> None:
    damage, kind = ATTACHMENTS[case]
    assert _holds(_damaged(kitchen, tmp_path / "a", "attachment.json", damage), kind)


@pytest.mark.parametrize("name", ["migration_status.json", "attachment.json", "uploads/records.json", "realm.json"])
def test_a_file_that_is_not_there(name: str, kitchen: Path, tmp_path: Path) -> None:
    shutil.copytree(kitchen, tmp_path / "a")
    (tmp_path / "a" / name).unlink()
    assert f"missing file: {name}" in check(tmp_path / "a")


def test_an_upload_that_is_not_there_or_is_cut_short(kitchen: Path, tmp_path: Path) -> None:
    shutil.copytree(kitchen, tmp_path / "a")
    first, second = json.loads((tmp_path / "a" / "uploads" / "records.json").read_text())[:2]
    (tmp_path / "a" / "uploads" / first["path"]).unlink()
    (tmp_path / "a" / "uploads" / second["path"]).write_bytes(b"")
    problems = check(tmp_path / "a")
    assert _holds(problems, f"missing file: uploads/{first['path']}")
    assert _holds(problems, "size")


def test_a_gap_between_message_files_and_an_unknown_version(kitchen: Path, tmp_path: Path) -> None:
    shutil.copytree(kitchen, tmp_path / "a")
    (tmp_path / "a" / "messages-000001.json").rename(tmp_path / "a" / "messages-000002.json")
    (tmp_path / "a" / "migration_status.json").write_text('{"zulip_version": "8.0", "migrations_by_app": {}}')
    problems = check(tmp_path / "a")
    assert _holds(problems, "gap")
    assert _holds(problems, "version")


def test_no_json_at_all(kitchen: Path, tmp_path: Path) -> None:
    shutil.copytree(kitchen, tmp_path / "a")
    (tmp_path / "a" / "realm.json").write_text("{")
    assert _holds(check(tmp_path / "a"), "unreadable file")
