"""`inspect` against a count made with nothing of ours: zip files, folders and `json`."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.slack.reader import open_export
from tests.corpora import YOURS, corpora

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"
DAY = re.compile(r"(?:.*/)?([^/]+)/\d{4}-\d\d-\d\d\.json")
Counted = dict[str, Any]


def members(export: Path) -> Iterator[tuple[str, bytes]]:
    if export.is_dir():
        for path in sorted(export.rglob("*.json")):
            yield path.relative_to(export).as_posix(), path.read_bytes()
        return
    with zipfile.ZipFile(export) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".json"):
                yield (
                    name.encode("cp437").decode() if not archive.getinfo(name).flag_bits & 0x800 else name,
                    archive.read(name),
                )


def count(*exports: Path) -> Counted:
    """Later exports replace earlier records, by (conversation, ts)."""
    records, people, places = 0, set(), set()
    messages: dict[tuple[str, str], dict[str, Any]] = {}
    for export in exports:
        ids: dict[str, str] = {}
        content = list(members(export))
        for name, data in content:
            if name in ("channels.json", "groups.json", "mpims.json", "dms.json", "file_conversations.json"):
                for entry in json.loads(data):
                    ids[entry.get("name") or entry["id"]] = entry["id"]
            elif name == "users.json":
                people |= {entry["id"] for entry in json.loads(data)}
        places |= set(ids.values())
        for name, data in content:
            if match := DAY.fullmatch(name):
                conversation = ids.get(match[1], match[1])
                places.add(conversation)
                for record in json.loads(data):
                    records += 1
                    if record.get("subtype") not in ("message_changed", "message_deleted"):  # logs of messages
                        messages[conversation, record["ts"]] = record
    replies = {k: m for k, m in messages.items() if isinstance(m.get("thread_ts"), str) and m["thread_ts"] != m["ts"]}
    files = [len(m.get("files") or ()) + isinstance(m.get("file"), dict) for m in messages.values()]
    reactions = [len(r["users"]) for m in messages.values() for r in m.get("reactions") or ()]
    return {
        "records": records,
        "messages": len(messages),
        "replies": len(replies),
        "threads": len({(conversation, m["thread_ts"]) for (conversation, _), m in replies.items()}),
        "reactions": sum(reactions),
        "files": sum(files),
        "edited": sum("edited" in m for m in messages.values()),
        "conversations": len(places),
        "subtypes": Counter(m.get("subtype") or "none" for m in messages.values()),
        "people": len(people),
    }


def agree(counted: Counted, *exports: Path) -> dict[str, Any]:
    source = open_export(exports)
    census = source.census().to_dict()
    source.close()
    if not counted["people"]:
        del counted["people"]
        assert census["people"] == len(source.workspace.users) > 0
    assert {name: census[name] for name in counted} == counted
    assert census["quarantined"] == 0
    return census


@pytest.mark.parametrize("export", corpora(), ids=lambda path: path.stem)
def test_real_exports_are_counted_as_json_counts_them(export: Path) -> None:
    agree(count(export), export)


@pytest.mark.parametrize("name", ["tiny", "kitchen_sink"])
def test_samples_are_counted_as_json_counts_them(name: str) -> None:
    agree(count(SAMPLES / name), SAMPLES / name)


def test_three_exports_of_one_workspace_are_their_union() -> None:
    census = agree(count(*YOURS), *YOURS)
    assert census["messages"] == 8_646


def test_hyperledger_is_whole() -> None:
    (export,) = [path for path in corpora() if path.stem == "hyperledger"]
    source = open_export([export])
    census = source.census().to_dict()
    assert census["messages"] == 120_552
    assert census["people_made_up"] == census["people"] > 1_000
    assert all(user.reason for user in source.workspace.users.values())
    source.close()
