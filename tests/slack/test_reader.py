"""The reader as a source: order, threads, people, balance, the same answer everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.adapters import load
from migrator.journal import Journal
from migrator.ledger import Fate, Feature
from migrator.model import ConversationKind, EventKind, FileMode, Message, MessageKind, Missing, Remote, Role, micros
from migrator.plan import Options, Plan, make_plan
from migrator.slack.reader import Export, open_export
from migrator.slack.times import instant
from migrator.snapshot import JournalSnapshot
from tests.corpora import YOURS, corpora

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"
KITCHEN = SAMPLES / "kitchen_sink"
Json = dict[str, Any]


def planned(source: Export) -> Plan:
    return make_plan(source, load("memory")({}), None, JournalSnapshot(Journal(None)), Options())


def write(folder: Path, days: dict[str, Any], **indexes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    indexes.setdefault("channels", [{"id": "C1", "name": "general"}])
    for name, value in indexes.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    for name, value in days.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    return folder


def say(ts: str, text: str = "hello", user: str = "U1", **more: Any) -> Json:
    return {"type": "message", "ts": ts, "user": user, "text": text, **more}


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Any]:
    opened = []

    def open_(records: list[Any], **indexes: Any) -> Export:
        path = write(tmp_path / str(len(opened)), {"general/2024-01-01": records}, **indexes)
        opened.append(open_export([path]))
        return opened[-1]

    yield open_
    for source in opened:
        source.close()


def messages(source: Export, conversation: str = "C1") -> list[Message]:
    return list(source.messages(conversation))


@pytest.mark.parametrize(
    "exports", [*([path] for path in corpora()), list(YOURS), [SAMPLES / "tiny"], [KITCHEN]], ids=lambda e: e[-1].stem
)
def test_every_export_is_in_order_once_known_and_balanced(exports: list[Path]) -> None:
    source = open_export(exports)
    for conversation in source.workspace.conversations:
        seen: dict[str, Message] = {}
        last = -1
        for message in source.messages(conversation):
            assert message.ts not in seen
            assert micros(message.ts) >= last
            last = micros(message.ts)
            seen[message.ts] = message
            assert message.author.user in source.workspace.users
            assert all(user in source.workspace.users for r in message.reactions for user in r.users)
            if message.thread:
                assert seen[message.thread].is_root
                assert not seen[message.thread].thread
    planned(source)  # raises where the ledger does not balance
    source.close()


def test_the_later_record_counts_in_whatever_order_exports_are_given() -> None:
    """Same texts forwards and backwards, and those of the newest zip."""
    newest = open_export([YOURS[-1]])
    forwards, backwards = open_export(YOURS), open_export(YOURS[::-1])
    assert forwards.fingerprint == backwards.fingerprint
    for conversation in newest.workspace.conversations:
        of_newest = {m.ts: m.body for m in newest.messages(conversation)}
        of_all = {m.ts: m.body for m in forwards.messages(conversation)}
        assert of_all == {m.ts: m.body for m in backwards.messages(conversation)}
        assert {ts: of_all[ts] for ts in of_newest} == of_newest
    assert len({source.workspace.id for source in (newest, forwards, backwards)}) == 1


def test_growing_exports_are_of_one_workspace() -> None:
    assert len({open_export([path]).workspace.id for path in YOURS}) == 1


def test_a_later_record_replaces_the_earlier_one_whole(tmp_path: Path) -> None:
    old = write(
        tmp_path / "a",
        {"general/2024-01-01": [say("1.0", "old", reactions=[{"name": "a", "users": ["U1"], "count": 1}])]},
    )
    new = write(tmp_path / "b", {"general/2024-01-02": [say("1.0", "new")]})
    source = open_export([new, old])
    (message,) = messages(source)
    assert message.body[0].inlines[0].text == "new"  # type: ignore[union-attr]
    assert message.reactions == ()
    plan = planned(source)
    assert plan.found[Feature.MESSAGE.value] == 2
    assert sum(line.count for line in plan.ledger if line.fate is Fate.SKIPPED) == 1


def test_old_messages_in_the_newest_file_come_in_their_place(tmp_path: Path) -> None:
    days = {
        "general/2024-01-01": [say("100.0"), say("200.0")],
        "general/2024-01-02": [say("300.0")],
        "general/2024-01-03": [say("50.0"), say("150.0"), say("250.0"), say("400.0")],
    }
    source = open_export([write(tmp_path, days)])
    assert [m.ts for m in messages(source)] == ["50.0", "100.0", "150.0", "200.0", "250.0", "300.0", "400.0"]


def test_it_knows_which_messages_it_holds(tmp_path: Path) -> None:
    """In order, out of order, in overlapping members, in a broken one, and a root that is made up."""
    days: dict[str, Any] = {
        "general/2024-01-01": [say(f"{n}.000001") for n in (1700000010, 1700000020, 1700000030)],
        "general/2024-01-02": [say(f"{n}.000001") for n in (1700000040, 1700000015, 1700000050)],
        "general/2024-01-03": [say("1700000060.000001"), {"no": "ts"}, say("61.5"), 7],
        "general/2024-01-04": [say("1700000070.000001", thread_ts="1700000005.000001")],
    }
    source = open_export([write(tmp_path, days)])
    there = {message.ts for message in messages(source)}
    assert len(there) == 10
    asked = [f"17000000{n:02}.000001" for n in range(100)] + ["61.5", "61.500000", "61.6", "", "x", "0000000000.000000"]
    assert {ts for ts in asked if source.holds("C1", ts)} == there | {"61.500000"}
    assert not source.holds("C2", "1700000010.000001")
    source.close()


def test_threads(read: Any) -> None:
    source = read(
        [
            say("10.0"),  # does not know that it is a root
            say("11.0", thread_ts="10.0", parent_user_id="U1"),
            say("12.0", thread_ts="11.0"),  # answers an answer
            say("20.0", thread_ts="5.0", parent_user_id="U7"),  # root not in the export
            say("21.0", thread_ts=0),
            say("22.0", thread_ts="22.0", reply_count=0),
            say("23.0", thread_ts="99.0"),  # forwards in time
            say("24.0", subtype="thread_broadcast", thread_ts="10.0", root={"text": "stale"}),
        ]
    )
    found = {m.ts: m for m in messages(source)}
    assert found["10.0"].is_root
    assert found["11.0"].thread == found["12.0"].thread == "10.0"
    assert found["5.0"].kind is MessageKind.PLACEHOLDER
    assert found["5.0"].author.user == "U7"
    assert found["20.0"].thread == "5.0"
    assert not any(found[ts].thread or found[ts].is_root for ts in ("21.0", "22.0", "23.0"))
    assert found["24.0"].broadcast
    planned(source)


def test_authors(read: Any) -> None:
    source = read(
        [
            say("1.0", bot_id="B1", bot_profile={"name": "App"}),  # a person through an app
            {"ts": "2.0", "subtype": "bot_message", "bot_id": "B2", "username": "Deploy", "text": "x"},
            {"ts": "3.0", "subtype": "bot_message", "bot_id": "B2", "username": "Deploy", "text": "x"},
            {"ts": "4.0", "subtype": "bot_message", "bot_id": "B2", "username": "Other", "icons": {"emoji": ":a:"}},
            {"ts": "5.0", "subtype": "bot_message", "username": "Nobody's", "text": "x"},
            {"ts": "6.0", "text": "unsigned"},
            {
                "ts": "7.0",
                "user": "W9",
                "text": "far",
                "team": "T1",
                "user_team": "T2",
                "user_profile": {"real_name": "Far Away", "name": "far"},
            },
            {"ts": "8.0", "bot_id": "B3", "text": "mine", "subtype": "bot_message"},
            {"ts": "9.0", "user": "U1", "text": "<@U8|eve> hi <@U7>"},
        ],
        users=[{"id": "U1", "name": "ada"}, {"id": "U3", "name": "robot", "is_bot": True, "profile": {"bot_id": "B3"}}],
    )
    by = {m.ts: m.author for m in messages(source)}
    users = source.workspace.users
    assert [by[f"{n}.0"].user for n in range(1, 9)] == [
        *("U1", "B2", "B2", "B2", "name:Nobody's", "name:unknown", "W9", "U3")
    ]
    assert users["B2"].name == "Deploy"
    assert by["2.0"].name == ""
    assert (by["4.0"].name, by["4.0"].icon) == ("Other", ":a:")
    assert (users["W9"].role, users["W9"].name, users["W9"].reason) == (Role.STRANGER, "Far Away", "profile")
    assert (users["U8"].handle, users["U8"].reason) == ("eve", "label")
    assert users["U7"].reason == "mention"
    assert len({user.handle for user in users.values()}) == len(users)
    planned(source)


def test_files_of_every_kind(read: Any) -> None:
    token = "?t=xoxe-1-secret"  # invented
    source = read(
        [
            say("1.0", files=[{"id": "F1", "mode": "tombstone"}, {"id": "F2", "mode": "hidden_by_limit"}]),
            say(
                "2.0",
                files=[
                    {
                        "id": "F3",
                        "mode": "hosted",
                        "name": "a",
                        "url_private": f"https://x.invalid/a{token}",
                        "permalink": f"https://x.invalid/p{token}",
                    }
                ],
            ),
            say(
                "3.0",
                "<@U1> uploaded a file: <https://x/F4|b> and commented: look",
                subtype="file_share",
                upload=True,
                file={"id": "F4", "name": "b", "reactions": [{"name": "+1", "users": ["U1"], "count": 1}]},
            ),
            {
                "ts": "4.0",
                "subtype": "file_comment",
                "text": "notice",
                "file": {"id": "F4"},
                "comment": {"user": "U2", "comment": "nice"},
            },
        ]
    )
    found = {m.ts: m for m in messages(source)}
    assert [f.mode for f in found["1.0"].files] == [FileMode.DELETED, FileMode.OVER_LIMIT]
    assert all(isinstance(f.data, Missing) for f in found["1.0"].files)
    (hosted,) = found["2.0"].files
    assert isinstance(hosted.data, Remote)
    assert "xoxe" not in repr(hosted)
    assert found["3.0"].body[0].inlines[0].text == "look"  # type: ignore[union-attr]
    assert found["3.0"].reactions[0].users == ("U1",)
    assert (found["4.0"].author.user, found["4.0"].thread) == ("U2", "3.0")
    planned(source)


def test_reactions_beyond_fifty_and_twice(read: Any) -> None:
    users = [f"U{n:03}" for n in range(50)]
    source = read(
        [
            say(
                "1.0",
                reactions=[
                    {"name": "tada", "users": users, "count": 67},
                    {"name": "+1", "users": ["U1", "U1"], "count": 2},
                ],
            )
        ]
    )
    (message,) = messages(source)
    assert [(len(r.users), r.count) for r in message.reactions] == [(50, 67), (1, 1)]
    assert planned(source).found[Feature.REACTION_REST.value] == 17


def test_edits_and_their_logs(read: Any) -> None:
    source = read(
        [
            say("10.5", "second", edited={"user": "U2", "ts": "10.0"}),
            {
                "ts": "11.0",
                "subtype": "message_changed",
                "hidden": True,
                "message": {"ts": "10.5"},
                "previous_message": {"text": "first"},
            },
            {"ts": "12.0", "subtype": "message_deleted", "hidden": True, "deleted_ts": "9.0"},
        ]
    )
    (message,) = messages(source)
    assert message.edited is not None
    assert (message.edited.by, message.edited.at) == ("U2", "10.5")
    assert [r.body[0].inlines[0].text for r in message.revisions] == ["first"]  # type: ignore[union-attr]
    planned(source)


def changed(at: str, old: Json, text: str, **more: Any) -> Json:
    """The log of an edit as Slack's exports write it: the new text in the log, the old message within it."""
    bare = {"thread_ts": "0000000000.000000", "editor_id": "U1", "edited_by": "U1", "upload": False}
    return say(at, text, subtype="message_changed", original=old, **(bare | more))


