"""What an archive says, held against its export: threads, people, privacy, mentions, edits, reactions, state."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.adapters.zulip.archive import choices
from migrator.adapters.zulip.check import check
from migrator.adapters.zulip.preflight import Told
from migrator.adapters.zulip.threads import Policy
from migrator.cli import cli
from migrator.errors import UsageError
from migrator.model import Conversation, ConversationKind, Message, micros
from migrator.slack.reader import open_export
from tests.corpora import CORPORA
from tests.zulip_archive.conftest import SAMPLES, Write, rows

KITCHEN = SAMPLES / "kitchen_sink"


def _export(path: Path) -> tuple[dict[str, Conversation], dict[str, list[Message]]]:
    source = open_export([path])
    try:
        places = dict(source.workspace.conversations)
        return places, {key: list(source.messages(key)) for key in places}
    finally:
        source.close()


@pytest.mark.parametrize("export", [KITCHEN, CORPORA / "houstondatavis.zip"], ids=["sample", "real"])
def test_every_message_is_there_and_ids_follow_time(export: Path, write: Write) -> None:
    _, messages = _export(export)
    there = rows(write(export), "zerver_message")
    dates = [row["date_sent"] for row in there]
    assert dates == sorted(dates)
    moments = Counter(micros(message.ts) for some in messages.values() for message in some)
    assert moments - Counter(round(date * 1_000_000) for date in dates) == Counter()
    copies = sum(bool(m.broadcast and m.thread) for some in messages.values() for m in some)
    assert len(there) == moments.total() + copies  # without a limit no text is divided
    assert [row["id"] for row in there] == list(range(1, len(there) + 1))


def test_every_thread_is_one_topic_and_no_topic_holds_two(kitchen: Path) -> None:
    places, messages = _export(KITCHEN)
    channels = {p.id for p in places.values() if p.kind in (ConversationKind.PUBLIC, ConversationKind.PRIVATE)}
    threads = {(c, m.thread) for c in channels for m in messages[c] if m.thread}
    topics: dict[tuple[int, str], int] = Counter()
    for row in rows(kitchen, "zerver_message"):
        if row["is_channel_message"] and row["subject"] != "imported from Slack":
            topics[row["recipient"], row["subject"]] += 1
    assert threads
    assert len(topics) == len(threads)
    assert sum(topics.values()) >= sum(1 for c in channels for m in messages[c] if m.thread)


def test_no_thread_of_many_messages_is_split_and_no_topic_is_mixed(write: Write, tmp_path: Path) -> None:
    """In many files of messages and many days of the export: topics come of the root alone, and need no memory."""
    sys.path.insert(0, str(SAMPLES))
    from generate import generate

    export = tmp_path / "many.zip"
    generate(export, messages=12_000, people=20, conversations=4, seed=3)
    folder = write(export)
    assert len(list(folder.glob("messages-*.json"))) > 10
    source = open_export([export])
    try:
        threads = {  # channel and time of a reply to its thread
            (place.name, micros(message.ts)): (place.id, message.thread)
            for place in source.workspace.conversations.values()
            for message in source.messages(place.id)
            if message.thread
        }
    finally:
        source.close()
    names = {row["id"]: row["name"] for row in rows(folder, "zerver_stream")}
    channels = {r["id"]: names[r["type_id"]] for r in rows(folder, "zerver_recipient") if r["type"] == 2}
    topics, mixed = defaultdict(set), defaultdict(set)
    for row in rows(folder, "zerver_message"):
        if row["recipient"] in channels and row["subject"] != "imported from Slack":
            thread = threads[channels[row["recipient"]], round(row["date_sent"] * 1_000_000)]
            topics[thread].add((row["recipient"], row["subject"].casefold()))
            mixed[row["recipient"], row["subject"].casefold()].add(thread)
    assert len(topics) > 100
    assert [thread for thread, names in topics.items() if len(names) > 1] == []
    assert [topic for topic, some in mixed.items() if len(some) > 1] == []


def test_a_run_that_was_stopped_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["migrate", str(SAMPLES / "tiny"), "--to", "zulip", "--route", "archive", "-q"]
    arguments += ["-o", str(tmp_path / "out"), "--run", str(tmp_path / "run")]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("migrator.adapters.zulip.archive.put_avatars", stop)
        CliRunner().invoke(cli, arguments)
    assert list((tmp_path / "out").glob("messages-*.json"))
    assert not (tmp_path / "out" / "realm.json").exists()
    assert check(tmp_path / "out") != []
    (tmp_path / "out" / ".work-killed").mkdir()  # messages in clear, which nobody shall copy to a server
    (tmp_path / "out" / ".work-killed" / "posts.1").write_text("secret")
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert check(tmp_path / "out") == []
    assert not list((tmp_path / "out").glob(".work-*"))


def test_people_are_who_they_were(kitchen: Path) -> None:
    source = open_export([KITCHEN])
    workspace = source.workspace
    source.close()
    people = rows(kitchen, "zerver_userprofile")
    assert len(people) >= len(workspace.users)
    assert len({row["full_name"].casefold() for row in people}) == len(people)
    assert sum(row["is_bot"] for row in people) == sum(user.is_bot for user in workspace.users.values())
    assert any(row["role"] == 600 for row in people)
    assert any(row["is_mirror_dummy"] for row in people)
    assert all(not row["is_active"] for row in people if row["is_mirror_dummy"])


def test_a_list_of_the_movers_says_who_is_who(write: Write, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("bo,bo.new@example.invalid\n")
    folder = write(KITCHEN, f"people_file={tmp_path / 'people.csv'}", "email_domain=old.example.invalid")
    addresses = {row["full_name"]: row["delivery_email"] for row in rows(folder, "zerver_userprofile")}
    assert addresses["Bo"] == "bo.new@example.invalid"
    assert addresses["Deploy Bot"].endswith("@old.example.invalid")


def test_private_channels_and_archived_ones_stay_so(kitchen: Path) -> None:
    places, _ = _export(KITCHEN)
    streams = {row["name"]: row for row in rows(kitchen, "zerver_stream")}
    for place in places.values():
        if place.name in streams:
            assert streams[place.name]["invite_only"] == (place.kind is ConversationKind.PRIVATE)
            assert streams[place.name]["deactivated"] == place.archived


def test_nobody_sees_a_file_before_the_server_worked_out_who_may(kitchen: Path) -> None:
    attachments = rows(kitchen, "zerver_attachment")
    assert attachments
    assert all(row["is_realm_public"] is None and row["is_web_public"] is None for row in attachments)


def test_reactions_and_edits(kitchen: Path) -> None:
    _, messages = _export(KITCHEN)
    everything = [message for some in messages.values() for message in some]
    reactions = {
        (m.key, re.sub("[\U0001f3fb-\U0001f3ff]", "", r.char) or r.name, u)
        for m in everything
        for r in m.reactions
        for u in r.users
    }
    assert len(rows(kitchen, "zerver_reaction")) == len(reactions)
    edited = sum(row["last_edit_time"] is not None for row in rows(kitchen, "zerver_message"))
    assert edited >= sum(message.edited is not None for message in everything) > 0


def test_history_arrives_read_and_direct_messages_for_their_people_only(kitchen: Path) -> None:
    received = defaultdict(set)
    for row in rows(kitchen, "zerver_usermessage"):
        assert row["flags_mask"] & 1
        received[row["message"]].add(row["user_profile"])
    direct = [row for row in rows(kitchen, "zerver_message") if not row["is_channel_message"]]
    assert direct
    assert all(row["sender"] in received[row["id"]] for row in direct)


def test_all_rows_are_written_where_idle_people_are_not_trimmed(write: Write, kitchen: Path) -> None:
    full = write(KITCHEN, "version=11", "idle=no")
    assert len(rows(full, "zerver_usermessage")) > len(rows(kitchen, "zerver_usermessage"))
    assert not any(row["long_term_idle"] for row in rows(full, "zerver_userprofile"))
    assert all(row["long_term_idle"] for row in rows(kitchen, "zerver_userprofile") if not row["is_bot"])


def test_pins_are_stars(kitchen: Path) -> None:
    places, messages = _export(KITCHEN)
    there = {m.key for some in messages.values() for m in some}
    pins = sum((c.id, pin.ts) in {(k.conversation, k.ts) for k in there} for c in places.values() for pin in c.pins)
    starred = [row for row in rows(kitchen, "zerver_usermessage") if row["flags_mask"] & 2]
    assert len(starred) == pins > 0


def test_mentions_and_links_are_by_id_where_the_sequences_are_given(write: Write) -> None:
    exact = write(KITCHEN, "sequences=100,200,300")
    people = {row["id"] for row in rows(exact, "zerver_userprofile")}
    channels = {row["id"] for row in rows(exact, "zerver_stream")}
    there = rows(exact, "zerver_message")
    ids = {row["id"] for row in there}
    assert (min(people), min(channels), min(ids)) == (101, 201, 301)
    text = "\n".join(row["content"] for row in there)
    mentioned = re.findall(r"@_\*\*\|(\d+)\*\*", text)
    assert mentioned
    assert {int(n) for n in mentioned} <= people
    linked = re.findall(r"/#narrow/channel/(\d+)/near/(\d+)", text)
    assert linked
    assert {int(n) for n, _ in linked} <= channels
    assert {int(n) for _, n in linked} <= ids
    assert "/#slack-message/" not in text


def test_mentions_are_by_unique_names_else(kitchen: Path) -> None:
    named = {row["full_name"] for row in rows(kitchen, "zerver_userprofile")}
    text = "\n".join(row["content"] for row in rows(kitchen, "zerver_message"))
    mentioned = set(re.findall(r"@_\*\*([^*]+)\*\*", text))
    assert mentioned
    assert mentioned <= named


@pytest.mark.parametrize("version", ["9", "10", "11", "12"])
def test_versions_get_their_own_keys(version: str, write: Write) -> None:
    folder = write(KITCHEN, f"version={version}")
    assert json.loads((folder / "migration_status.json").read_text())["zulip_version"] == f"{version}.0"
    new = int(version) >= 10
    assert ("is_channel_message" in rows(folder, "zerver_message")[0]) is new
    assert ("moderation_request_channel" in rows(folder, "zerver_realm")[0]) is new
    assert ("folder" in rows(folder, "zerver_stream")[0]) is (int(version) >= 11)
    assert json.loads((folder / "realm.json").read_text())["import_source"] == "slack"
    types = {row["id"]: row["type"] for row in rows(folder, "zerver_recipient")}
    alone = [row for row in rows(folder, "zerver_message") if types[row["recipient"]] == 1]
    assert bool(alone) is (int(version) < 12)


def test_a_build_between_two_releases_is_told_apart_by_its_level_or_its_name() -> None:
    """Channels of 11 have a folder since feature level 389, and some builds of 11.0-dev are older."""

    def folders(settings: dict[str, Any], told: Told | None) -> bool:
        return choices(settings, told, Policy.TOPICS, "main", {}).folders

    assert [folders({}, Told("11.0-dev+git", level)) for level in (372, 389)] == [False, True]
    assert not folders({"version": "11"}, Told("11.0-dev+git", 372)), "what a server says of the version that was given"
    assert folders({"version": "11"}, Told("10.4", 364)), "what another server says does not count"
    assert [folders({"version": text}, None) for text in ("10.4", "11.0-dev+git", "11", "11.4", "12")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_written_again_it_is_the_same(write: Write, kitchen: Path) -> None:
    again = write(KITCHEN, "version=11", "idle=yes")
    files = sorted(path.relative_to(kitchen) for path in kitchen.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    for path in files:
        assert (again / path).read_bytes() == (kitchen / path).read_bytes()


@pytest.mark.parametrize("wrong", [{"version": "13"}, {"sequences": "1,2"}, {"idle": "x"}, {"icon_file": "/none"}])
def test_a_wrong_choice_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        choices(wrong, None, Policy.TOPICS, "main", {})
