"""The package of a move, read as the server would read it: what mmetl loses (facts/mattermost.md 1) is there."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from migrator.adapters.base import Kind, Limits, Target
from migrator.adapters.bulk import Move
from migrator.adapters.mattermost.adapter import Mattermost
from migrator.adapters.mattermost.book import Book
from migrator.adapters.mattermost.package import describe, write, written
from migrator.adapters.mattermost.posts import REPLIES, Held
from migrator.adapters.mattermost.present import Account, Place, Present
from migrator.adapters.mattermost.validate import check
from migrator.directory import Names
from migrator.model import (
    Author,
    Conversation,
    ConversationKind,
    CustomEmoji,
    Edit,
    Event,
    EventKind,
    File,
    Link,
    Local,
    Message,
    MessageKind,
    Paragraph,
    Pin,
    Reaction,
    Role,
    Text,
    User,
    UserMention,
    Workspace,
)
from migrator.plan import Options
from migrator.progress import Progress
from migrator.selection import Selection
from tests.worlds import World, say, small_world

PUBLIC, PRIVATE = ConversationKind.PUBLIC, ConversationKind.PRIVATE
GROUP, DIRECT = ConversationKind.GROUP, ConversationKind.DIRECT


def world(
    users: list[User],
    rooms: list[Conversation],
    messages: list[Message] | None = None,
    data: dict[str, bytes] | None = None,
    emoji: list[CustomEmoji] | None = None,
) -> World:
    found = {e.name: e for e in emoji or []}
    space = Workspace("T1", "Invented", "invented", {u.id: u for u in users}, {c.id: c for c in rooms}, {}, found)
    return World(space, messages or [], data)


def move_of(source: World, folder: Path, target: Target | None = None, done: Any = lambda *_: None) -> Move:
    names = Names(source.workspace)
    quiet = Progress(quiet=True)
    return Move(source, names, target, folder, quiet, done, lambda *_: None, {"route": "file", "out": str(folder)})


def load(source: World, folder: Path) -> list[dict[str, Any]]:
    """The lines of the first zip; every zip has passed the server's rules."""
    asyncio.run(Mattermost({}).load(move_of(source, folder)))
    for path in sorted(folder.glob("import-*.zip")):
        assert check(path) == []
    return read(folder / "import-001.zip")


def read(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        return [json.loads(line) for line in archive.read("import.jsonl").splitlines()]


def of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line[kind] for line in lines if line["type"] == kind]


PEOPLE = [User(f"U{n}", f"user{n}", f"User {n}") for n in range(1, 10)]
ROOM = Conversation("C1", "general", PUBLIC, ("U1", "U2"))
ROOM_OF_TWO = Conversation("D1", "", DIRECT, ("U1", "U2"))


def test_the_same_export_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        load(small_world(), tmp_path / name)
    assert (tmp_path / "a/import-001.zip").read_bytes() == (tmp_path / "b/import-001.zip").read_bytes()


def test_types_stand_together_in_the_order_of_their_dependence(tmp_path: Path) -> None:
    kinds = [line["type"] for line in load(small_world(), tmp_path)]
    order = ["version", "emoji", "team", "channel", "user", "bot", "direct_channel", "post", "direct_post"]
    assert kinds == sorted(kinds, key=order.index)


def test_names_are_valid_and_unique_whatever_they_were(tmp_path: Path) -> None:
    people = [
        User("U1", "Carol Smith", "Carol", email="Carol@Example.Invalid"),
        User("U2", "carol-smith", "Carol too", email="carol@example.invalid"),
        User("U3", "日本", "Nihon"),
        User("U4", "all", "All"),
        User("U5", "carol-smith", "A stranger", role=Role.STRANGER, team="T2"),
        User("name:Deploy Bot", "Deploy Bot", "Deploy Bot", role=Role.BOT, reason="bot"),
        User("B1", "carol smith", "A bot of the same name", role=Role.BOT),
    ]
    long = "x" * 70
    rooms = [
        Conversation(f"C{n}", name, PUBLIC)
        for n, name in enumerate(["general", "_general", "日本語", long + "a", long + "b", "a.b", "-"])
    ] + [Conversation("G1", "general", PRIVATE)]
    lines = load(world(people, rooms), tmp_path)
    names = [u["username"] for u in of(lines, "user") + of(lines, "bot")]
    assert len(set(names)) == len(people)
    emails = [u["email"] for u in of(lines, "user")]
    assert len(set(emails)) == len(emails)
    assert "carol@example.invalid" in emails
    channels = [c["name"] for c in of(lines, "channel")]
    assert len(set(channels)) == len(rooms)
    assert "日本語" in [c["display_name"] for c in of(lines, "channel")]