def deleted(at: str, old: Json) -> Json:
    return say(at, "", subtype="message_deleted", thread_ts="0000000000.000000", deleted_by="U1", original=old)


def lines(source: Export, feature: Feature) -> Json:
    return {line.note: (line.fate, line.count) for line in planned(source).ledger if line.feature is feature}


def test_logs_of_edits_as_exports_hold_them(read: Any) -> None:
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text"}]}]}
    rich["elements"][0]["elements"][0] |= {"text": "second", "style": {"bold": True}}
    first = say("10.500000", "first")
    second = say("10.500000", "*second*", blocks=[rich], edited={"user": "U1", "ts": "12.000000"})
    third = say("10.500000", "third", edited={"user": "U1", "ts": "15.000000"})
    source = read(
        [
            third,
            changed("12.000000", first, "*second*", blocks=[rich]),
            changed("15.000000", second, "third"),
            changed("16.000000", third, "third", editor_id="U00"),  # the system touched something else
        ]
    )
    (message,) = messages(source)
    assert [(r.body[0].inlines[0].text, r.at) for r in message.revisions] == [  # type: ignore[union-attr]
        ("first", "10.500000"),
        ("second", "12.000000"),
    ]
    assert message.revisions[1].body[0].inlines[0].marks  # type: ignore[union-attr]
    assert lines(source, Feature.REVISION)["the edit changed no words"] == (Fate.SKIPPED, 1)
    census = source.census().to_dict()
    assert (census["records"], census["messages"], census["replies"]) == (4, 1, 0)
    assert census["odd"]["logs of edits and deletions"] == 3


