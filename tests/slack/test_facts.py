"""What exports are known to hold, section by section of slack-format.md, where no other test here says it."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.model import EventKind, FileMode, Message, MessageKind, Missing, Remote, Role, Text
from migrator.slack.archive import open_archive
from migrator.slack.reader import Export, open_export
from tests.slack.test_reader import messages, planned, say, write

Json = dict[str, Any]


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Any]:
    opened: list[Export] = []

    def open_(records: list[Any], **indexes: Any) -> Export:
        path = write(tmp_path / str(len(opened)), {"general/2024-01-01": records}, **indexes)
        opened.append(open_export([path]))
        return opened[-1]

    yield open_
    for source in opened:
        source.close()


def words(message: Message) -> str:
    return "".join(leaf.text for block in message.body for leaf in getattr(block, "inlines", ()) if type(leaf) is Text)


# ── 1. variants ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_1_the_workspace_is_derived(tmp_path: Path) -> None:
    """No file says what the workspace is called: people and files do, else the name of the zip."""
    share = {"id": "F1", "mode": "hosted", "permalink": "https://bakery.slack.com/files/U1/F1/x"}
    rows = [say("1.0", team="T2"), say("2.0", team="T1"), say("3.0", team="T1", files=[share])]
    users = [{"id": "U1", "team_id": "T1"}, {"id": "U2", "team_id": "T1"}]
    source = open_export(
        [write(tmp_path / "Bread Slack export Sep 10 2023 - Oct 15 2023", {"general/2024-01-01": rows})]
    )
    assert (source.workspace.id, source.workspace.domain, source.workspace.name) == ("T1", "bakery", "Bread")
    source.close()
    source = open_export([write(tmp_path / "x", {"general/2024-01-01": rows}, users=users)])
    assert (source.workspace.id, source.workspace.name) == ("T1", "bakery")
    source.close()


# ── 3. folders ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_3_exports_from_before_and_after_a_rename_are_one_conversation(tmp_path: Path) -> None:
    old = write(
        tmp_path / "old", {"ovens/2024-01-01": [say("1.0"), say("2.0")]}, channels=[{"id": "C1", "name": "ovens"}]
    )
    new = write(
        tmp_path / "new",
        {"bread/2024-01-02": [say("2.0", "later"), say("3.0")]},
        channels=[{"id": "C1", "name": "bread"}],
    )
    source = open_export([old, new])
    assert {id_: c.name for id_, c in source.workspace.conversations.items()} == {"C1": "bread"}
    assert [(m.ts, words(m)) for m in messages(source)] == [("1.0", "hello"), ("2.0", "later"), ("3.0", "hello")]
    source.close()


def test_3_uploads_that_are_json_are_not_read_as_messages(tmp_path: Path) -> None:
    upload = [say("9.0", "in a file")]
    path = write(
        tmp_path,
        {
            "general/2024-01-01": [
                say("1.0", files=[{"id": "F0AAAAAA1", "mode": "hosted", "name": "2024-01-01.json"}])
            ],
            "__uploads/F0AAAAAA1/2024-01-01": upload,
            "general/attachments/F0AAAAAA2-2024-01-02": upload,
        },
    )
    source = open_export([path])
    (message,) = messages(source)
    assert source.open(message.files[0]).read() == json.dumps(upload).encode()
    assert source.census().to_dict()["records"] == 1
    source.close()


# ── 4. zips ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_4_the_unicode_path_of_info_zip_is_honoured(tmp_path: Path) -> None:
    raw, name = "caf\ufffd/2024-01-01.json".encode("cp437", "replace"), "café/2024-01-01.json".encode()
    info = zipfile.ZipInfo(raw.decode())
    content = struct.pack("<BI", 1, zlib.crc32(raw)) + name
    info.extra = struct.pack("<HH", 0x7075, len(content)) + content
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("channels.json", "[]")
        archive.writestr(info, "[]")
    opened = open_archive(tmp_path / "x.zip")
    assert "café/2024-01-01.json" in opened
    opened.close()


# ── 5. users ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_5_people_of_every_kind(read: Any) -> None:
    users = [
        {"id": "U1", "name": "ada", "profile": {"display_name": "", "real_name": "Ada Abel", "fields": {}}},
        {"id": "U2", "name": "bo", "deleted": True, "profile": {"fields": []}},
        {"id": "U3", "name": "cleo", "is_owner": True, "tz": None, "profile": {"real_name": "", "fields": None}},
        {"id": "U4", "name": "dag", "is_restricted": True, "is_ultra_restricted": True},
        {
            "id": "U5",
            "name": "edda",
            "is_restricted": True,
            "profile": {"fields": {"Xf1": {"value": "Soups", "alt": ""}}},
        },
        {"id": "U6", "name": "finn", "is_stranger": True, "profile": None},
        {"id": "U7", "name": "helper", "is_bot": True, "profile": {"bot_id": "B7"}},
        {"id": "W0123456789ABC", "name": "gail", "is_admin": 1},
    ]
    source = read([say("1.0", user="USLACKBOT"), say("2.0", user="UREVOKEDU"), say("3.0", user="U00")], users=users)
    found = source.workspace.users
    assert [(found[f"U{n}"].name, found[f"U{n}"].role, found[f"U{n}"].active) for n in range(1, 8)] == [
        ("Ada Abel", Role.MEMBER, True),
        ("bo", Role.MEMBER, False),
        ("cleo", Role.OWNER, True),
        ("dag", Role.SINGLE_GUEST, True),
        ("edda", Role.GUEST, True),
        ("finn", Role.STRANGER, True),
        ("helper", Role.BOT, True),
    ]
    assert found["W0123456789ABC"].role is Role.ADMIN
    assert found["U5"].profile.fields == {"Xf1": "Soups"}
    assert (found["USLACKBOT"].name, found["USLACKBOT"].role) == ("Slackbot", Role.BOT)
    assert (found["UREVOKEDU"].name, found["U00"].name) == ("Withheld by key policy", "Slack")


def test_5_missing_people_are_rebuilt_from_all_that_names_them(read: Any) -> None:
    profile = {"real_name": "Ines Iver", "display_name": "ines", "name": "ines.iver"}
    source = read(
        [
            say("1.0", user="U1", user_profile=profile),
            say("2.0", "hello <@U2|jory>", user="U1"),
            say("3.0", user="U1", reactions=[{"name": "+1", "users": ["U3"], "count": 1}]),
            say("4.0", user="U1", subtype="channel_join", inviter="U4"),
        ],
        channels=[
            {"id": "C1", "name": "general", "members": ["U5"], "pins": [{"id": "1.0", "type": "C", "user": "U6"}]}
        ],
    )
    found = {id_: (user.name, user.reason) for id_, user in source.workspace.users.items()}
    assert found == {
        "U1": ("ines", "profile"),
        "U2": ("jory", "label"),
        "U3": ("U3", "reaction"),
        "U4": ("U4", "mention"),
        "U5": ("U5", "member"),
        "U6": ("U6", "member"),
    }


# ── 6. conversations ────────────────────────────────────────────────────────────────────────────────────────────────


def test_6_conversations_of_all_years(read: Any) -> None:
    channels = [
        {"id": "C1", "name": "general", "created": "1400000000", "members": [], "is_general": True},
        {"id": "C2", "name": "old", "created": 1, "creator": None, "topic": {"value": "a &amp; b", "last_set": "0"}},
        {"id": "C3", "name": "東京", "created": 0, "purpose": {"value": "x", "creator": "U1", "last_set": 1400000001}},
    ]
    source = read(
        [say("1.0")], channels=channels, mpims=[{"id": "G9", "name": "mpdm-a--b-1", "members": ["U1", "U2", "U3"]}]
    )
    found = source.workspace.conversations
    assert [found[f"C{n}"].created for n in (1, 2, 3)] == [1_400_000_000, 0, 0]
    assert found["C1"].general
    assert found["C2"].topic.body[0].inlines[0].text == "a & b"  # type: ignore[union-attr]
    assert (found["C3"].name, found["C3"].purpose.by, found["C3"].purpose.at) == ("東京", "U1", 1_400_000_001)
    assert found["G9"].members == ("U1", "U2", "U3")  # never those that its name lists


# ── 8. subtypes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("record", "kind", "event", "text"),
    [
        (
            {"subtype": "ekm_access_denied", "user": "UREVOKEDU", "text": "x"},
            MessageKind.TEXT,
            None,
            "[withheld by key policy]",
        ),
        ({"subtype": "me_message", "text": "waves"}, MessageKind.EMOTE, None, "waves"),
        (
            {"subtype": "tombstone", "hidden": True, "text": "This message was deleted."},
            MessageKind.DELETED,
            None,
            "This message was deleted.",
        ),
        (
            {"subtype": "welcome_party", "welcome_party_user_id": "U9", "text": "hi"},
            MessageKind.EVENT,
            EventKind.OTHER,
            "hi",
        ),
        (
            {"subtype": "sh_room_created", "room": {"created_by": "U2"}},
            MessageKind.EVENT,
            EventKind.HUDDLE,
            "A huddle",
        ),
        (
            {"subtype": "assistant_app_thread", "text": "", "assistant_app_thread": {"title": "On bread"}},
            MessageKind.TEXT,
            None,
            "On bread",
        ),
        ({"subtype": "group_leave", "text": "left"}, MessageKind.EVENT, EventKind.LEAVE, "left"),
        ({"subtype": "channel_name", "name": "new", "text": "renamed"}, MessageKind.EVENT, EventKind.RENAME, "renamed"),
        (
            {"subtype": "document_comment_root", "user": "USLACKBOT", "text": ""},
            MessageKind.EVENT,
            EventKind.CANVAS,
            "changed the canvas",
        ),
        ({"subtype": "slackbot_response", "user": "USLACKBOT", "text": "auto"}, MessageKind.TEXT, None, "auto"),
        ({"subtype": "share_shortcut", "text": "new kind"}, MessageKind.TEXT, None, "new kind"),
    ],
    ids=lambda value: value.get("subtype") if isinstance(value, dict) else "",
)
def test_8_subtypes(read: Any, record: Json, kind: MessageKind, event: EventKind | None, text: str) -> None:
    source = read([{"type": "message", "ts": "1.0", "user": "U1", **record}])
    (message,) = messages(source)
    assert (message.kind, message.event and message.event.kind, words(message)) == (kind, event, text)
    planned(source)


# ── 9. threads ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_9_threads_are_made_of_thread_ts_alone(read: Any) -> None:
    """Counters, lists of replies and parent_user_id say something else; a broadcast's stale root is not read."""
    root = {"ts": "10.0", "text": "<@U9>", "files": [{"id": "F9", "mode": "hosted"}]}
    source = read(
        [
            say("10.0", thread_ts="10.0", reply_count=7, replies=[{"user": "U5", "ts": "99.0"}], latest_reply="99.0"),
            say("11.0", thread_ts="10.0"),
            say("12.0", subtype="thread_broadcast", thread_ts="10.0", root=root),
            say("13.0", thread_ts="13.0", reply_count=0, latest_reply="0000000000.000000"),
        ]
    )
    found = [(m.ts, m.thread, m.is_root, m.broadcast) for m in messages(source)]
    assert found == [
        ("10.0", "", True, False),
        ("11.0", "10.0", False, False),
        ("12.0", "10.0", False, True),
        ("13.0", "", False, False),
    ]
    assert source.workspace.users.keys() == {"U1"}
    assert all(not message.files for message in messages(source))