def test_a_bot_is_one_account_by_any_of_its_ids(tmp_path: Path) -> None:
    bot = User("UB", "jenkins", "Jenkins", role=Role.BOT, bot_ids=("B1",))
    direct = Conversation("D1", "", DIRECT, ("U1", "UB"))
    said = [say("built", conversation="D1", ts="1.000000", user="B1")]
    lines = load(world([PEOPLE[0], bot], [direct], said), tmp_path)
    assert [b["username"] for b in of(lines, "bot")] == ["jenkins"]
    assert [u["username"] for u in of(lines, "user")] == ["user1"]
    (post,) = of(lines, "direct_post")
    assert (post["user"], post["channel_members"]) == ("jenkins", ["user1", "jenkins"])


def test_strangers_and_made_up_people_cannot_log_in(tmp_path: Path) -> None:
    people = [PEOPLE[0], User("U7", "ada", "Ada", role=Role.STRANGER), User("U8", "gone", "Gone", reason="mention")]
    users = {u["username"]: u for u in of(load(world(people, [ROOM]), tmp_path), "user")}
    assert "delete_at" not in users["user1"]
    assert users["ada"]["delete_at"]
    assert users["gone"]["delete_at"]


@pytest.mark.parametrize(("size", "direct"), [(1, True), (2, True), (3, True), (8, True), (9, False)])
def test_direct_conversations_of_any_size_keep_their_history(tmp_path: Path, size: int, direct: bool) -> None:
    members = tuple(u.id for u in PEOPLE[:size])
    room = Conversation("M1", "", DIRECT if size < 3 else GROUP, members)
    lines = load(world(PEOPLE, [room], [say("hello", conversation="M1", ts="1.000000")]), tmp_path)
    posts = of(lines, "direct_post" if direct else "post")
    assert [p["message"] for p in posts] == ["hello"]
    assert len(of(lines, "direct_channel")) == direct
    if direct:
        assert len(posts[0]["channel_members"]) == max(size, 2)
    else:
        assert of(lines, "channel")[0]["type"] == "P"
        assert sum("M1" in str(u) or bool(u["teams"][0]["channels"]) for u in of(lines, "user")) == size


def test_two_groups_of_the_same_people_share_a_channel_and_no_moment(tmp_path: Path) -> None:
    rooms = [Conversation(i, "", GROUP, ("U1", "U2", "U3")) for i in ("M1", "M2")]
    said = [say(room, conversation=room, ts="1.000000") for room in ("M1", "M2")]
    posts = of(load(world(PEOPLE, rooms, said), tmp_path), "direct_post")
    assert {p["message"] for p in posts} == {"M1", "M2"}
    assert len({p["create_at"] for p in posts}) == 2


def test_times_are_unique_and_reactions_never_before_their_post(tmp_path: Path) -> None:
    liked = (Reaction("+1", "👍", ("U1", "U2"), 2),)
    said = [say(str(n), conversation="C1", ts=f"1.00000{n}", reactions=liked) for n in range(3)]
    posts = of(load(world(PEOPLE, [ROOM], said), tmp_path), "post")
    assert [p["create_at"] for p in posts] == [1000, 1001, 1002]
    assert [p["props"].get("slack_shift", 0) for p in posts] == [0, 1, 2]
    assert all(r["create_at"] >= p["create_at"] for p in posts for r in p["reactions"])