def test_logs_of_one_second_and_a_message_of_that_second_stay_apart(read: Any) -> None:
    one, two, gone = say("10.500000", "a"), say("11.500000", "b"), say("12.500000", "c")
    source = read(
        [
            one,
            two,
            changed("20.000000", say("10.500000", "A"), "a"),
            changed("20.000000", say("11.500000", "B"), "b"),
            deleted("20.000000", gone),
            say("20.000000", "and one of the same moment"),
        ]
    )
    found = {message.ts: len(message.revisions) for message in messages(source)}
    assert found == {"10.500000": 1, "11.500000": 1, "20.000000": 0}
    assert source.census().to_dict()["records"] == 6
    assert "a later record of the same message replaces it" not in lines(source, Feature.MESSAGE)


def test_a_text_that_only_a_log_holds_is_named(read: Any) -> None:
    source = read(
        [
            say("9.5"),
            changed("20.000000", say("10.500000", "before"), "after"),  # of a day that the export does not cover
            changed("21.000000", say("11.500000", "wrong"), "wrong window"),
            deleted("22.000000", say("11.500000", "wrong window")),
        ]
    )
    assert [message.ts for message in messages(source)] == ["9.5"]
    assert lines(source, Feature.MESSAGE) == {
        "": (Fate.LOSSLESS, 1),
        "the log of an edit of a message that is not in the export: its text stands only here": (Fate.DROPPED, 1),
        "the log of a change, not a message": (Fate.SKIPPED, 1),
        "deleted in Slack: only the log of it holds its text": (Fate.SKIPPED, 1),
    }


