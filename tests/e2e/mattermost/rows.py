"""What mmetl makes of things and what we make of them, row by row (facts 1.1 and 1.3), each proved on the server.

A check is given the hostile export of `exports` after its move.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from msgspec import Struct

from migrator.cli import cli
from migrator.slack.reader import open_export
from tests.e2e.mattermost import exports
from tests.slack import variants

if TYPE_CHECKING:
    from tests.e2e.mattermost.arrived import Arrived

__all__ = ["ROWS", "TEXTS", "Row", "Words"]

Check = Callable[["Arrived"], bool]


class Row(Struct, frozen=True):
    """A row of table 1.1: its title there, what mmetl does, what we do, and whether the server shows it."""

    title: str
    mmetl: str
    ours: str
    check: Check
    aborts: bool = False  # mmetl itself, or the server's import of what it wrote


def _distinct(values: list[Any]) -> bool:
    return len(set(values)) == len(values)


def _posts(place: str, second: int, field: str = "message") -> Callable[[Arrived], Any]:
    return lambda a: a.post(place, second)[field]


def _reactions(a: Arrived, place: str, second: int) -> set[str]:
    return {r["emoji_name"] for r in a.post(place, second)["metadata"]["reactions"]}


def _files(a: Arrived, place: str, second: int) -> list[str]:
    return [f["name"] for p in a.pieces(place, second) for f in p["metadata"].get("files") or ()]


def _together(a: Arrived) -> bool:
    posts = [p for p in a.posts("C1") if p["message"].startswith("together")]
    times = [p["create_at"] for p in posts]
    after = all(r["create_at"] >= p["create_at"] for p in posts for r in p["metadata"]["reactions"])
    return len(times) == 3 and _distinct(times) and after


def _members(a: Arrived, place: str) -> set[str]:
    return {member["user_id"] for member in a.server.get(f"/channels/{a.place(place)}/members", per_page=200)}


def _ids(a: Arrived, *people: str) -> set[str]:
    return {a.user(slack)["id"] for slack in people}


def _off(a: Arrived, slack: str) -> bool:
    return bool(a.user(slack)["delete_at"])


def _bot_name(a: Arrived, place: str, second: int) -> str:
    return str(a.server.get(f"/bots/{a.post(place, second)['user_id']}")["display_name"])


def _unread(a: Arrived, place: str) -> int:
    found = a.server.get(f"/users/{a.user('U1')['id']}/channels/{a.place(place)}/unread")
    return int(found["msg_count"]) + int(found["mention_count"])


def _whole(a: Arrived, place: str, second: int, word: str) -> tuple[int, int]:
    """How many posts a message became, and how often a word stands in them."""
    pieces = [p["message"] for p in a.pieces(place, second)]
    return len(pieces), sum(text.count(word) for text in pieces)


def _threads(a: Arrived, user: str) -> set[str]:
    found = a.server.get(f"/users/{a.user(user)['id']}/teams/{a.team}/threads", per_page=100)
    return {thread["id"] for thread in found["threads"] or ()}


def _calls(a: Arrived) -> bool:
    call = a.post("C8", 8)
    lasted = call["props"]["end_at"] - call["props"]["start_at"]
    words = call["message"]
    return call["type"] == "custom_calls" and lasted == 960_000 and "16 min" in words and "@bob" in words


def _grid() -> bool:
    """Both workspaces of an organisation and what they share, in the package."""
    with TemporaryDirectory() as folder:
        export, out = variants.grid(Path(folder) / "grid"), Path(folder) / "out"
        with closing(open_export([export])) as source:
            expected = {c: sum(1 for _ in source.messages(c)) for c in source.workspace.conversations}
        command = ["migrate", str(export), "--to", "mattermost", "--route", "file", "-o", str(out), "-q"]
        done = CliRunner().invoke(cli, [*command, "--run", f"{folder}/run"])
        lines = [line for part in sorted(out.glob("*.zip")) for line in _lines(part)]
        made = [post["props"]["slack_key"].split("/")[0] for line in lines for post in _posts_of(line)]
    return done.exit_code == 0 and len(expected) == 4 and all(made.count(c) >= n for c, n in expected.items())


def _lines(part: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(part) as archive:
        return [json.loads(line) for line in archive.read("import.jsonl").splitlines()]


def _posts_of(line: dict[str, Any]) -> list[dict[str, Any]]:
    post = line.get("post") or line.get("direct_post")
    return [post, *post.get("replies", ())] if post else []


def _stands_for_files(a: Arrived) -> bool:
    text = a.post("C7", 2)["message"]
    return all(word in text for word in ("gone.txt", "plan&#46;gdoc", "https://drive.example.invalid/plan", "old.txt"))


ROWS: tuple[Row, ...] = (
    Row("username", "as it is; the server refuses “Carol Smith”", "made valid, unique, and used in mentions too",
        lambda a: a.user("U3")["username"] == "carol-smith" and a.user("U6")["username"] == "bob-u6", aborts=True),
    Row("real_name", "split at the first space", "split at the first space; the name shown in Slack is the nickname",
        lambda a: (a.user("U1")["first_name"], a.user("U1")["last_name"]) == ("Alice", "van der Berg")),
    Row("display_name, phone, pronouns, skype, status text/emoji, custom fields, start date", "lost",
        "nickname and custom status; the rest is accounted for as profile details",
        lambda a: a.user("U1")["nickname"] == "Ali" and '"text":"Baking"' in a.user("U1")["props"]["customStatus"]
        and a.fates("profile details") == {"approximated"}),
    Row("title", "position", "position", lambda a: a.user("U1")["position"] == "Baker"),
    Row("email", "doubles abort the import", "lower case, unique: the second owner gets an address of nobody",
        lambda a: a.user("U1")["email"] == "alice@example.invalid"
        and a.user("U2")["email"].endswith(".slack.invalid"), aborts=True),
    Row("missing email", "exit 1", "an address below .slack.invalid",
        lambda a: a.user("U3")["email"].endswith(".slack.invalid"), aborts=True),
    Row("timezone, locale", "lost", "both kept",
        lambda a: (a.user("U1")["locale"], a.user("U1")["timezone"]["automaticTimezone"]) == ("it", "Europe/Rome")),
    Row("profile picture", "never", "kept where the export has its bytes",
        lambda a: a.user("U1").get("last_picture_update", 0) > 0),
    Row("admin/owner flags", "lost", "admins of the team, never of the server",
        lambda a: "team_admin" in a.server.get(f"/teams/{a.team}/members/{a.user('U1')['id']}")["roles"]
        and a.user("U1")["roles"] == "system_user"),
    Row("deactivated users", "deactivated now", "deactivated after their last message",
        lambda a: a.user("U4")["delete_at"] > a.post("C1", 23)["create_at"]),
    Row("guests", "guests without channels are dropped", "ordinary members, told to the admin",
        lambda a: not _off(a, "U8") and any("guests of Slack" in said for said in a.moved.outcome.advice)),
    Row("external / Slack-Connect users (is_stranger, other team_id)", "merged with whoever has the name",
        "deactivated accounts of their own",
        lambda a: a.post("C8", 11)["user_id"] == a.user("UX")["id"] != a.user("U1")["id"] and _off(a, "UX")),
    Row("users referenced but absent", "an active “Deleted User”", "a deactivated account that writes as them",
        lambda a: a.post("C1", 13)["user_id"] == a.user("U9")["id"] and _off(a, "U9")),
    Row("USLACKBOT if absent from users.json", "an active “Deleted User”", "a bot",
        lambda a: bool(a.user("USLACKBOT")["is_bot"]) and a.post("D3", 1)["user_id"] == a.user("USLACKBOT")["id"]),
    Row("bots", "their U ids are unknown: phantoms", "one account by any of its ids",
        lambda a: bool(a.user("U5")["is_bot"]) and a.post("D2", 2)["user_id"] == a.user("U5")["id"]
        and any(r["user_id"] == a.user("U5")["id"] for r in a.post("C1", 1)["metadata"]["reactions"])),
    Row("bot deleted flag", "ignored by the server", "switched off after the import",
        lambda a: a.server.get(f"/bots/{a.user('U7')['id']}", include_deleted="true")["delete_at"] > 0),
    Row("unknown bot_id", "“Unknown Bot”", "a bot by the name it wrote under",
        lambda a: _bot_name(a, "C1", 4) == "Grafana Prod"),
    Row("bot_message with only `username`", "an illegal name: the import aborts", "a bot by that name",
        lambda a: _bot_name(a, "C1", 3) == "Deploy Bot", aborts=True),
    Row("per-message bot name/icon overrides", "lost", "kept with the post",
        lambda a: a.post("C8", 7)["props"]["override_username"] == "Night Build"
        and a.post("C8", 7)["props"]["override_icon_emoji"] == "owl"),
    Row("messages a human posted through an app (user + bot_id)", "the bot's", "the human's",
        lambda a: a.post("C1", 6)["user_id"] == a.user("U1")["id"]),
    Row("public channels", "kept", "kept", lambda a: a.channel("C1")["type"] == "O"),
    Row("private channels", "kept", "kept", lambda a: a.channel("G1")["type"] == "P"),
    Row("archived", "kept", "kept, just after its last message",
        lambda a: a.channel("C6")["delete_at"] > a.posts("C6")[-1]["create_at"]),
    Row("channel created/creator", "no such field", "no such field: who made a channel stays in the export",
        lambda a: a.channel("C1")["creator_id"] == ""),
    Row("topic → header, purpose", "raw markup", "Markdown, plain words",
        lambda a: a.channel("C1")["header"] == "see [wiki](https://example.invalid) & @alice"
        and a.channel("C1")["purpose"] == "talk of everything & more"),
    Row("DM / MPIM topic", "lost", "the header", lambda a: a.channel("G3")["header"] == "lunch"),
    Row("channel name collisions", "channels merge", "each its own",
        lambda a: _distinct([a.channel(c)["name"] for c in ("C1", "C2", "C3", "C4", "C5", "G1")])),
    Row("non-ASCII channel names", "mentions are dead links", "by id, with its display name; mentions lead there",
        lambda a: a.channel("C5")["display_name"] == "日本語"
        and f"~{a.channel('C5')['name']}" in a.post("C1", 19)["message"]),
    Row("public+private same name", "one overwrites the other", "two channels",
        lambda a: a.channel("C1")["name"] != a.channel("G1")["name"] and a.channel("G1")["display_name"] == "general"),
    Row("#general", "channel general", "channel general", lambda a: a.channel("C1")["name"] == "general"),
    Row("DMs", "kept", "kept", lambda a: [p["message"] for p in a.posts("D2")] == ["hello app", "hello person"]),
    Row("self-DM with members [U1]", "dropped with all posts", "kept",
        lambda a: [p["message"] for p in a.posts("D1")] == ["note to self"]),
    Row("MPIM 3–8", "kept", "kept",
        lambda a: len(_members(a, "G8")) == 8 and [p["message"] for p in a.posts("G8")] == ["eight of us"]),
    Row("MPIM of 9", "all posts dropped", "a private channel with its history",
        lambda a: a.channel("G9")["type"] == "P" and [p["message"] for p in a.posts("G9")] == ["nine of us", "indeed"]),
    Row("dedupe \"smallest Slack id wins\"", "does not work", "both histories in the one channel, no moment twice",
        lambda a: a.place("G3") == a.place("G4") and a.posts("G3")[0]["message"] == "three of us"
        and a.posts("G4")[0]["message"] == "three of us again"),
    Row("memberships", "kept", "kept", lambda a: _ids(a, "U1", "U2", "U3") <= _members(a, "C1")),
    Row("unread state", "counts can be short", "nothing is unread",
        lambda a: all(_unread(a, place) == 0 for place in ("C1", "C2", "C7", "C8", "G1", "G9", "G3", "D1", "D2"))),
    Row("pins", "lost", "kept", lambda a: a.post("C1", 1)["is_pinned"] is True),
    Row("edits", "lost", "when it was last edited",
        lambda a: a.post("C8", 4)["edit_at"] == (exports.BASE + 60) * 1000),
    Row("stars/saved, bookmarks, tabs, canvases, lists, workflows, reminders, channel sections, mute/notify prefs, "
        "retention", "nothing", "no export holds them, and nothing is made up: nobody has a saved post",
        lambda a: not a.server.get(f"/users/{a.user('U1')['id']}/posts/flagged")["order"]),
    Row("user groups", "damaged mentions", "their handles as text",
        lambda a: "&#64;devs" in a.post("C1", 19)["message"] and a.fates("user groups") == {"approximated"}),
    Row("custom emoji images", "never", "kept where the export has their bytes, made to fit",
        lambda a: a.server.get("/emoji/name/party_parrot")["name"] == "party_parrot"),
    Row("reactions", "tones are lost, names change", "tones by the server's own names; two tones are two reactions",
        lambda a: _reactions(a, "C1", 1) == {"+1_light_skin_tone", "tada"}
        and {"+1", "+1_light_skin_tone"} <= _reactions(a, "C8", 12)),
    Row("reaction on a post whose time was bumped", "the import aborts", "never before its post", _together,
        aborts=True),
    Row("emoji names", "unknown to the server", "by the server's names; its own for what it does not know",
        lambda a: "melting_face" in _reactions(a, "C8", 12) and len(_reactions(a, "C8", 12)) == 4),
    Row("threads", "a missing root takes its replies along", "a placeholder for the root; every reply is there",
        lambda a: a.post("C1", 10)["root_id"] == a.post("C1", 11)["root_id"] == a.post("C1", 9)["id"]
        and bool(a.post("C1", 12)["root_id"])),
    Row("thread_broadcast", "a plain reply", "a reply, and a copy of it in the channel",
        lambda a: sorted(bool(p["root_id"]) for p in a.pieces("C8", 3)) == [False, True]),
    Row("thread followers / subscribed", "nobody follows", "those who wrote in it follow, with nothing unread",
        lambda a: a.post("C8", 1)["id"] in _threads(a, "U1") & _threads(a, "U2")),
    Row("replies' props", "lost", "kept",
        lambda a: "Build" in a.post("C8", 2)["message"] and bool(a.post("C8", 2)["root_id"])),
    Row("files", "named after their id, without letters", "under their own names",
        lambda a: _files(a, "C7", 1) == ["レポート 1.pdf"]),
    Row("missing / external (Drive) / hidden_by_limit / tombstone files", "no trace, even an empty post",
        "a line that names each, with its address or why", _stands_for_files),
    Row(">5 files", "in replies of five", "ten to a post",
        lambda a: [len(p["metadata"].get("files") or ()) for p in a.pieces("C7", 3)] == [10, 2]),
    Row("downloads", "anything with status 200 is a file", "none: what is not in the export is named, and counted",
        lambda a: "approximated" in a.fates("files") and "not in the export" in a.post("C7", 2)["message"]),
    Row("files on /me and system messages, file_comment's file", "lost", "kept",
        lambda a: _files(a, "C7", 4) == ["same.txt"] and a.post("C7", 4)["type"] == "me"
        and _files(a, "C7", 5) == ["same.txt"] and "nice file" in a.post("C7", 6)["message"]),
    Row("rich_text blocks, Block Kit", "an empty post", "read before the text",
        lambda a: a.post("C8", 6)["message"] == "only in **blocks**"),
    Row("legacy attachments", "raw markup", "converted like the text",
        lambda a: all(text in a.post("C8", 2)["message"] for text in ("desc **b** @bob & more", "main"))),
    Row("unfurls", "shown twice", "the link, which the server previews itself",
        lambda a: "of words" not in a.post("C8", 5)["message"] and a.fates("link previews") == {"skipped"}),
    Row("attachment JSON type surprises", "the rest of the day is lost", "read all the same",
        lambda a: "**a**" in a.post("C1", 23)["message"] and "Branch" in a.post("C8", 2)["message"]),
    Row("props > 800,000 runes", "dropped, or the whole post", "as text, in several posts",
        lambda a: _whole(a, "C8", 10, "x")[1] == 900_000),
    Row("huddles", "“Call ended”, nobody in it", "a post of the calls plugin that says how long and with whom", _calls),
    Row("text > 16,383 runes", "cut anywhere; a fence is not opened again", "cut at words; all code stays code",
        lambda a: _whole(a, "C1", 22, "w") == (2, 12_000) and _whole(a, "C8", 9, "code line")[1] == 2_000
        and all(p["message"].startswith("```") and p["message"].endswith("```") for p in a.pieces("C8", 9))),
    Row("message microseconds", "milliseconds, shifted", "milliseconds, shifted, and the shift is kept with the post",
        lambda a: [p["props"].get("slack_shift", 0) for p in a.posts("C1") if "together" in p["message"]] == [0, 1, 2]),
    Row("`ts` with <4 fractional digits", "panic", "read", lambda a: a.post("C1", 8)["message"] == "a short moment",
        aborts=True),
    Row("NUL characters", "the database refuses them", "taken out",
        lambda a: a.post("C1", 7)["message"].replace("  ", " ") == "nul inside", aborts=True),
    Row("Enterprise Grid", "unpacked into a folder that may be stale", "read where it lies, every workspace of it",
        lambda _: _grid()),
)  # fmt: skip


class Words(Struct, frozen=True):
    """A row of table 1.3, for the same row of exports.TEXTS: what mmetl writes, the words a reader sees of ours, and
    what must stand in it as it is written."""

    mmetl: str
    words: str
    must: str = ""


# In the order of the table; the writer's own cases (tests/golden) say more of each.
TEXTS: tuple[Words, ...] = (
    Words("int **p, **q = &amp;x;", "int *p, *q = &x;\nif (a < b) {}", "```\nint *p, *q = &x;"),
    Words("cp ~~/a ~~/b", "cp ~/a ~/b"),
    Words("rm **.txt and **.log", "rm *.txt and *.log"),
    Words("~~general ~~x", "#general #a-very-long-name-", "~general ~a-very-long-name-"),
    Words("*b* ~s~", "b s", "**b** ~~s~~"),
    Words("(*paren*)", '(paren) "quote" :x: -neg-', "**paren**"),
    Words("_*bi*_ **_ib_**", "bi ib"),
    Words("", "*multi\nline*"),
    Words("**bold**text", "*bold*text"),
    Words("```foo\nbar```", "foo\nbar\nafter", "```\nfoo\nbar\n```"),
    Words("a &amp; b &lt;tag&gt;, a &gt; b", "a & b <tag>, a > b"),
    Words("b=1&amp;c=2", "https://x.example.invalid/a?b=1&c=2", "b=1&c=2)"),
    Words("<https://x.example.invalid|a|b>", "a|b", "(https://x.example.invalid)"),
    Words("[t ] x](https://x.example.invalid/a(b))", "t ] x", "](https://x.example.invalid/a%28b%29)"),
    Words("](!subteam", "@devs @devs"),
    Words("](!date", "Posted 2014-02-18", "(https://x.example.invalid)"),
    Words("](@UNOPE)", "@ghost #nochan #dm"),
    Words("@all", "@here @channel @everyone"),
    Words("", "@U2", "`@U2`"),
    Words("> quote\nnot quote", "quote\nnot quote", "> quote\n\nnot quote"),
    Words("> multi\n>line", "multi\nline", "> multi\n> line"),
    Words("• one\n    ◦ two", "one\ntwo"),
    Words(":+1::skin-tone-3:", "👍🏼"),
    Words("# x\n#tag", "# x\n#tag\n1) one\na | b\n[x](y) @all"),
)
