"""The layout: every form of export is the same workspace, and folders find their conversations."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from migrator.errors import ExportError
from migrator.slack.archive import open_archive
from migrator.slack.damage import Damaged
from migrator.slack.folders import Listed, Matcher
from migrator.slack.layout import Layout, open_layout
from migrator.slack.records import split
from tests.slack import variants
from tests.slack.variants import FILE, FILE_ID, KEYS, KINDS, MAKERS, MESSAGES, dump, standard, write


def opened(*paths: Path) -> Layout:
    return open_layout([open_archive(path) for path in paths])


def messages(layout: Layout) -> dict[tuple[str, str], dict[str, object]]:
    """(conversation, ts) -> record, the later one winning."""
    out: dict[tuple[str, str], dict[str, object]] = {}
    for folder in layout.folders:
        for member in folder.members:
            for at, piece in layout.records(member):
                assert isinstance(piece, msgspec.Raw), f"{at}: {piece}"
                record = json.loads(bytes(piece))
                out[folder.conversation or folder.name, record["ts"]] = record
    return out


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_form_is_the_same_workspace(name: str, tmp_path: Path) -> None:
    layout = opened(MAKERS[name](tmp_path / "export"))
    found = messages(layout)
    assert sorted(found) == KEYS
    for conversation, rows in MESSAGES.items():
        for row in rows:
            assert found[conversation, row["ts"]]["text"] == row["text"]
    for id_, kind in KINDS.items():
        [record] = {
            bytes(p): json.loads(bytes(p)) for _, p in layout.index(kind) if isinstance(p, msgspec.Raw)
        }.values()
        assert record["id"] == id_
        assert set(record["members"]) == set(next(r["members"] for r in variants.LISTED[kind]))
    users = {json.loads(bytes(piece))["id"] for kind in ("users", "org_users") for _, piece in layout.index(kind)}
    assert users == {user["id"] for user in variants.USERS}
    assert layout.refused == []
    if layout.uploads:
        assert list(layout.uploads) == [FILE_ID]
        member = layout.uploads[FILE_ID]
        assert layout.size(member) == len(FILE)
        assert layout.open(member).read() == FILE
    assert layout.notes == []
    layout.close()


WITH_FILES = (
    "advanced_exporter slackdump_export slackdump_export_standard slackdump_dump slackdump_chunks slackdump_archive "
    "slackdump_archive_zip"
)


@pytest.mark.parametrize("name", WITH_FILES.split())
def test_forms_that_bring_files(name: str, tmp_path: Path) -> None:
    assert FILE_ID in opened(MAKERS[name](tmp_path / "export")).uploads


def test_avatars(tmp_path: Path) -> None:
    layout = opened(MAKERS["slackdump_export"](tmp_path / "export"))
    assert layout.open(layout.avatars["U0ADA"]).read() == b"\x89PNG"


def test_the_workspaces_of_a_grid(tmp_path: Path) -> None:
    layout = opened(MAKERS["grid"](tmp_path / "export"))
    assert {(folder.conversation, folder.team) for folder in layout.folders} == {
        ("C0GENERAL", ""),
        ("D0ADABO01", ""),
        ("C0SECRET", "acme"),
        ("C0GROUPDM", "other"),
    }


def test_two_workspaces_of_a_grid_may_use_one_name(tmp_path: Path) -> None:
    members = {"org_users.json": b"[]"}
    for team in ("a", "b"):
        members[f"teams/{team}/channels.json"] = dump([{"id": f"C0{team.upper()}", "name": "general"}])
        members[f"teams/{team}/general/2024-05-01.json"] = dump([variants.message(1)])
    layout = opened(write(tmp_path, members))
    assert {(folder.team, folder.conversation, folder.also) for folder in layout.folders} == {
        ("a", "C0A", ()),
        ("b", "C0B", ()),
    }


def test_a_later_export_comes_later(tmp_path: Path) -> None:
    """The channel was renamed in between; its id joins both folders."""
    first = write(tmp_path / "first", standard())
    renamed = [variants.PUBLIC | {"name": "lobby"}]
    edited = [variants.ROOT | {"text": "Edited"}, variants.message(40)]
    second = write(
        tmp_path / "second",
        {"channels.json": dump(renamed), "lobby/2024-05-09.json": dump(edited), "users.json": b"[]"},
    )
    layout = opened(first, second)
    found = messages(layout)
    assert found["C0GENERAL", variants.ROOT["ts"]]["text"] == "Edited"
    assert len(found) == len(KEYS) + 1
    general = [folder for folder in layout.folders if folder.conversation == "C0GENERAL"]
    assert [(folder.name, folder.export) for folder in general] == [("general", 0), ("lobby", 1)]
    assert general[1].members == ("second/lobby/2024-05-09.json",)
    assert [str(at) for at, _ in layout.records("second/lobby/2024-05-09.json")][1] == "second/lobby/2024-05-09.json[1]"


def test_exports_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [write(tmp_path / str(n) / "export", standard()) for n in range(3)]
    layout = opened(*paths)
    members = [member for folder in layout.folders for member in folder.members]
    assert len(set(members)) == len(members) == 3 * 5
    assert sorted(messages(layout)) == KEYS


def test_a_half_packed_conversation_of_a_dump_is_named_by_its_file(tmp_path: Path) -> None:
    content = b'{"name":"caf\\u00e9","channel_id":"C0CAFE001","messages":[]}'
    layout = opened(write(tmp_path, {"C0CAFE001.json": content, "users.json": b"[]"}))
    assert [json.loads(bytes(p)) for _, p in layout.index("channels")] == [{"id": "C0CAFE001", "name": "café"}]


def test_an_unfinished_archive_is_noted(tmp_path: Path) -> None:
    import sqlite3

    path = MAKERS["slackdump_archive"](tmp_path / "export")
    connection = sqlite3.connect(path / "slackdump.sqlite")
    connection.execute("UPDATE SESSION SET FINISHED = 0")
    connection.commit()
    connection.close()
    [note] = opened(path).notes
    assert "did not finish" in note


def test_a_database_with_a_log_beside_it(tmp_path: Path) -> None:
    """A run that was killed leaves its last rows in slackdump.sqlite-wal; the archive itself is not changed."""
    import sqlite3

    path = MAKERS["slackdump_archive"](tmp_path / "export")
    writer = sqlite3.connect(path / "slackdump.sqlite")
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute(
        "INSERT INTO MESSAGE VALUES (1714569999000100, 6, 'C0GENERAL', '', NULL, 0, 0, '', ?)",
        (dump(variants.message(9999)),),
    )
    writer.commit()
    before = {p.name: p.read_bytes() for p in path.glob("slackdump.sqlite*")}
    copy = write(tmp_path / "copy", {name: content for name, content in before.items() if not name.endswith("-shm")})
    writer.close()
    layout = opened(copy)
    assert ("C0GENERAL", "1714569999.000100") in messages(layout)
    layout.close()
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == {
        n: c for n, c in before.items() if not n.endswith("-shm")
    }


def test_a_chunk_with_a_cut_emoji_costs_nothing(tmp_path: Path) -> None:
    line = json.dumps(
        {"t": 0, "ts": 1, "id": "C0GENERAL", "m": [variants.message(1, text="\ud83d"), variants.message(2)]}
    )
    layout = opened(write(tmp_path, {"C0GENERAL.json.gz": gzip.compress(line.encode() + b"\n")}))
    assert len(messages(layout)) == 2


def test_a_chunk_file_that_is_cut_off_keeps_what_is_there(tmp_path: Path) -> None:
    rows = [variants.message(n, text=f"{n * 7919 % 10007}" * 9) for n in range(2000)]
    packed = gzip.compress(variants.lines({"t": 0, "ts": 1, "id": "C0GENERAL", "m": rows}))
    layout = opened(write(tmp_path, {"C0GENERAL.json.gz": packed[: len(packed) // 2]}))
    pieces = [piece for folder in layout.folders for m in folder.members for _, piece in layout.records(m)]
    kept = [json.loads(bytes(piece)) for piece in pieces if isinstance(piece, msgspec.Raw)]
    assert kept == rows[: len(kept)]
    assert len(kept) > 800
    assert [piece for piece in pieces if isinstance(piece, Damaged)] == [
        Damaged("the file is cut off within this record")
    ]


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_txt_export_is_refused_with_what_to_ask_for(tmp_path: Path) -> None:
    path = write(tmp_path, {"channels/general.txt": b"x", "dms/bo.txt": b"x", "files/list.txt": b"x"})
    with pytest.raises(ExportError, match="TXT export") as caught:
        opened(path)
    assert "JSON" in caught.value.hint


# ── folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FILE_CONVERSATION = "FC:F05SAMPLE02:Plan: A/B"
NAMES = [
    Listed("C1", "general"),
    Listed("C2", "café"),
    Listed("C05SAMPLE02", FILE_CONVERSATION.replace("/", "_")),
    Listed("C4", "renamed", previous=("old-name",)),
    Listed("C5", "mpdm-a--b-1"),
    Listed("C6", "über.uns"),
]


@pytest.mark.parametrize(
    ("folder", "conversation"),
    [
        ("general", "C1"),
        ("C1", "C1"),
        ("General", "C1"),
        ("general ", "C1"),
        ("general.", "C1"),
        ("cafe\u0301", "C2"),
        ("caf├⌐", "C2"),
        ("cafÃ©", "C2"),
        ("caf#U00e9", "C2"),
        ("b'caf\\xc3\\xa9'", "C2"),
        ("FC:F05SAMPLE02:Plan: A_B", "C05SAMPLE02"),
        ("FC_F05SAMPLE02_Plan_ A_B", "C05SAMPLE02"),
        ("FCF05SAMPLE02Plan AB", "C05SAMPLE02"),
        ("FC:F05SAMPLE02:Another title", "C05SAMPLE02"),
        ("old-name", "C4"),
        ("mpdm-a--b-1", "C5"),
        ("Über.Uns", "C6"),
        ("nowhere", ""),
        ("2017-05", ""),
        ("b'", ""),
        ("#Uffffffff", ""),
    ],
)
def test_folders_find_their_conversation(folder: str, conversation: str) -> None:
    assert Matcher(NAMES).find(folder, "") == (conversation, ())


def test_of_two_conversations_of_one_name_the_living_one_is_chosen() -> None:
    listed = [Listed("C1", "x", archived=True, created=9), Listed("C2", "x", created=1), Listed("C3", "x", created=5)]
    assert Matcher(listed).find("x", "") == ("C3", ("C1", "C2"))


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_broken_in_the_middle_costs_itself() -> None:
    rows = [variants.message(n, blocks=[{"type": "x", "elements": [{"a": 1}, {"b": 2}]}]) for n in range(50)]
    text = dump(rows).decode().replace('"text": "Number 20"', '"text": "Number 20')
    pieces = list(split(text.encode()))
    assert len(pieces) == 50
    assert [n for n, piece in enumerate(pieces) if isinstance(piece, Damaged)] == [20]
    assert [json.loads(bytes(p))["ts"] for p in pieces if isinstance(p, msgspec.Raw)] == [
        row["ts"] for n, row in enumerate(rows) if n != 20
    ]


def test_reasons_hold_no_content() -> None:
    secret = "hunter2"
    for content in (f'["{secret}', f'[{{"a": {secret}}}]', f'{{"messages": "{secret}"}}', f'"{secret}"', secret):
        for piece in split(content.encode()):
            assert not isinstance(piece, Damaged) or secret not in piece.reason
