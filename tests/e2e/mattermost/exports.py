"""A hostile little export of invented people: what mmetl drops, damages or aborts on (facts 1.1, 1.2, 1.4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DAY = "2024-03-01"
BASE = 1_709_294_400  # that day, noon UTC
LONG = "a-very-long-name-" * 4 + "x"


def ts(second: int, micro: int = 0) -> str:
    return f"{BASE + second}.{micro:06}"


def person(id_: str, name: str, **profile: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, "profile": {"real_name": name.title(), **profile}}


def write(folder: Path) -> Path:
    """The export as a folder."""
    files: dict[str, Any] = {
        "users.json": [
            person("U1", "alice", email="Alice@Example.invalid"),
            person("U2", "bob", email="alice@example.invalid"),  # the same address in another case
            person("U3", "Carol Smith"),  # no address, and a name that no server takes
            {**person("U4", "dave", email="dave@example.invalid"), "deleted": True},
            {**person("U5", "jenkins", bot_id="B5"), "is_bot": True},
            person("U6", "bob", email="other.bob@example.invalid"),  # a second bob
            *[person(f"U1{n}", f"guest{n}", email=f"guest{n}@example.invalid") for n in range(7)],
        ],
        "channels.json": [
            # real exports of 2015-2017 have `created` as text
            {"id": "C1", "name": "general", "created": "1709290000", "creator": "U1", "is_general": True,
             "members": ["U1", "U2", "U3", "U4", "U5"],
             "topic": {"value": "see <https://example.invalid|wiki> &amp; <@U1>"}},
            {"id": "C2", "name": "_general", "created": 1709290000, "members": ["U1", "U2"]},
            {"id": "C3", "name": LONG + "1", "created": 1709290000, "members": ["U1"]},
            {"id": "C4", "name": LONG + "2", "created": 1709290000, "members": ["U1"]},
            {"id": "C5", "name": "日本語", "created": 1709290000, "members": ["U1"]},
            {"id": "C6", "name": "old", "created": 1709290000, "is_archived": True, "members": ["U1", "U2"]},
        ],
        "groups.json": [{"id": "G1", "name": "general", "created": 1709290000, "members": ["U1", "U2"]}],
        "dms.json": [
            {"id": "D1", "created": 1709290000, "members": ["U1"]},
            {"id": "D2", "created": 1709290000, "members": ["U1", "U5"]},
        ],
        "mpims.json": [
            {"id": "G9", "name": "mpdm-nine-1", "created": 1709290000,
             "members": ["U1", "U2", *[f"U1{n}" for n in range(7)]]},
        ],
        f"general/{DAY}.json": [
            {"type": "message", "user": "U2", "ts": ts(1, 100), "text": "first", "reactions": [
                {"name": "+1::skin-tone-2", "users": ["U1"], "count": 1},
                {"name": "tada", "users": ["U5"], "count": 1}]},
            # three in one millisecond, each liked
            *[{"type": "message", "user": "U1", "ts": ts(2, 1000 + n), "text": f"together {n}",
               "reactions": [{"name": "+1", "users": ["U2"], "count": 1}]} for n in range(3)],
            {"type": "message", "subtype": "bot_message", "username": "Deploy Bot", "ts": ts(3), "text": "deployed"},
            {"type": "message", "subtype": "bot_message", "bot_id": "B777", "username": "Grafana Prod", "ts": ts(4),
             "text": "alert"},
            {"type": "message", "user": "U5", "bot_id": "B5", "ts": ts(5), "text": "build passed"},
            {"type": "message", "user": "U1", "bot_id": "B888", "ts": ts(6), "text": "said by a person through an app"},
            {"type": "message", "user": "U1", "ts": ts(7), "text": "nul \u0000 inside"},
            {"type": "message", "user": "U1", "ts": f"{BASE + 8}.12", "text": "a short moment"},
            {"type": "message", "subtype": "tombstone", "ts": ts(9), "thread_ts": ts(9), "text": "", "reply_count": 2},
            {"type": "message", "user": "U1", "ts": ts(10), "thread_ts": ts(9), "text": "reply to a deleted root"},
            {"type": "message", "user": "U2", "ts": ts(11), "thread_ts": ts(9), "text": "another one"},
            {"type": "message", "user": "U3", "ts": ts(12), "thread_ts": ts(-900), "text": "root before the export"},
            {"type": "message", "user": "U9", "ts": ts(13), "text": "by somebody who is not listed"},
            {"type": "message", "subtype": "channel_join", "user": "U3", "ts": ts(14), "text": "<@U3> has joined"},
            {"type": "message", "subtype": "channel_topic", "user": "U1", "topic": "new", "ts": ts(15),
             "text": "<@U1> set the channel topic: new"},
            {"type": "message", "subtype": "pinned_item", "user": "U1", "ts": ts(16), "text": "pinned a message"},
            {"type": "message", "subtype": "me_message", "user": "U1", "ts": ts(17), "text": "waves"},
            {"type": "message", "subtype": "reminder_add", "user": "U1", "ts": ts(18), "text": "set a reminder"},
            {"type": "message", "user": "U1", "ts": ts(19),
             "text": "see <#C1|general> and <#C5> cc <@U2> <!subteam^S1|@devs>"},
            {"type": "message", "user": "U1", "ts": ts(20), "text": "```foo\nint *p = &amp;x;```"},
            {"type": "message", "user": "U1", "ts": ts(21),
             "text": "# no heading\n1) no list | [x](y) @all *b* _i_ ~s~ `~/a`"},
            {"type": "message", "user": "U1", "ts": ts(22), "text": "w " * 12_000},
            {"type": "message", "user": "U1", "ts": ts(23), "text": "", "attachments": [
                {"fallback": "f", "title": "t", "fields": [{"title": "a", "value": "b", "short": None}]}]},
        ],
        f"_general/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(1), "text": "in the other general"}],
        f"{LONG}1/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(1), "text": "in the first long one"}],
        f"{LONG}2/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(1), "text": "in the second long one"}],
        f"日本語/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(1), "text": "こんにちは"}],
        f"old/{DAY}.json": [{"type": "message", "user": "U2", "ts": ts(1), "text": "in the archive"}],
        f"D1/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(1), "text": "note to self"}],
        f"D2/{DAY}.json": [
            {"type": "message", "user": "U1", "ts": ts(1), "text": "hello app"},
            {"type": "message", "user": "U5", "bot_id": "B5", "ts": ts(2), "text": "hello person"},
        ],
        f"mpdm-nine-1/{DAY}.json": [
            {"type": "message", "user": "U1", "ts": ts(1), "text": "nine of us"},
            {"type": "message", "user": "U10", "ts": ts(2), "text": "indeed"},
        ],
    }  # fmt: skip
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder
