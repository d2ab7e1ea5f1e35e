"""A hostile little export of invented people: what mmetl drops, damages or aborts on (facts 1.1, 1.2, 1.4)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

DAY = "2024-03-01"
BASE = 1_709_294_400  # that day, noon UTC
LONG = "a-very-long-name-" * 4 + "x"


def ts(second: int, micro: int = 0) -> str:
    return f"{BASE + second}.{micro:06}"


def person(id_: str, name: str, **profile: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, "profile": {"real_name": name.title(), **profile}}


def picture(side: int) -> bytes:
    """A PNG."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), (200, 120, 40)).save(out, "PNG")
    return out.getvalue()


def file(id_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, "title": name, "mimetype": "text/plain", "mode": "hosted", "user": "U1", **more}


UPLOADS = {
    "__avatars/U1/face.png": picture(64),
    "__uploads/F0REPORT/レポート 1.pdf": b"%PDF-1.4 report",
    **{f"__uploads/F0MANY{n}/same.txt": f"file {n}".encode() for n in range(12)},
}
FILES: list[dict[str, Any]] = [
    {"type": "message", "user": "U1", "ts": ts(1), "text": "a report", "files": [file("F0REPORT", "レポート 1.pdf")]},
    {"type": "message", "user": "U1", "ts": ts(2), "text": "", "files": [
        file("F0GONE00", "gone.txt"),
        file("F0DRIVE0", "plan.gdoc", mode="external", is_external=True, external_type="gdrive",
             url_private="https://drive.example.invalid/plan"),
        file("F0LIMIT0", "old.txt", mode="hidden_by_limit"),
        {"id": "F0TOMB00", "mode": "tombstone"}]},
    {"type": "message", "user": "U1", "ts": ts(3), "text": "twelve", "files": [
        file(f"F0MANY{n}", "same.txt") for n in range(12)]},
    {"type": "message", "subtype": "me_message", "user": "U1", "ts": ts(4), "text": "shows a file", "files": [
        file("F0MANY1", "same.txt")]},
    {"type": "message", "subtype": "file_share", "user": "U1", "ts": ts(5), "text": "uploaded", "upload": True,
     "file": file("F0MANY2", "same.txt")},
    {"type": "message", "subtype": "file_comment", "ts": ts(6), "text": "commented",
     "file": file("F0MANY2", "same.txt"), "comment": {"id": "Fc1", "user": "U2", "comment": "nice file"}},
]  # fmt: skip
THREADS: list[dict[str, Any]] = [
    {"type": "message", "user": "U1", "ts": ts(1), "thread_ts": ts(1), "text": "root", "reply_count": 3},
    {"type": "message", "user": "U2", "ts": ts(2), "thread_ts": ts(1), "text": "reply with a card", "attachments": [
        {"title": "*Build*", "text": "desc *b* <@U2> &amp; more", "fallback": "f",
         "fields": [{"title": "Branch", "value": "main", "short": 1}]}]},
    {"type": "message", "subtype": "thread_broadcast", "user": "U2", "ts": ts(3), "thread_ts": ts(1),
     "text": "also to the channel", "root": {"ts": ts(1)}},
    {"type": "message", "user": "U1", "ts": ts(4), "text": "was otherwise", "edited": {"user": "U1", "ts": ts(60)}},
    {"type": "message", "user": "U1", "ts": ts(5), "text": "read <https://example.invalid/a>", "attachments": [
        {"from_url": "https://example.invalid/a", "original_url": "https://example.invalid/a", "title": "A page",
         "title_link": "https://example.invalid/a", "text": "of words", "service_name": "Example"}]},
    {"type": "message", "user": "U1", "ts": ts(6), "text": "", "blocks": [
        {"type": "rich_text", "block_id": "b", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "text", "text": "only in "}, {"type": "text", "text": "blocks", "style": {"bold": True}}]}]}]},
    {"type": "message", "user": "U5", "bot_id": "B5", "ts": ts(7), "text": "as another", "username": "Night Build",
     "icons": {"emoji": ":owl:"}, "subtype": "bot_message"},
    {"type": "message", "subtype": "huddle_thread", "user": "USLACKBOT", "ts": ts(8), "text": "", "channel": "C8",
     "room": {"id": "R1", "created_by": "U1", "date_start": BASE + 8, "date_end": BASE + 968, "has_ended": True,
              "participant_history": ["U1", "U2"]}},
    {"type": "message", "user": "U1", "ts": ts(9), "text": "```" + "code line\n" * 2_000 + "```"},
    {"type": "message", "user": "U1", "ts": ts(10), "text": "much", "attachments": [
        {"title": "big", "text": "x" * 900_000, "fallback": "f"}]},
    {"type": "message", "user": "UX", "ts": ts(11), "text": "from another workspace"},
    {"type": "message", "user": "U1", "ts": ts(12), "text": "new emoji", "reactions": [
        {"name": "melting_face", "users": ["U1"], "count": 1}, {"name": "日本", "users": ["U2"], "count": 1},
        {"name": "+1", "users": ["U1"], "count": 1}, {"name": "+1::skin-tone-2", "users": ["U1"], "count": 1}]},
    {"type": "message", "subtype": "slackbot_response", "user": "USLACKBOT", "ts": ts(13), "text": "bread is ready"},
]  # fmt: skip
# facts 1.2: what mmetl turns into ordinary posts, and what it drops with all replies
HANDLED = ("", "file_share", "thread_broadcast", "bot_message", "file_comment", "channel_join", "channel_leave",
           "me_message", "channel_topic", "channel_purpose", "channel_name", "huddle_thread")  # fmt: skip
DROPPED = (
    "channel_archive", "channel_unarchive", "channel_convert_to_private", "channel_convert_to_public",
    "channel_posting_permissions", "channel_canvas_updated", "group_join", "group_leave", "group_topic",
    "group_purpose", "group_name", "group_archive", "pinned_item", "bot_add", "bot_remove", "reminder_add",
    "slackbot_response", "assistant_app_thread", "tombstone", "sh_room_created", "document_mention",
    "ekm_access_denied",
)  # fmt: skip
KINDS: list[dict[str, Any]] = [
    {"type": "message", "subtype": kind, "user": "U1", "ts": ts(2 * n), "thread_ts": ts(2 * n), "reply_count": 1,
     "text": f"<@U1> did {kind}", "topic": "t", "purpose": "p", "name": "n"}
    for n, kind in enumerate(DROPPED)
] + [
    {"type": "message", "user": "U2", "ts": ts(2 * n + 1), "thread_ts": ts(2 * n), "text": f"reply to {kind}"}
    for n, kind in enumerate(DROPPED)
] + [{"type": "message", "ts": ts(200), "text": "by nobody at all"}]  # fmt: skip
# facts 1.3, row by row
TEXTS: tuple[tuple[str, str], ...] = (
    ("code with asterisks", "```int *p, *q = &amp;x;\nif (a &lt; b) {}```"),
    ("tilde paths", "cp ~/a ~/b"),
    ("globs", "rm *.txt and *.log"),
    ("two channels", "<#C1|general> <#C3|x>"),
    ("one letter", "*b* ~s~"),
    ("in brackets", '(*paren*) "*quote*" :*x*: -*neg*-'),
    ("nested", "_*bi*_ *_ib_*"),
    ("over lines", "*multi\nline*"),
    ("glued", "*bold*text"),
    ("a fence", "```foo\nbar```\nafter"),
    ("entities", "a &amp; b &lt;tag&gt;, a &gt; b"),
    ("a query", "<https://x.example.invalid/a?b=1&amp;c=2>"),
    ("a pipe in a label", "<https://x.example.invalid|a|b>"),
    ("brackets in a link", "<https://x.example.invalid/a(b)|t ] x>"),
    ("a group", "<!subteam^S1|@devs> <!subteam^S1>"),
    ("a date", "<!date^1392734382^{date_num}^https://x.example.invalid|Posted 2014-02-18>"),
    ("unknown ids", "<@UNOPE|ghost> <#C999|nochan> <#D1|dm>"),
    ("everybody", "<!here> <!channel> <!everyone>"),
    ("a mention in code", "`<@U2>`"),
    ("a quote", "&gt; quote\nnot quote"),
    ("a long quote", "&gt;&gt;&gt; multi\nline"),
    ("a list", "• one\n    ◦ two"),
    ("a tone", ":+1::skin-tone-3:"),
    ("typed literally", "# x\n#tag\n1) one\na | b\n[x](y) @all"),
)