# ── 11, 12. reactions and files ─────────────────────────────────────────────────────────────────────────────────────


def test_11_one_emoji_in_several_tones(read: Any) -> None:
    names = ("clap", "clap::skin-tone-2", "clap::skin-tone-3", "+1", "schrödinger's-cat")
    source = read([say("1.0", reactions=[{"name": name, "users": ["U1"], "count": 1} for name in names])])
    (message,) = messages(source)
    assert [(r.name, r.tone, bool(r.char)) for r in message.reactions] == [
        ("clap", 0, True),
        ("clap", 2, True),
        ("clap", 3, True),
        ("+1", 0, True),
        ("schrödinger's-cat", 0, False),
    ]


def test_12_files_of_both_eras_and_all_modes(read: Any) -> None:
    url = "https://files.example.invalid/f"
    listed = [
        {"id": "F1", "mode": "space", "name": "post", "url_private": url},
        {"id": "F2", "mode": "list", "name": "list", "list_csv_download_url": f"{url}.csv"},
        {"id": "F3", "mode": "email", "name": "mail", "plain_text": "Dear all", "url_private": url},
        {"id": "F4", "file_access": "check_file_info", "name": "far"},
        {
            "id": "F5",
            "mode": "external",
            "is_external": True,
            "name": "doc",
            "external_url": "https://docs.example.invalid/d",
        },
        {"id": "F6", "is_hidden_by_limit": 1},
        {"id": "F7", "mode": "snippet", "name": "x.py", "preview": "print()", "size": "12", "url_private": url},
        {"id": "F8", "mode": "quip", "name": "canvas", "url_private_download": url},
    ]
    source = read(
        [say("1.0", files=listed, file={"id": "F0", "mode": "hosted", "name": "old", "url_private": url}, upload=False)]
    )
    (message,) = messages(source)
    assert [file.mode for file in message.files] == [
        *(FileMode.POST, FileMode.LIST, FileMode.EMAIL, FileMode.DENIED, FileMode.EXTERNAL, FileMode.OVER_LIMIT),
        *(FileMode.SNIPPET, FileMode.CANVAS, FileMode.HOSTED),
    ]
    kept = [isinstance(file.data, Remote) for file in message.files]
    assert kept == [True, True, True, False, False, False, True, True, True]
    assert all(isinstance(file.data, Missing) for file, held in zip(message.files, kept, strict=True) if not held)
    assert all(file.reshared for file in message.files)
    assert (message.files[2].text, message.files[6].text, message.files[6].size) == ("Dear all", "print()", 12)
    planned(source)