def test_pins_edits_emotes_and_names_of_single_posts(tmp_path: Path) -> None:
    room = structs.replace(ROOM, pins=(Pin("2.000000"),))
    said = [
        say("waves", conversation="C1", ts="1.000000", kind=MessageKind.EMOTE),
        say("pinned", conversation="C1", ts="2.000000", edited=Edit("U1", "5.000000")),
        structs.replace(say("built", conversation="C1", ts="3.000000"), author=Author("U1", "Grafana", ":rocket:")),
        say("joined", conversation="C1", ts="4.000000", kind=MessageKind.EVENT, event=Event(EventKind.JOIN, ("U1",))),
    ]
    emote, pinned, named, joined = of(load(world(PEOPLE, [room], said), tmp_path), "post")
    assert emote["type"] == "me"
    assert (pinned["is_pinned"], pinned["edit_at"]) == (True, 5000)
    assert named["props"]["override_username"] == "Grafana"
    assert named["props"]["from_webhook"] == "true"
    assert (joined["type"], joined["props"]["username"]) == ("system_join_channel", "user1")


def test_read_state_leaves_nothing_unread_and_joins_do_not_count(tmp_path: Path) -> None:
    said = [
        say("root", conversation="C1", ts="1.000000", is_root=True),
        say("reply", conversation="C1", ts="2.000000", thread="1.000000"),
        say("joined", conversation="C1", ts="3.000000", kind=MessageKind.EVENT, event=Event(EventKind.JOIN)),
    ]
    user = of(load(world(PEOPLE, [ROOM], said), tmp_path), "user")[0]
    (membership,) = user["teams"][0]["channels"]
    assert (membership["msg_count"], membership["msg_count_root"], membership["last_viewed_at"]) == (2, 1, 3000)


def test_a_thread_keeps_its_replies_with_props_files_and_followers(tmp_path: Path) -> None:
    picture = File("F1", "レポート.pdf", data=Local("up", 3), size=3)
    said = [
        say("", conversation="C1", ts="1.000000", kind=MessageKind.PLACEHOLDER, is_root=True),
        say("reply", conversation="C1", ts="2.000000", thread="1.000000", user="U2", files=(picture,)),
    ]
    lines = load(world(PEOPLE, [ROOM], said, {"up": b"abc"}), tmp_path)
    (post,) = of(lines, "post")
    (reply,) = post["replies"]
    assert reply["attachments"] == [{"path": "files/F1/レポート.pdf"}]
    assert reply["props"]["slack_key"] == "C1/2.000000"
    assert {f["user"] for f in post["thread_followers"]} == {"user1", "user2"}
    with zipfile.ZipFile(tmp_path / "import-001.zip") as archive:
        assert archive.read("data/files/F1/レポート.pdf") == b"abc"


def test_more_than_ten_files_go_on_in_a_further_post(tmp_path: Path) -> None:
    files = tuple(File(f"F{n}", "same.txt", data=Local("up", 1), size=1) for n in range(23))
    posts = of(
        load(world(PEOPLE, [ROOM], [say("", conversation="C1", ts="1.0", files=files)], {"up": b"x"}), tmp_path), "post"
    )
    assert [len(p["attachments"]) for p in posts] == [10, 10, 3]


def test_a_long_text_becomes_several_posts_and_loses_no_word(tmp_path: Path) -> None:
    text = " ".join(f"word{n}" for n in range(6_000))
    posts = of(load(world(PEOPLE, [ROOM], [say(text, conversation="C1", ts="1.0")]), tmp_path), "post")
    assert len(posts) > 1
    assert " ".join(p["message"] for p in posts).split() == text.split()


def test_a_thread_too_long_for_one_statement_goes_on_in_a_second_import(tmp_path: Path) -> None:
    said = [say("root", conversation="C1", ts="1.000000", is_root=True)]
    said += [say(str(n), conversation="C1", ts=f"{n + 2}.000000", thread="1.000000") for n in range(REPLIES + 5)]
    (first,) = of(load(world(PEOPLE, [ROOM], said), tmp_path), "post")
    (second,) = of(read(tmp_path / "import-002.zip"), "post")
    assert (len(first["replies"]), len(second["replies"])) == (REPLIES, 5)
    assert (first["message"], first["create_at"]) == (second["message"], second["create_at"])