def write(folder: Path) -> Path:
    """The export as a folder."""
    files: dict[str, Any] = {
        "users.json": [
            {**person("U1", "alice", email="Alice@Example.invalid", real_name="Alice van der Berg", display_name="Ali",
                      title="Baker", status_text="Baking", status_emoji=":bread:", phone="+00 0000"),
             "tz": "Europe/Rome", "locale": "it-IT", "is_owner": True, "is_admin": True},
            person("U2", "bob", email="alice@example.invalid"),  # the same address in another case
            person("U3", "Carol Smith"),  # no address, and a name that no server takes
            {**person("U4", "dave", email="dave@example.invalid"), "deleted": True},
            {**person("U5", "jenkins", bot_id="B5"), "is_bot": True},
            person("U6", "bob", email="other.bob@example.invalid"),  # a second bob
            {**person("U7", "lampbot", bot_id="B7"), "is_bot": True, "deleted": True},
            {**person("U8", "visitor", email="visitor@example.invalid"), "is_restricted": True},
            {**person("UX", "alice", email="alice@elsewhere.invalid"), "is_stranger": True, "team_id": "T2"},
            *[person(f"U1{n}", f"guest{n}", email=f"guest{n}@example.invalid") for n in range(7)],
        ],
        "channels.json": [
            # real exports of 2015-2017 have `created` as text
            {"id": "C1", "name": "general", "created": "1709290000", "creator": "U1", "is_general": True,
             "members": ["U1", "U2", "U3", "U4", "U5"],
             "topic": {"value": "see <https://example.invalid|wiki> &amp; <@U1>"},
             "purpose": {"value": "talk of *everything* &amp; more"},
             "pins": [{"id": ts(1, 100), "type": "C", "created": BASE + 50, "user": "U1", "owner": "U2"}]},
            {"id": "C2", "name": "_general", "created": 1709290000, "members": ["U1", "U2"]},
            {"id": "C3", "name": LONG + "1", "created": 1709290000, "members": ["U1"]},
            {"id": "C4", "name": LONG + "2", "created": 1709290000, "members": ["U1"]},
            {"id": "C5", "name": "日本語", "created": 1709290000, "members": ["U1"]},
            {"id": "C6", "name": "old", "created": 1709290000, "is_archived": True, "members": ["U1", "U2"]},
            *[{"id": f"C{n}", "name": name, "created": 1709290000, "members": ["U1", "U2"]}
              for n, name in ((7, "files"), (8, "threads"), (9, "kinds"), (10, "text"))],
        ],
        "usergroups.json": [{"id": "S1", "handle": "devs", "name": "Developers", "users": ["U1"]}],
        "groups.json": [{"id": "G1", "name": "general", "created": 1709290000, "members": ["U1", "U2"]}],
        "dms.json": [
            {"id": "D1", "created": 1709290000, "members": ["U1"]},
            {"id": "D2", "created": 1709290000, "members": ["U1", "U5"]},
            {"id": "D3", "created": 1709290000, "members": ["U1", "USLACKBOT"]},
        ],
        "mpims.json": [
            {"id": "G3", "name": "mpdm-three-1", "created": 1709290000, "members": ["U1", "U2", "U4"],
             "topic": {"value": "lunch"}},
            {"id": "G4", "name": "mpdm-three-2", "created": 1709290000, "members": ["U1", "U2", "U4"]},
            {"id": "G8", "name": "mpdm-eight-1", "created": 1709290000,
             "members": ["U1", "U2", *[f"U1{n}" for n in range(6)]]},
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
        f"D3/{DAY}.json": [{"type": "message", "user": "USLACKBOT", "ts": ts(1), "text": "reminder: bread"}],
        f"mpdm-three-1/{DAY}.json": [{"type": "message", "user": "U4", "ts": ts(1), "text": "three of us"}],
        f"mpdm-three-2/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(1), "text": "three of us again"}],
        f"mpdm-eight-1/{DAY}.json": [{"type": "message", "user": "U10", "ts": ts(1), "text": "eight of us"}],
        f"files/{DAY}.json": FILES,
        f"threads/{DAY}.json": THREADS,
        f"kinds/{DAY}.json": KINDS,
        f"text/{DAY}.json": [{"type": "message", "user": "U1", "ts": ts(n), "text": text}
                             for n, (_, text) in enumerate(TEXTS)],
        f"mpdm-nine-1/{DAY}.json": [
            {"type": "message", "user": "U1", "ts": ts(1), "text": "nine of us"},
            {"type": "message", "user": "U10", "ts": ts(2), "text": "indeed"},
        ],
    }  # fmt: skip
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for name, data in UPLOADS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