# ── 13. authorship ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_13_no_bot_where_bot_id_is_null(read: Any) -> None:
    share = {"id": "F1", "mode": "hosted", "name": "a"}
    source = read([say("1.0", subtype="file_share", bot_id=None, username="ada", file=share), say("2.0", user="U1")])
    assert [message.author.user for message in messages(source)] == ["U1", "U1"]
    assert source.workspace.users["U1"].role is Role.MEMBER
    assert source.workspace.users["U1"].name == "ada"


# ── 18, 20. pins of files, times ────────────────────────────────────────────────────────────────────────────────────


def test_20_a_ts_is_unique_within_its_conversation_only(tmp_path: Path) -> None:
    ts = "1698766150.179209"
    channels = [{"id": "C1", "name": "one"}, {"id": "C2", "name": "two"}]
    path = write(tmp_path, {"one/2024-01-01": [say(ts, "a")], "two/2024-01-01": [say(ts, "b")]}, channels=channels)
    source = open_export([path])
    assert [(m.conversation, m.ts, words(m)) for id_ in ("C1", "C2") for m in messages(source, id_)] == [
        ("C1", ts, "a"),
        ("C2", ts, "b"),
    ]
    source.close()


def test_20_edits_that_seem_to_precede_the_message_are_moved_to_it(read: Any) -> None:
    source = read([say("1698766150.179209", edited={"user": "U2", "ts": "1698766150.000000"})])
    (message,) = messages(source)
    assert message.edited is not None
    assert (message.edited.by, message.edited.at) == ("U2", "1698766150.179209")