def test_zips_stay_below_the_servers_limit_and_bring_their_files(tmp_path: Path) -> None:
    files = [File(f"F{n}", f"{n}.bin", data=Local("up", 1 << 20), size=1 << 20) for n in range(4)]
    said = [say("file", conversation="C1", ts=f"{n}.5", files=(file,)) for n, file in enumerate(files, 1)]
    source = world(PEOPLE, [ROOM], said, {"up": bytes(1 << 20)})
    limits = Limits(file=3 << 20)
    adapter = Mattermost({})
    package = write(move_of(source, tmp_path), Book(source.workspace), adapter.compose, tmp_path, limits=limits)
    assert len(package.parts) > 1
    for part in package.parts:
        assert part.path.stat().st_size <= limits.file
        assert check(part.path) == []


def test_zips_leave_while_the_rest_is_converted_and_the_first_one_last(tmp_path: Path) -> None:
    rooms = [Conversation("C1", "late", PUBLIC), Conversation("C2", "heavy", PUBLIC), ROOM_OF_TWO]
    said = [
        say("file", conversation="C2", ts=f"{n}.5", files=(File(f"F{n}", f"{n}.bin", data=Local("up", 1 << 20)),))
        for n in range(1, 6)
    ]
    said += [say("late", conversation="C1", ts="1.000000"), say("direct", conversation="D1", ts="1.000000")]
    source = world(PEOPLE, rooms, said, {"up": bytes(1 << 20)})
    weights = {"C2": 100, "C1": 10, "D1": 1000}
    move = structs.replace(move_of(source, tmp_path), weigh=weights.__getitem__)
    composed: list[str] = []
    ready: list[tuple[int, list[str]]] = []
    adapter = Mattermost({})

    def compose(message: Message, *rest: Any) -> Any:
        composed.append(message.conversation)
        return adapter.compose(message, *rest)

    package = write(
        move,
        Book(source.workspace),
        compose,
        tmp_path,
        limits=Limits(file=4 << 20),
        ready=lambda part: ready.append((part.number, list(composed))),
    )
    numbers = [number for number, _ in ready]
    assert numbers == [2, 3, 1]
    assert ready[0][1] == ["C2"] * 5, "the heaviest channel first, and its zips before another one is read"
    assert [part.number for part in package.parts] == [1, 2, 3]
    lines = read(tmp_path / "import-001.zip")
    assert [user["username"] for user in of(lines, "user")] == [user.handle for user in PEOPLE]
    assert [post["message"] for post in of(lines, "direct_post")] == ["direct"]
    posts = [post for number in numbers for post in of(read(tmp_path / f"import-00{number}.zip"), "post")]
    assert len(posts) == 6


def test_archived_channels_topics_and_the_roles_of_admins(tmp_path: Path) -> None:
    from migrator.model import Caption

    wiki = Link("https://example.invalid/w", (Text("wiki"),))
    topic = Caption((Paragraph((Text("see the "), wiki, Text(" & *not bold*, "), UserMention("U1"))),))
    long = Caption((Paragraph((Text("word* " * 200),)),))
    rooms = [
        Conversation("C1", "old", PUBLIC, ("U1",), topic=topic, archived=True),
        Conversation("C2", "wordy", PUBLIC, ("U1",), topic=long),
    ]
    boss = User("U1", "boss", "Boss", role=Role.OWNER)
    lines = load(world([boss], rooms, [say("last", conversation="C1", ts="9.0")]), tmp_path)
    old, wordy = of(lines, "channel")
    assert old["deleted_at"] > 9000
    assert old["header"] == r"see the [wiki](https://example.invalid/w) & \*not bold\*, @boss"
    assert wordy["header"].startswith("word* word*")
    assert len(wordy["header"]) <= 1024
    assert of(lines, "user")[0]["teams"][0]["roles"] == "team_user team_admin"


