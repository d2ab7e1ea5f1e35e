"""Zulip's own importer and ours, row by row: the tables 1.1, 1.2 and 1.3 of the facts about it.

Each row has a title, what Zulip's own importer makes of the thing (as observed on a real server), and our outcome as a
check on the organisation that our archive becomes. Where the facts lie beside the checkout, the rows are counted
against theirs.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from migrator.adapters.zulip.read import read
from migrator.ledger import Fate, Feature
from migrator.model import Role
from migrator.plan import Plan
from migrator.slack.reader import open_export
from tests.fakes.zulip_import import load
from tests.fakes.zulip_realm import Channel, Message, Realm, User
from tests.oracles.test_rivals import ZULIP as TEXTS
from tests.oracles.test_rivals import place
from tests.oracles.zulip.test_dialect import server_emoji
from tests.zulip_archive.conftest import SAMPLES, rows
from tests.zulip_archive.test_imported import run

FACTS = Path(__file__).parent.parent.parent.parent / "shared" / "facts" / "zulip.md"
KITCHEN = SAMPLES / "kitchen_sink"
AVATAR = next((KITCHEN / "__avatars" / "U0ADA0001").iterdir())


class There:
    """An export, the archive made of it, and the organisation that it became."""

    def __init__(self, export: Path, place: Path, *choices: str) -> None:
        self.export, self.archive = export, place / "out"
        arguments = [
            "migrate",
            export,
            "--to",
            "zulip",
            "--route",
            "archive",
            "-o",
            self.archive,
            "--run",
            place / "run",
        ]
        for choice in ("version=11", "sequences=1000,2000,3000", *choices):
            arguments += ["--set", choice]
        self.done = run(*arguments)
        assert (self.archive / "realm.json").is_file(), self.done.output
        self.plan = msgspec.json.decode((place / "run" / "plan.json").read_bytes(), type=Plan)
        self.realm: Realm = load(self.archive, server_emoji(), keep_ids=True)
        self.words: dict[int, str] = {}
        source = open_export([export])
        self.people, self.quarantine = source.workspace.users, list(source.quarantine)
        source.close()

    def fate(self, feature: Feature) -> dict[Fate, int]:
        found: dict[Fate, int] = {}
        for line in self.plan.ledger:
            if line.feature is feature:
                found[line.fate] = found.get(line.fate, 0) + line.count
        return found

    @property
    def everybody(self) -> list[User]:
        return list(self.realm.users.values())

    def user(self, name: str) -> User:
        return next(user for user in self.realm.users.values() if user.name == name)

    def channel(self, name: str) -> Channel:
        return next(channel for channel in self.realm.channels.values() if channel.name == name)

    def said(self, words: str) -> list[Message]:
        """Messages whose own words begin with these."""
        return [m for m in self.realm.messages.values() if words in self.shown(m)]

    def one(self, words: str) -> Message:
        return min(self.said(words), key=lambda m: m.id)

    def shown(self, message: Message) -> str:
        if message.id not in self.words:
            self.words[message.id] = read(self.realm.html(message.content))
        return self.words[message.id]

    def sender(self, words: str) -> str:
        return self.realm.users[self.one(words).sender].name

    def topics(self, channel: str) -> set[str]:
        return {m.topic for m in self.realm.in_channel(channel)}

    def profile(self, name: str) -> dict[str, str]:
        return {self.realm.fields[n]["name"]: value for n, value in self.user(name).profile.items()}


def write_export(folder: Path, tables: dict[str, Any], messages: dict[str, list[dict[str, Any]]]) -> Path:
    folder.mkdir(parents=True)
    for name, rows_of in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(rows_of))
    for channel, records in messages.items():
        (folder / channel).mkdir()
        (folder / channel / "2023-07-03.json").write_text(json.dumps(records))
    return folder


def person(number: int, name: str, **more: Any) -> dict[str, Any]:
    profile = {"real_name": name, "display_name": name, "email": f"u{number}@example.invalid"}
    return {"id": f"U{number}", "name": f"user{number}", "profile": profile | more.pop("profile", {}), **more}


def say(number: int, text: str, user: str | None = "U1", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": f"16883712{number:02}.000100", **more}


OWNER = person(1, "Ada", is_owner=True, is_primary_owner=True)
TEA = {"id": "C1", "name": "tea", "members": ["U1", "U2"], "created": 1456790400, "creator": "U1"}


def _odd(place: Path) -> There:
    """What the kitchen sink has not: aliases of emoji, odd records, links between messages."""
    permalink = "<https://invented.slack.com/archives/C1/p1688371201000100>"
    messages = [
        say(1, "the first", reactions=[{"name": "party", "users": ["U1"], "count": 1}]),
        say(2, f"as said {permalink}"),
        say(3, "ghost", user=None),
        {"type": "message", "user": "U1", "ts": "1688371204.000100"},
        say(5, "nul\0here"),
        say(6, "long " + "word " * 3000),
        say(7, "poof", reactions=[{"name": "gone_emoji", "users": ["U2"], "count": 1}]),
        say(8, "by a stranger", reactions=[{"name": "+1", "users": ["U404"], "count": 1}]),
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "text": "from a bot", "ts": "1688371209.000100"},
        say(10, "", blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "only *blocks*"}}]),
    ]
    emoji = {
        "parrot": "https://example.invalid/parrot.gif",
        "party": "alias:parrot",
        "no_ending": "https://example.invalid/x",
    }
    return There(
        write_export(
            place / "odd", {"users": [OWNER, person(2, "Bo")], "channels": [TEA], "emoji": emoji}, {"tea": messages}
        ),
        place,
    )


def _grid(place: Path) -> There:
    folder = place / "grid"
    tables = {"users": [OWNER], "channels": [TEA]}
    write_export(folder / "teams" / "acme", tables, {"tea": [say(1, "of one team")]})
    return There(folder, place)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> There:
    icon = tmp_path_factory.mktemp("icon") / "icon.png"
    icon.write_bytes(AVATAR.read_bytes())
    return There(KITCHEN, tmp_path_factory.mktemp("kitchen"), f"icon_file={icon}")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> There:
    return _odd(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> There:
    return _grid(tmp_path_factory.mktemp("grid"))


class Row(NamedTuple):
    """`theirs`: what Zulip's own importer does. `ours`: checks what we do; `of`: in which export it is."""

    title: str
    theirs: str
    ours: Callable[[There], object]
    of: str = "kitchen"