def test_a_thread_of_nothing_is_no_thread(read: Any) -> None:
    source = read([say("1.5", thread_ts="0000000000.000000")])
    (message,) = messages(source)
    assert (message.thread, message.is_root) == ("", False)


def test_unknown_kinds_follow_the_default_rule(read: Any) -> None:
    source = read(
        [say("1.0", subtype="brand_new"), {"ts": "2.0", "subtype": "brand_new"}, say("3.0", subtype="x", hidden=True)]
    )
    assert [(m.ts, m.source) for m in messages(source)] == [("1.0", "brand_new")]
    plan = planned(source)
    assert {(line.fate, line.count) for line in plan.ledger if line.feature is Feature.MESSAGE} >= {
        (Fate.DROPPED, 1),
        (Fate.SKIPPED, 1),
    }


def test_notices_mean_something(read: Any) -> None:
    source = read(
        [
            say("1.0", subtype="channel_join"),
            say("2.0", subtype="channel_topic", topic="new"),
            say("3.0", subtype="pinned_item", attachments=[{"ts": "1.0", "is_msg_unfurl": True, "text": "x"}]),
            {
                "ts": "4.0",
                "subtype": "huddle_thread",
                "user": "USLACKBOT",
                "text": "",
                "room": {"created_by": "U2", "date_start": 60, "date_end": 660, "participant_history": ["U1", "U2"]},
            },
        ]
    )
    join, topic, pin, huddle = (m.event for m in messages(source))
    assert join is not None
    assert topic is not None
    assert pin is not None
    assert huddle is not None
    assert (join.kind, join.users) == (EventKind.JOIN, ("U1",))
    assert topic.value == "new"
    assert pin.target == "1.0"
    assert (huddle.seconds, huddle.users) == (600, ("U1", "U2"))
    assert messages(source)[3].author.user == "U2"