def png(side: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((side, side), 100).convert("RGB").save(out, "PNG")
    return out.getvalue()


def test_emoji_are_made_to_fit_and_one_mapping_serves_reactions(tmp_path: Path) -> None:
    emoji = [
        CustomEmoji("日本", Local("big", 0)),
        CustomEmoji("broken", Local("broken", 0)),
        CustomEmoji("same", alias_of="日本"),
        CustomEmoji("thumb", alias_of="+1"),
    ]
    liked = tuple(Reaction(name, "", ("U1",), 1) for name in ("日本", "thumb"))
    said = [say("liked", conversation="C1", ts="1.0", reactions=liked)]
    source = world(PEOPLE, [ROOM], said, {"big": png(700), "broken": b"GIF89a"}, emoji)
    lines = load(source, tmp_path)
    names = [e["name"] for e in of(lines, "emoji")]
    assert len(names) == 2
    reactions = [r["emoji_name"] for r in of(lines, "post")[0]["reactions"]]
    assert reactions == [names[0], "+1"]


def test_an_account_that_is_there_gets_no_line(tmp_path: Path) -> None:
    people = [User("U1", "ada", "Ada", email="ada@example.invalid"), User("U2", "bo", "Bo")]
    present = Present({"ada.l": Account("id1", "ada.l", "Ada@example.invalid"), "bo": Account("id2", "bo")}, team=True)
    source = world(people, [ROOM], [say("hello", conversation="C1", ts="1.0")])
    book = Book(source.workspace, present)
    package = write(move_of(source, tmp_path), book, Mattermost({}).compose, tmp_path)
    lines = read(package.parts[0].path)
    assert [u["username"] for u in of(lines, "user")] == ["bo-u2"]
    assert of(lines, "post")[0]["user"] == "ada.l"
    assert of(lines, "team") == []


def test_a_bot_never_takes_the_name_of_a_person_on_the_server() -> None:
    bot = User("B1", "ada", "Ada the bot", role=Role.BOT)
    present = Present({"ada": Account("id1", "ada", "x@example.invalid")})
    assert Book(world([bot], []).workspace, present).people["B1"].username != "ada"


def test_a_later_export_sends_only_what_is_new_and_repeats_roots_as_they_are_held(tmp_path: Path) -> None:
    said = [
        say("root, rendered anew", conversation="C1", ts="1.000000", is_root=True),
        say("old reply", conversation="C1", ts="2.000000", thread="1.000000"),
        say("new reply", conversation="C1", ts="3.000000", thread="1.000000"),
        say("old", conversation="C1", ts="4.000000"),
        say("new", conversation="C1", ts="5.000000"),
    ]
    source = world(PEOPLE, [structs.replace(ROOM, archived=True)], said)
    held = {
        "C1/1.000000": Held("root, as it is there", 1007, props={"slack_key": "C1/1.000000"}),
        "C1/2.000000": Held("old reply", 2000),
        "C1/4.000000": Held("old", 4000),
    }
    known = {(Kind.POST, key): "p" for key in held} | {(Kind.USER, u.id): u.id for u in PEOPLE}
    known[Kind.CONVERSATION, "C1"] = "c"
    present = Present(
        {u.handle: Account(u.id, u.handle) for u in PEOPLE},
        {"general": Place("c", "general", archived=True)},
        team=True,
    )
    lookup = lambda kind, key: known.get((kind, key))  # noqa: E731
    book = Book(source.workspace, present, lookup)
    move = move_of(source, tmp_path, Target("x", "11", Limits()), lookup)
    package = write(move, book, Mattermost({}).compose, tmp_path, held=lambda _: held)
    lines = read(package.parts[0].path)
    assert {line["type"] for line in lines} == {"version", "post"}
    single, thread = of(lines, "post")
    assert single["message"] == "new"
    assert (thread["message"], thread["create_at"]) == ("root, as it is there", 1007)
    assert [r["message"] for r in thread["replies"]] == ["new reply"]
    assert check(package.parts[0].path, present) == []
    assert [key for key, _ in dict(written(tmp_path))["C1"]] == ["C1/5.000000", "C1/3.000000"]


def test_a_bulk_route_is_given_what_the_mover_chose() -> None:
    notice = say("joined", conversation="C1", ts="2.0", kind=MessageKind.EVENT, event=Event(EventKind.JOIN))
    source = world(
        PEOPLE, [ROOM, Conversation("C2", "other", PUBLIC)], [say("hello", conversation="C1", ts="1.0"), notice]
    )
    selection = Selection(source, Options(only=("general",), skip_notices=True))
    assert list(selection.workspace.conversations) == ["C1"]
    assert [m.ts for m in selection.messages("C1")] == ["1.0"]


def test_a_line_number_leads_back_to_the_message(tmp_path: Path) -> None:
    lines = load(small_world(), tmp_path)
    number = next(n for n, line in enumerate(lines, 1) if "deployed" in str(line))
    assert describe(tmp_path / "import-001.zip", number) == "message C1/1700000008.000000"