def _all(*checks: bool) -> None:
    assert all(checks), checks


def _html(there: There, words: str) -> str:
    return there.realm.html(there.one(words).content)


def _reactions(there: There, words: str) -> set[tuple[str, str]]:
    return {(row["emoji_name"], there.realm.users[row["user_id"]].name) for row in there.one(words).reactions}


def _thread(there: There) -> None:
    root, replies = there.one("Good morning"), [there.one(w) for w in ("I do", "No, I do", "Two days later")]
    _all(root.topic == "imported from Slack", len({m.topic for m in replies}) == 1, replies[0].topic != root.topic)


def _files_are_private(there: There) -> None:
    attachments = rows(there.archive, "zerver_attachment")
    assert attachments
    assert all(row["is_realm_public"] is None for row in attachments)
    for path, upload in there.realm.uploads.items():
        rooms = {there.realm.messages[number].channel for number in upload.messages}
        outsider = User(1, "x@example.invalid", "Outsider", role=600)
        assert rooms
        assert not there.realm.may_open(outsider, path)


def _lines(there: There, *words: str) -> None:
    for word in words:
        assert there.said(word), word


FEATURES = [
    Row("users", "from the API only, joined now", lambda t: _all(
        {u.name for u in t.realm.users.values()} >= {"Ada", "Bo"}, len(t.realm.users) >= len(t.people))),
    Row("display name", "dropped; a deleted user's is their login name", lambda t: _all(
        t.user("Ada").email == "ada@example.invalid", t.user("Cy Cole").name == "Cy Cole")),
    Row("e-mail", "a person without one aborts everything", lambda t: _all(
        all("@" in u.email for u in t.everybody), any(u.email.endswith("slack.invalid") for u in t.everybody))),
    Row("roles", "carried", lambda t: _all(
        t.user("Ada").role == 100, t.user("Bo").role == 200, any(u.role == 600 and u.active for u in t.everybody))),
    Row("deleted users", "a deactivated account under the login name", lambda t: _all(not t.user("Cy Cole").active)),
    Row("bots", "generic bots without an owner", lambda t: _all(
        t.user("Deploy Bot").bot, all(r["bot_owner"] for r in rows(t.archive, "zerver_userprofile") if r["is_bot"]))),
    Row("integration bots", "an account, but its messages are lost", lambda t: _all(
        t.realm.users[t.one("Build #1 passed").sender].bot)),
    Row("a bot's name in one message", "dropped",
        lambda t: _all("builder (night)" in t.shown(t.one("Build #2 failed")))),
    Row("Slackbot", "an ordinary person", lambda t: _all(t.realm.users[t.one("The kitchen closes").sender].bot)),
    Row("custom profile fields", "the name becomes 'Slack custom field 1'", lambda t: _all(
        "Stoves" in t.profile("Ada").values())),
    Row("title, pronouns, status, start date", "dropped", lambda t: _all(
        t.profile("Ada").items() >= {("Title", "Head of Kitchen"), ("Pronouns", "she/her"), ("Start date",
            "2016-03-01")},
        "Cooking" in {r["status_text"] for r in rows(t.archive, "zerver_userstatus")})),
    Row("avatars", "downloaded, whatever the answer is", lambda t: _all(
        t.user("Ada").avatar == AVATAR.read_bytes())),
    Row("time zone", "carried; an unknown one becomes New York", lambda t: _all(
        {r["full_name"]: r["timezone"] for r in rows(t.archive, "zerver_userprofile")}["Ada"] == "Europe/Oslo",
        "America/New_York" not in {r["timezone"] for r in rows(t.archive, "zerver_userprofile")})),
    Row("workspace name", "lost: the subdomain; the import does that, so the command says what to set", lambda t: _all(
        "give it its name in its settings" in t.done.output)),
    Row("workspace icon", "carried", lambda t: _all(
        (t.archive / "realm_icons" / "icon.png").is_file(), rows(t.archive, "zerver_realm")[0]["icon_source"] == "U")),
    Row("public channels", "carried", lambda t: _all(not t.channel("general").private)),
    Row("private channels", "carried, with their history hidden from late joiners", lambda t: _all(
        t.channel("head-chefs").private,
        all(r["history_public_to_subscribers"] for r in rows(t.archive, "zerver_stream")))),
    Row("archived channels", "carried", lambda t: _all(t.channel("archaeology").archived)),
    Row("channel topic", "dropped", lambda t: _all("Soup & bread" in t.channel("general").description,
        "Everything for everyone" in t.channel("general").description)),
    Row("channel creator", "dropped", lambda t: _all(t.user("Ada").id in {
        r["creator"] for r in rows(t.archive, "zerver_stream") if r["name"] == "general"})),
    Row("channel members", "carried; an unknown one aborts everything", lambda t: _all(
        {t.user("Ada").id, t.user("Bo").id} <= t.channel("general").members)),
    Row("default channels", "those called general or random", lambda t: _all(
        [r["stream"] for r in rows(t.archive, "zerver_defaultstream")] == [t.channel("general").id])),
    Row("sections, mutes, notification settings", "not in an export; nobody is told of old messages either",
        lambda t: _all(
        not [m for m in t.realm.messages.values() if m.unread], t.realm.mails == [])),
    Row("direct messages and groups", "carried", lambda t: _all(
        t.one("Can we talk?").people == {t.user("Ada").id, t.user("Bo").id}, len(t.one("three of us").people) == 3,
        t.one("note to self").people == {t.user("Ada").id})),
    Row("threads", "split over topics and mixed with others", _thread),
    Row("messages outside threads", "all in one topic", lambda t: _all(
        t.one("Price list corrected").topic == t.one("My last day").topic == "imported from Slack")),
    Row("a thread's root in the channel", "missing there", lambda t: _all(
        t.one("Good morning").topic == "imported from Slack", "⤷ thread" in t.shown(t.one("Good morning")))),
    Row("thread_broadcast", "the copy in the channel is lost", lambda t: _all(
        len({m.topic for m in t.said("Then we both do")}) == 2,
        "imported from Slack" in {m.topic for m in t.said("Then we both do")})),
    Row("threads in direct messages", "flattened without a mark", lambda t: _all(
        "Can we talk?" in t.shown(t.one("Sure")), f"near/{t.one('Can we talk?').id}" in t.one("Sure").content)),
    Row("reactions, Unicode", "carried", lambda t: _all(_reactions(t, "indeed") == {("100", "Bo"), ("100", "Finn")} or
        {name for name, _ in _reactions(t, "indeed")} == {"100"}, len(t.one("indeed").reactions) == 2)),
    Row("reactions, skin tone", "the base emoji: Zulip knows no tones; we count them", lambda t: _all(
        t.fate(Feature.REACTION)[Fate.APPROXIMATED] == 2)),
    Row("reactions, custom emoji", "aliases dropped, removed ones too", lambda t: _all(
        _reactions(t, "the first") == {("parrot", "Ada")}, _reactions(t, "poof") == {("gone_emoji", "Bo")}), "odd"),
    Row("reactions of people nobody lists", "dropped", lambda t: _all(len(_reactions(t, "by a stranger")) == 1), "odd"),
    Row("time of a reaction", "not in an export, and Zulip stores none", lambda t: _all(
        set(rows(t.archive, "zerver_reaction")[0]) == {"id", "message", "user_profile", "emoji_name", "emoji_code",
            "reaction_type"})),
    Row("custom emoji", "an address without an ending aborts everything", lambda t: _all(
        {"parrot", "party", "no-ending"} - {n.replace("_", "-") for n in t.realm.emoji} == set()), "odd"),
    Row("files", "readable by every member who has the link", _files_are_private),
    Row("files that were deleted, hidden, denied", "skipped without a word", lambda t: _lines(
        t, "F0GONE001", "F0LIMIT01", "F0DENIED1")),
    Row("files that live elsewhere", "a link", lambda t: _all('">budget</a>' in _html(t, "in the cloud"))),
    Row("file without an address", "aborts everything", lambda t: _lines(t, "F0GONE001")),
    Row("comments on files", "by the owner of the file, not by who commented",
        lambda t: _all(t.sender("yummy") == "Ada")),
    Row("posts", "the message is skipped", lambda t: _lines(t, "Old post")),
    Row("canvases, lists, transcripts", "ignored", lambda t: _lines(t, "Plan", "Shopping", "More bread please")),
    Row("snippets", "an ordinary file", lambda t: _all(
        (KITCHEN / "__uploads" / "F0SNIPPET" / "stir.py").read_bytes() in {u.data for u in t.realm.uploads.values()})),
    Row("message text", "by patterns; see table 1.2",
        lambda t: _all("<strong>bold</strong>" in _html(t, "bold italic strike"))),
    Row("blocks", "ignored: a message of blocks is empty", lambda t: _all(
        "<strong>blocks</strong>" in _html(t, "only blocks")), "odd"),
    Row("rich text", "ignored", lambda t: _all("<li>" in _html(t, "two a i"), "<code>" in _html(t, "if (a < b"))),
    Row("attachments", "ignored: cards of bots are empty", lambda t: _lines(t, "Release 3", "only the fallback")),
    Row("link previews", "ignored, and later they replaced the words", lambda t: _all(
        "https://example.invalid/article" in t.shown(t.one("Look:")), t.fate(Feature.PREVIEW) == {Fate.SKIPPED: 1})),
    Row("edits", "dropped, the mark too", lambda t: _all(t.one("Price list corrected").edited,
        any(r["edit_history"] for r in rows(t.archive, "zerver_message")))),
    Row("deleted messages", "whatever text Slack left", lambda t: _lines(t, "deleted")),
    Row("pins", "dropped", lambda t: _all(t.one("Good morning").starred == {t.user("Bo").id})),
    Row("bookmarks, reminders, drafts", "dropped: not in an export; its notice of a reminder is kept", lambda t: _lines(
        t, "set up a reminder")),
    Row("user groups", "dropped; the mention stays raw", lambda t: _all(
        "@cooks" in t.shown(t.one("Jul 10, 2023")), "subteam" not in t.one("Jul 10, 2023").content,
        Fate.DROPPED in t.fate(Feature.USER_GROUP))),
    Row("join, leave, rename", "skipped",
        lambda t: _lines(t, "has joined the channel", "has left the channel", "has renamed")),
    Row("topic, purpose, archive", "the person's own sentence",
        lambda t: _lines(t, "set the channel topic", "archived the channel")),
    Row("/me and apps that were added", "carried", lambda t: _all(
        t.one("is off to the market").content.startswith("/me "), bool(t.said("added an integration")))),
    Row("huddles", "text only", lambda t: _all(any("huddle" in t.shown(m).lower() for m in t.realm.messages.values()))),
    Row("read state", "all read", lambda t: _all(not [m for m in t.realm.messages.values() if m.unread])),
    Row("people of other workspaces", "mirror dummies, by a call for each", lambda t: _all(
        t.realm.users[t.one("Hello from another company").sender].dummy,
        any(u.role is Role.STRANGER for u in t.people.values()))),
    Row("Enterprise Grid", "no support", lambda t: _lines(t, "of one team"), "grid"),
    Row("user: null", "the message is lost without a word", lambda t: _lines(t, "ghost"), "odd"),
    Row("no text at all", "printed and skipped", lambda t: _all(
        any("1688371204" in str(m.time) for m in t.realm.messages.values())), "odd"),
    Row("NUL, and more than 10,000 characters", "stripped; cut off", lambda t: _all(
        "\0" not in t.one("nul").content, t.one("long word").content.count("word") == 3000), "odd"),
    Row("a second export", "impossible; ours: test_imported, a_later_export_goes_on_live", lambda t: _all(
        t.plan.fingerprint != "", t.plan.posts == sum(line.new for line in t.plan.conversations))),
    Row("links to messages", "point back to Slack", lambda t: _all(
        f"near/{t.one('the first').id}" in t.one("as said").content), "odd"),
    Row("ts", "kept nowhere; ours to the microsecond, and the id map has it", lambda t: _all(
        t.one("Good morning").time == 1688371260.12)),
]  # fmt: skip