def test_damage_costs_one_record(read: Any) -> None:
    source = read(
        [say("1.0"), None, 7, {"text": "no ts"}, say("2.0", text=["wrong"], user=None, reactions="x"), {"ts": 3.25}]
    )
    assert [m.ts for m in messages(source)] == ["1.0", "2.0", "3.25"]
    assert [(item.at.index, bool(item.reason)) for item in source.quarantine] == [(1, True), (2, True), (3, True)]
    plan = planned(source)
    assert plan.found[Feature.MESSAGE.value] == 6


def test_kinds_of_conversations(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"loose/2024-01-01": [say("1.0")], "D0SELF000/2024-01-01": [say("2.0")]},
        groups=[{"id": "G1", "name": "secret", "members": ["U1", "U5"]}],
        mpims=[{"id": "G2", "name": "mpdm-a--b--c-1", "members": ["U1", "U2", "U3"]}],
        dms=[{"id": "D0SELF000", "members": ["U1", "U1"], "created": 1}],
        file_conversations=[{"id": "C9", "name": "FC:F9:Plans"}],
    )
    source = open_export([path])
    found = source.workspace.conversations
    assert {id_: c.kind for id_, c in found.items()} == {
        "C1": ConversationKind.PUBLIC,
        "G1": ConversationKind.PRIVATE,
        "G2": ConversationKind.GROUP,
        "D0SELF000": ConversationKind.DIRECT,
        "C9": ConversationKind.PRIVATE,
        "loose": ConversationKind.PRIVATE,  # where private ones were exported, nothing proves that it was public
    }
    assert found["D0SELF000"].members == ("U1",)
    assert found["C9"].name == "Plans"
    assert found["loose"].reason == "folder"
    assert source.workspace.users["U5"].reason == "member"


def test_pins_of_three_places(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "general/2024-01-01": [
                say("1.0"),
                say("2.0", files=[{"id": "F1", "name": "x"}]),
                say("3.0", pinned_to=["C1"], pinned_info={"C1": {"pinned_by": "U2", "pinned_ts": 9}}),
            ],
            "loose/2024-01-01": [say("1.0"), say("2.0", subtype="pinned_item", attachments=[{"ts": "1.0"}])],
        },
        channels=[
            {
                "id": "C1",
                "name": "general",
                "pins": [{"id": "1.0", "type": "C", "created": "5"}, {"id": "F1", "type": "F"}],
            }
        ],
    )
    found = open_export([path]).workspace.conversations
    assert sorted(pin.ts for pin in found["C1"].pins) == ["1.0", "2.0", "3.0"]
    assert [pin.ts for pin in found["loose"].pins] == ["1.0"]


@pytest.mark.parametrize("export", [KITCHEN, YOURS[2]], ids=lambda path: path.stem)
def test_the_same_answer_in_any_process(export: Path, tmp_path: Path) -> None:
    """Byte for byte under two hash seeds and two time zones, and in two processes at the same time."""
    started = []
    for number, (seed, zone) in enumerate((("1", "UTC"), ("2", "Asia/Tokyo"))):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        commands = [["inspect", "--json"]]
        for target in ("matrix", "zulip", "mattermost"):
            place = str(tmp_path / f"{target}-{number}")
            commands.append(["plan", "--to", target, "--json", "-q", "--run", place])
        started.append([(env, [sys.executable, "-m", "migrator", *command, str(export)]) for command in commands])
    for first, second in zip(*started, strict=True):
        both = [subprocess.Popen(run, env=env, stdout=subprocess.PIPE) for env, run in (first, second)]
        one, other = (process.communicate()[0] for process in both)
        assert [process.returncode for process in both] == [0, 0]
        assert one == other
        assert json.loads(one)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TS = st.sampled_from(["1.0", "2.000000", "3.5", "1700000000.000100", "", "x", "-1.0"]) | ANYTHING
