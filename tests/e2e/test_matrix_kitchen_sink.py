"""Every feature once, in a real Synapse: what the server returns, read without any code of ours, against the export's
own JSON; and what verify says when somebody tampers with it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.journal import Journal
from migrator.verdict import Difference, Verdict
from tests.moves import Moved, move, verify
from tests.synapse import ask, corner, download, events, login

pytestmark = pytest.mark.synapse

EXPORT = Path(__file__).parent.parent.parent / "sample_exports" / "kitchen_sink"
KEY = "slack_migrator.key"


class Sink(NamedTuple):
    server: Homeserver
    settings: dict[str, Any]
    folder: Path
    moved: Moved

    def user(self, identifier: str) -> str:
        return f"@{self.settings['prefix']}{identifier.lower()}:{self.server.server_name}"

    def room(self, conversation: str) -> str:
        with Journal(self.folder / "journal.sqlite") as journal:
            return journal.remote(Kind.CONVERSATION, conversation) or ""

    def verify(self) -> Verdict:
        return verify(EXPORT, "matrix", self.settings, self.folder)


@pytest.fixture(scope="module")
def sink(synapse: Homeserver, tmp_path_factory: pytest.TempPathFactory) -> Sink:
    settings, folder = corner(synapse), tmp_path_factory.mktemp("sink") / "run"
    return Sink(synapse, settings, folder, move(EXPORT, "matrix", settings, folder))


def listed() -> dict[str, dict[str, Any]]:
    """Conversations of the export that have a folder: folder -> entry of an index."""
    out = {}
    for index in ("channels.json", "groups.json", "dms.json", "mpims.json"):
        for entry in json.loads((EXPORT / index).read_text(encoding="utf-8")):
            for folder in (entry.get("name") or entry["id"], entry["id"]):
                if (EXPORT / folder).is_dir():
                    out[folder] = entry
    return out


def records(folder: str) -> Iterator[dict[str, Any]]:
    for day in sorted((EXPORT / folder).glob("[0-9]*.json")):
        yield from json.loads(day.read_text(encoding="utf-8"))


def millis(ts: str) -> int:
    return int(ts.replace(".", "")) // 1000


def test_everything_arrives_and_verify_says_so(sink: Sink) -> None:
    assert sink.moved.outcome.failures == ()
    assert sink.moved.verdict.clean, [m for c in sink.moved.verdict.conversations for m in c.mismatches]
    assert sink.moved.verdict.messages > 80


def test_a_second_run_sends_nothing(sink: Sink) -> None:
    again = move(EXPORT, "matrix", sink.settings, sink.folder)
    assert not again.plan.changes
    assert (again.outcome.posts, again.outcome.reactions, again.outcome.edits) == (0, 0, 0)
    assert again.verdict.clean


def test_senders_times_threads_and_reactions_are_those_of_the_export(sink: Sink) -> None:
    checked = Counter[str]()
    for folder, entry in listed().items():
        room = sink.room(entry["id"])
        reader = host_of(sink, room)
        posted = {e["content"].get(KEY): e for e in events(sink.server, room, reader) if e["type"] == "m.room.message"}
        reacted: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for event in events(sink.server, room, reader):
            if event["type"] == "m.reaction":
                relation = event["content"]["m.relates_to"]
                reacted[relation["event_id"]].add((event["sender"], relation["key"]))
        for record in records(folder):
            if record.get("hidden") or record.get("user", "USLACKBOT") == "USLACKBOT":
                continue  # logs of changes, deleted roots, bots without a user, notices about somebody else
            if record.get("subtype", "").startswith("kitchen"):
                continue  # of kinds that nobody knows
            key = f"{entry['id']}/{record['ts']}"
            event = posted[key]
            assert event["origin_server_ts"] == millis(record["ts"]), key
            assert event["sender"] == sink.user(record["user"]), key
            checked["messages"] += 1
            relation = event["content"].get("m.relates_to", {})
            root = posted.get(f"{entry['id']}/{record.get('thread_ts')}")
            if root is not None and root is not event:
                assert (relation["rel_type"], relation["event_id"]) == ("m.thread", root["event_id"]), key
                assert relation["is_falling_back"]
                assert relation["m.in_reply_to"]["event_id"] in {e["event_id"] for e in posted.values()}
                checked["replies"] += 1
            old = record["file"] if record.get("subtype") == "file_share" else {}  # where 2016 kept reactions to files
            given = record.get("reactions") or old.get("reactions") or ()
            wanted = sum(len(set(r["users"])) for r in given)
            assert len(reacted[event["event_id"]]) == wanted, key
            people = {sink.user(user) for r in given for user in r["users"]}
            assert {sender for sender, _ in reacted[event["event_id"]]} == people, key
            checked["reactions"] += wanted
    assert checked["messages"] >= 60
    assert checked["replies"] >= 8
    assert checked["reactions"] >= 60


def test_order_is_that_of_the_export(sink: Sink) -> None:
    for entry in listed().values():
        room = sink.room(entry["id"])
        stamps = [
            event["origin_server_ts"]
            for event in events(sink.server, room, host_of(sink, room))
            if event["type"] == "m.room.message" and KEY in event["content"]
        ]
        assert stamps == sorted(stamps)


def test_files_arrive_byte_for_byte(sink: Sink) -> None:
    local = {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (EXPORT / "__uploads").rglob("*") if path.is_file()
    }
    found = set()
    for entry in listed().values():
        room = sink.room(entry["id"])
        for event in events(sink.server, room, host_of(sink, room)):
            if "url" in event["content"] and event["type"] == "m.room.message":
                found.add(hashlib.sha256(download(sink.server, event["content"]["url"])).hexdigest())
    assert len(found) >= 7
    assert found <= local


def test_people_have_their_names_and_pictures(sink: Sink) -> None:
    profile = ask(sink.server, "GET", "profile", sink.user("U0ADA0001"))
    assert profile["displayname"] == "Ada"
    (picture,) = [path for path in (EXPORT / "__avatars" / "U0ADA0001").rglob("*") if path.is_file()]
    assert download(sink.server, profile["avatar_url"]) == picture.read_bytes()


def test_history_arrives_read_and_pushes_nothing(sink: Sink) -> None:
    token = login(sink.server, sink.user("U0ADA0001"))
    joined = ask(sink.server, "GET", "sync", token=token, timeout="0")["rooms"]["join"]
    assert len(joined) >= 8
    for room, state in joined.items():
        assert state["unread_notifications"] == {"notification_count": 0, "highlight_count": 0}, room
    direct = {e["type"]: e["content"] for e in ask(sink.server, "GET", "sync", token=token)["account_data"]["events"]}
    assert sink.room("D0ADABO01") in direct["m.direct"][sink.user("U0BO00002")]


def test_no_membership_is_dated_today_and_the_importer_sits_in_no_conversation(sink: Sink) -> None:
    for entry in (entry for entry in listed().values() if entry.get("members")):
        room = sink.room(entry["id"])
        state = ask(sink.server, "GET", "rooms", room, "state", user_id=host_of(sink, room))
        members = [e for e in state if e["type"] == "m.room.member"]
        joined = {e["state_key"] for e in members if e["content"]["membership"] == "join"}
        assert joined == {sink.user(user) for user in entry["members"]}, entry["id"]
        if int(entry.get("created") or 0) > 1:
            host = host_of(sink, room)  # whoever makes a room joins it in that moment: no homeserver dates that
            assert not [e for e in members if e["state_key"] != host and e["origin_server_ts"] > 1_760_000_000_000]


def test_who_was_not_in_a_private_conversation_is_kept_out(sink: Sink) -> None:
    from urllib.error import HTTPError

    room = sink.room(next(entry["id"] for folder, entry in listed().items() if folder == "head-chefs"))
    inside = set(ask(sink.server, "GET", "rooms", room, "joined_members", user_id=host_of(sink, room))["joined"])
    outsider = next(sink.user(u) for u in ("U0CY00003", "U0BO00002", "U0FINN006") if sink.user(u) not in inside)
    for action in (("GET", "rooms", room, "messages"), ("POST", "join", room)):
        with pytest.raises(HTTPError) as refused:
            ask(sink.server, *action, user_id=outsider, **({"dir": "b"} if action[0] == "GET" else {}))
        assert refused.value.code == 403


def test_an_archived_channel_is_closed(sink: Sink) -> None:
    archived = [entry for entry in listed().values() if entry.get("is_archived")]
    assert archived
    for entry in archived:
        room = sink.room(entry["id"])
        levels = ask(sink.server, "GET", "rooms", room, "state", "m.room.power_levels", user_id=host_of(sink, room))
        assert levels["events_default"] == 100


def test_our_token_is_in_nothing_that_a_move_leaves(sink: Sink) -> None:
    token = sink.server.as_token_file.read_bytes().strip()
    left = [path for path in sink.folder.rglob("*") if path.is_file()]
    assert len(left) >= 4
    assert not [path.name for path in [*left, sink.server.folder / "homeserver.log"] if token in path.read_bytes()]


def test_verify_names_what_was_deleted_or_changed(sink: Sink) -> None:
    """Last in this file: it damages the room (and mends it again)."""
    general = next(entry["id"] for folder, entry in listed().items() if folder == "general")
    room = sink.room(general)
    posted = [
        e
        for e in events(sink.server, room, host_of(sink, room))
        if e["type"] == "m.room.message" and e["content"].get("msgtype") == "m.text" and KEY in e["content"]
    ]
    gone, changed = posted[1], posted[3]
    new = {"msgtype": "m.text", "body": "I never said that"}
    said = {
        "body": "* changed",
        "msgtype": "m.text",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": changed["event_id"]},
    }
    where = ("rooms", room, "send", "m.room.message", "tamper")
    ask(sink.server, "PUT", *where, body=said, user_id=changed["sender"])
    verdict = sink.verify()
    assert not verdict.clean
    named = {(m.key, m.what) for c in verdict.conversations for m in c.mismatches}
    assert (changed["content"][KEY], Difference.TEXT) in named
    assert {key for key, _ in named} == {changed["content"][KEY]}
    ask(sink.server, "PUT", "rooms", room, "redact", gone["event_id"], "tamper2", body={}, user_id=gone["sender"])
    named = {(m.key, m.what) for c in sink.verify().conversations for m in c.mismatches}
    assert (gone["content"][KEY], Difference.MISSING) in named


def host_of(sink: Sink, room: str) -> str:
    """Somebody who is in a room, as the importer noted it."""
    sender = ask(sink.server, "GET", "account", "whoami")["user_id"]
    note = ask(sink.server, "GET", "user", sender, "rooms", room, "account_data", "slack_migrator.room")
    return str(note["host"])