# table 1.2, in its order: title, theirs; our outcome is a golden case (tests/oracles/test_rivals.py)
TEXT = [
    ("mentions with any separator", "both become the second person"),
    ("two people of one name", "all mentions go to one of them"),
    ("a deactivated person", "their login name"),
    ("channels without a name", "left raw"),
    ("groups and dates", "left raw"),
    ("here, channel, everyone", "all become all"),
    ("addresses without a usual host", "angle brackets left"),
    ("brackets in a label", "not escaped"),
    ("bold of other scripts", "becomes italic"),
    ("italic of other scripts", "stays underscores"),
    ("entities in code", "shown as entities"),
    ("markers in code", "code is rewritten"),
    ("two runs side by side", "only the first is converted"),
    ("bold on two lines", "neither is converted"),
    ("markers in addresses", "the address is changed"),
    ("multiplication", "doubled asterisks"),
    ("mentions on two lines", "both become the first person"),
    ("capitals and underscores in hosts", "left in angle brackets"),
    ("emoji in text", "other emoji, and literal tones"),
    ("typed markup", "becomes markup"),
    ("a file's name with brackets", "raw in the label"),
]


def _abort(place: Path, tables: dict[str, Any], messages: dict[str, list[dict[str, Any]]]) -> There:
    tables = {"users": [OWNER, person(2, "Bo")], "channels": [TEA], **tables}
    return There(write_export(place / "export", tables, {"tea": [say(1, "still here")], **messages}), place)