KEYS = (
    *("user", "text", "bot_id", "username", "icons", "bot_profile", "user_profile", "blocks", "attachments", "files"),
    *("file", "comment", "upload", "reactions", "edited", "hidden", "inviter", "topic", "purpose", "name", "room"),
    *("root", "pinned_to", "pinned_info", "message", "previous_message", "original"),
)
SUBTYPES = st.sampled_from(
    [
        *("file_share", "file_comment", "file_mention", "message_changed", "pinned_item", "huddle_thread"),
        *("thread_broadcast", "tombstone", "me_message", "channel_join", "bot_message", "unheard_of"),
    ]
)
ODD = st.fixed_dictionaries(
    {"ts": TS},
    optional={"subtype": SUBTYPES | ANYTHING, "thread_ts": TS, **dict.fromkeys(KEYS, ANYTHING)},
)
FILE = st.fixed_dictionaries(
    {"id": st.sampled_from(["F1", "F2"])}, optional={"mode": st.text(max_size=4), "user": ANYTHING}
)
LIKELY = st.fixed_dictionaries(
    {"ts": st.sampled_from(["1.0", "2.0", "3.0", "4.0", "5.0"])},
    optional={
        "user": st.sampled_from(["U1", "U2", "B1"]),
        "text": st.sampled_from(["", "<@U9|zoe> *hi*", "x", "<@U1> uploaded F1"]),
        "subtype": SUBTYPES,
        "thread_ts": st.sampled_from(["1.0", "2.0", "3.0", "9.0"]),
        "file": FILE,
        "files": st.lists(FILE, max_size=2),
        "comment": st.fixed_dictionaries({"user": st.just("U2")}, optional={"is_intro": st.booleans()}),
        "reactions": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.just("+1"),
                    "users": st.lists(st.sampled_from(["U1", "B1", ""])),
                    "count": st.integers(-1, 9),
                },
            ),
            max_size=2,
        ),
        "edited": st.just({"user": "U1", "ts": "6.0"}) | st.just({}),
        "bot_id": st.sampled_from(["B1", "B2"]),
        "username": st.sampled_from(["Bot", ""]),
        "icons": st.just({"emoji": ":x:"}),
        "bot_profile": st.just({"user_id": "U5", "name": "Five"}),
        "message": st.fixed_dictionaries({"ts": st.sampled_from(["1.0", "2.0"])}),
        "previous_message": st.just({"text": "before"}),
        "upload": st.booleans(),
        "hidden": st.booleans(),
    },
)
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(st.lists(ODD | LIKELY | ANYTHING, max_size=5), ANYTHING, ANYTHING)
def test_no_json_makes_it_raise_and_the_ledger_balances(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], users: Any, odd: Any
) -> None:
    path = write(
        tmp_path_factory.mktemp("odd"),
        {"general/2024-01-01": records},
        users=users,
        channels=[{"id": "C1", "name": "general", "members": odd, "topic": odd, "pins": odd}, odd],
    )
    source = open_export([path])
    planned(source)
    source.census().to_dict()
    source.close()


@QUIET
@given(st.lists(LIKELY, max_size=8), st.lists(LIKELY, max_size=8))
def test_likely_records_balance_over_two_exports(
    tmp_path_factory: pytest.TempPathFactory, first: list[Json], second: list[Json]
) -> None:
    folder = tmp_path_factory.mktemp("two")
    exports = [
        write(folder / name, {f"general/2024-01-0{day}": records})
        for day, (name, records) in enumerate((("a", first), ("b", second)), 1)
    ]
    source = open_export(exports)
    found = messages(source)
    assert {m.author.user for m in found} <= source.workspace.users.keys()
    assert len({m.ts for m in found}) == len(found)
    assert [instant(m.ts) for m in found] == sorted(instant(m.ts) for m in found)
    planned(source)
    source.close()