LONG = "x" * 79
ABORTS: list[tuple[str, str, dict[str, Any], dict[str, list[dict[str, Any]]], Callable[[There], object]]] = [
    ("a channel without a folder", "convert: FileNotFoundError",
     {"channels": [TEA, {"id": "C2", "name": "empty", "members": []}]}, {},
     lambda t: _all(t.channel("empty").name == "empty")),
    ("direct messages with oneself", "convert: IndexError",
     {"dms": [{"id": "D1", "members": ["U1"]}]}, {"D1": [say(2, "to myself")]},
     lambda t: _all(t.one("to myself").people == {t.user("Ada").id})),
    ("a member whom nobody knows", "convert: user_not_found",
     {"channels": [TEA | {"members": ["U1", "U404"]}]}, {}, lambda t: _all(len(t.channel("tea").members) == 2)),
    ("a person without an address", "convert: AssertionError",
     {"users": [OWNER, person(2, "Bo", profile={"email": ""})]}, {},
     lambda t: _all(t.user("Bo").email == "u2@slack.invalid" or t.user("Bo").email.endswith("@slack.invalid"))),
    ("a bad ts", "convert: ValueError",
     {}, {"tea": [say(1, "still here"), say(2, "when?") | {"ts": "never"}]},
     lambda t: _all(t.done.exit_code == 3, sum(t.fate(Feature.MESSAGE).values()) == 1
         or Fate.QUARANTINED in t.fate(Feature.MESSAGE))),
    ("a file without an address", "convert: KeyError",
     {}, {"tea": [say(1, "still here"), say(2, "look", files=[{"id": "F123456789", "name": "a.txt",
         "mode": "hosted"}])]},
     lambda t: _all("a.txt" in t.shown(t.one("look")))),
    ("an emoji's address without an ending", "convert: AssertionError",
     {"emoji": {"blob": "https://example.invalid/blob"}}, {}, lambda t: _all("blob" in t.realm.emoji)),
    ("a zip with other things in it", "convert: does not look like an archive",
     {"notes_of_mine": {"x": 1}}, {"__uploads": []}, lambda t: _all(t.done.exit_code == 0)),
    ("a channel's name of 80 characters", "import: DataError varchar(60)",
     {"channels": [TEA, {"id": "C2", "name": LONG + "1", "members": []}, {"id": "C3", "name": LONG + "2",
         "members": []}]}, {},
     lambda t: _all(len(t.realm.channels) == 3)),
    ("a purpose of more than 1024", "import: DataError varchar(1024)",
     {"channels": [TEA | {"purpose": {"value": "p" * 3000, "creator": "U1", "last_set": 1}}]}, {},
     lambda t: _all(len(t.channel("tea").description) == 1024)),
    ("a name of more than 100", "import: DataError varchar(100)",
     {"users": [OWNER, person(2, "n" * 300)]}, {}, lambda t: _all(len(t.realm.users) >= 2)),
    ("two people of one address", "import: duplicate subscription",
     {"users": [OWNER, person(2, "Bo", profile={"email": "u1@example.invalid"})]}, {},
     lambda t: _all(len({u.email for u in t.realm.users.values()}) == len(t.realm.users),
         t.user("Bo").id in t.channel("tea").members)),
    ("a file's address that answers 404", "the page is stored as the file; later: the import dies",
     {}, {"tea": [say(1, "still here"), say(2, "look", files=[
         {"id": "F123456789", "name": "a.txt", "mode": "hosted",
             "url_private": "https://files.slack.com/gone?t=xoxe-1"}])]},
     lambda t: _all(t.realm.uploads == {}, "a.txt" in t.shown(t.one("look")), "xoxe" not in t.one("look").content)),
    ("user: null", "the message is lost without a word", {}, {"tea": [say(1, "still here"), say(2, "ghost",
        user=None)]},
     lambda t: _lines(t, "ghost")),
]  # fmt: skip


@pytest.mark.parametrize("row", FEATURES, ids=[row.title for row in FEATURES])
def test_a_thing_of_slack(row: Row, request: pytest.FixtureRequest) -> None:
    row.ours(request.getfixturevalue(row.of))


@pytest.mark.parametrize(("number", "theirs"), [(n, row[1]) for n, row in enumerate(TEXT, 1)], ids=[t for t, _ in TEXT])
def test_a_text(number: int, theirs: str) -> None:
    """Held against Zulip's own renderer where the cases are: tests/oracles, tests/golden."""
    cases = [case for row, case, *_ in TEXTS if row == number]
    assert cases
    for case in cases:
        assert (place(case) / "zulip.md").is_file()


def test_mentions_of_two_people_of_one_name_reach_each(tmp_path: Path) -> None:
    users = [OWNER, person(2, "Bob B"), person(3, "Bob B")]
    there = _abort(tmp_path, {"users": users}, {"tea": [say(1, "still here <@U2>,<@U3>\n<@U3|bob>")]})
    bobs = sorted(user.id for user in there.everybody if user.name.startswith("Bob B"))
    found = re.findall(r'data-user-id="(\d+)"', _html(there, "still here"))
    assert [int(number) for number in found] == [bobs[0], bobs[1], bobs[1]]


def test_a_broadcast_reply_of_which_nothing_is_to_be_seen_is_there_in_both_places(tmp_path: Path) -> None:
    root = say(1, "still here")
    reply = say(2, "\u200b", subtype="thread_broadcast", thread_ts=root["ts"])
    messages = {"tea": [root | {"thread_ts": root["ts"], "reply_count": 1}, reply]}
    there = _abort(tmp_path, {"users": [OWNER]}, messages)
    assert [m.topic == "imported from Slack" for m in there.said("(no text)")] == [False, True]


def test_a_file_of_an_odd_name_is_linked_under_it(tmp_path: Path) -> None:
    messages = {"tea": [say(1, "look", files=[{"id": "F123456789", "name": "My [pic].png", "mode": "hosted"}])]}
    export = write_export(tmp_path / "export", {"users": [OWNER], "channels": [TEA]}, messages)
    (export / "__uploads" / "F123456789").mkdir(parents=True)
    (export / "__uploads" / "F123456789" / "My [pic].png").write_bytes(b"\x89PNG\r\n\x1a\n")
    link = re.search(r'<a href="/user_uploads/[^"]+">([^<]+)</a>', _html(There(export, tmp_path), "look"))
    assert link is not None
    assert html.unescape(link[1]) == "My [pic].png"


@pytest.mark.parametrize(("title", "theirs", "tables", "messages", "ours"), ABORTS, ids=[row[0] for row in ABORTS])
def test_what_aborts(
    title: str,
    theirs: str,
    tables: dict[str, Any],
    messages: dict[str, list[dict[str, Any]]],
    ours: Callable[[There], object],
    tmp_path: Path,
) -> None:
    """Everything else arrives, and the odd record too where there is anything to arrive."""
    there = _abort(tmp_path, tables, messages)
    assert there.said("still here")
    ours(there)


def test_there_is_a_row_for_every_row_of_the_facts() -> None:
    """The facts are no part of the project: where they are not, these numbers stand for them."""
    counts = {"1.1": 66, "1.2": 21, "1.3": 14}
    assert {"1.1": len(FEATURES), "1.2": len(TEXT), "1.3": len(ABORTS)} == counts
    if FACTS.is_file():
        text = FACTS.read_text(encoding="utf-8")
        for section, count in counts.items():
            part = text.split(f"### {section} ", 1)[1].split("\n### ", 1)[0].split("\n---", 1)[0]
            lines = [line for line in part.splitlines() if line.startswith("|")]
            assert len(lines) - 2 == count, section
