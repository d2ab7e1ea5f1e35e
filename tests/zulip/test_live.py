"""The live route against the strict server: what arrives, where, as whom, and what is given back."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest

from migrator.adapters.base import Kind
from migrator.adapters.zulip.reading import decoded_topic
from migrator.errors import AuthError
from migrator.ledger import Fate, Feature
from migrator.model import (
    Author,
    Caption,
    Conversation,
    ConversationKind,
    CustomEmoji,
    File,
    GroupMention,
    Loc,
    Local,
    Message,
    MessageKind,
    MessageLink,
    Paragraph,
    Pin,
    Profile,
    Reaction,
    Role,
    Text,
    User,
    UserGroup,
    UserMention,
    Workspace,
)
from tests.fakes.zulip import FakeZulip
from tests.fakes.zulip_realm import Realm
from tests.worlds import PICTURE, World, say, small_world
from tests.zulip.conftest import Mover, differences


def people(*more: User) -> dict[str, User]:
    known = [User("U1", "ada", "Ada", email="ada@example.invalid"), User("U2", "bo", "Bo"), *more]
    return {user.id: user for user in known}


def world_of(
    messages: list[Message], *rooms: Conversation, users: dict[str, User] | None = None, **more: object
) -> World:
    rooms = rooms or (Conversation("C1", "tea", ConversationKind.PUBLIC, ("U1", "U2")),)
    workspace = Workspace(
        "T1",
        "Invented",
        "invented",
        users or people(),
        {r.id: r for r in rooms},
        more.get("groups", {}),
        more.get("emoji", {}),
    )  # type: ignore[arg-type]
    return World(workspace, messages, {"up/F1": PICTURE})


def test_everything_arrives_verifies_and_a_second_run_is_empty(mover: Mover, realm: Realm) -> None:
    world = small_world()
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    count = len(realm.messages)
    outcome = mover.move(world)
    assert (outcome.posts, outcome.reactions, outcome.edits) == (0, 0, 0)
    assert len(realm.messages) == count


def test_what_was_changed_is_given_back(mover: Mover, realm: Realm) -> None:
    domains, defaults, settings = list(realm.domains), dict(realm.defaults), dict(realm.settings)
    world = small_world()
    mover.move(world, close=False)  # as if killed before it could give anything back
    assert (realm.domains, realm.defaults) != (domains, defaults)
    assert differences(mover.check(world)) == []  # the next command of any kind pays the debts
    assert (realm.domains, realm.defaults, realm.settings) == (domains, defaults, settings)
    secret = next(c for c in realm.channels.values() if c.name == "secret")
    assert 101 not in secret.members, "the mover's account stayed in a private channel"
    cy = next(u for u in realm.users.values() if u.name == "Bo" and not u.active)
    assert not cy.active


def test_new_accounts_end_as_the_organisation_has_them_and_have_read_everything(mover: Mover, realm: Realm) -> None:
    mover.move(small_world())
    ada = realm.by_email("ada@example.invalid")
    assert ada is not None
    assert ada.settings["enable_offline_email_notifications"] is True
    assert ada.settings["email_address_visibility"] == 3
    made = {user.id for user in realm.users.values()} - {101}
    assert len(made) == 5
    assert not [m for m in realm.messages.values() if made & m.unread]
    assert ada.role == 100


def test_an_account_that_is_there_already_is_left_alone(mover: Mover, realm: Realm) -> None:
    ada = realm.add_user("ada@example.invalid", "Ada Lovelace", role=400)
    realm.jwt_key = "shared"
    mover.settings["jwt_key"] = "shared"
    world = small_world()
    assert mover.move(world).failures == ()
    assert (ada.name, ada.role, ada.active) == ("Ada Lovelace", 400, True)
    assert differences(mover.check(world)) == []  # a mention of her is read back under the name that Slack has
    assert mover.remote(Kind.USER, "U1") == str(ada.id)


def test_missing_rights_stop_the_move_before_anything_is_written(mover: Mover, realm: Realm) -> None:
    realm.users[101].forge = False
    before = len(realm.users), list(realm.domains), dict(realm.defaults), len(realm.messages)
    with pytest.raises(AuthError) as caught:
        mover.move(small_world())
    assert "manage.py change_user_role" in caught.value.hint
    assert "can_forge_sender" in caught.value.hint
    assert (len(realm.users), list(realm.domains), dict(realm.defaults), len(realm.messages)) == before


@pytest.mark.parametrize("policy", ["topics", "quotes"])
def test_every_thread_has_one_topic_and_no_topic_two_threads(mover: Mover, realm: Realm, policy: str) -> None:
    """Zulip's own importer split 76 % of the threads of such an export (facts 0.4)."""
    mover.settings["threads"] = policy
    dice, messages, roots = random.Random(7), [], []
    for number in range(120):
        ts = f"17000{number:05}.{dice.randrange(10**6):06}"
        if not roots or number % 3 == 0:
            roots.append(ts)
            messages.append(say("same words", conversation="C1", ts=ts, is_root=True))
        else:
            thread = dice.choice(roots[-5:])
            broadcast = number % 7 == 0
            messages.append(
                say(f"reply {number}", conversation="C1", ts=ts, thread=thread, user="U2", broadcast=broadcast)
            )
    replied = {m.thread for m in messages}
    world = world_of(
        [m if m.ts in replied or m.thread else msgspec.structs.replace(m, is_root=False) for m in messages]
    )
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    if policy == "quotes":
        assert {m.topic for m in realm.in_channel("tea")} == {"imported from Slack"}
        return
    topics: dict[str, set[str]] = {}
    for message in messages:
        if message.thread:
            there = realm.messages[int(mover.remote(Kind.POST, f"C1/{message.ts}"))]
            topics.setdefault(message.thread, set()).add(there.topic.casefold())
            assert len(there.topic) <= 60
    assert all(len(names) == 1 for names in topics.values())
    assert len({name for names in topics.values() for name in names}) == len(topics)
    copies = [m for m in messages if m.broadcast]
    for message in copies:
        copy = realm.messages[int(mover.remote(Kind.POST, f"C1/{message.ts}/broadcast"))]
        assert copy.topic == "imported from Slack"
    for thread, (topic,) in topics.items():  # roots stand in the main topic and lead to their threads, and back
        root = realm.messages[int(mover.remote(Kind.POST, f"C1/{thread}"))]
        replies = [m for m in realm.in_channel("tea") if m.topic.casefold() == topic]
        assert root.topic == "imported from Slack"
        assert decoded_topic(root.content.rpartition("(")[2].rstrip(")")).casefold() == topic
        assert f"/near/{root.id})" in min(replies, key=lambda m: m.id).content


def test_ids_follow_time_in_every_conversation(mover: Mover, realm: Realm) -> None:
    rooms = [Conversation(f"C{n}", f"room{n}", ConversationKind.PUBLIC, ("U1", "U2")) for n in range(6)]
    messages = [say(f"{n}", conversation=room.id, ts=f"1700000{n:03}.000000") for room in rooms for n in range(30)]
    mover.move(world_of(messages, *rooms))
    for room in rooms:
        there = realm.in_channel(room.name)
        assert [m.time for m in sorted(there, key=lambda m: m.id)] == sorted(m.time for m in there)
        assert len(there) == 30
    # several conversations at a time: the ids of some lie among those of others
    spans = sorted(
        (min(m.id for m in r), max(m.id for m in r)) for r in (realm.in_channel(room.name) for room in rooms)
    )
    assert any(start < end for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_later_export_sends_only_the_difference_into_the_same_topics(mover: Mover, realm: Realm) -> None:
    root = say("lunch?", conversation="C1", ts="1700000001.000100", is_root=True)
    first = say("yes", conversation="C1", ts="1700000002.000000", thread=root.ts, user="U2")
    alone = say("alone", conversation="C1", ts="1700000003.000000")
    mover.move(world_of([root, first, alone]))
    more = say("me too", conversation="C1", ts="1700000004.000000", thread=root.ts)
    late = say("late answer", conversation="C1", ts="1700000005.000000", thread=alone.ts, user="U2")
    edited = msgspec.structs.replace(root, body=(Paragraph((Text("dinner?"),)),))
    world = world_of([edited, first, msgspec.structs.replace(alone, is_root=True), more, late])
    outcome = mover.move(world)
    assert (outcome.posts, outcome.edits, outcome.unapplied, outcome.failures) == (2, 2, 0, ())
    assert differences(mover.check(world)) == []
    topics = {realm.messages[int(mover.remote(Kind.POST, f"C1/{m.ts}"))].topic for m in (first, more)}
    assert len(topics) == 1


def test_files_reach_those_who_may_see_them_and_nobody_else(mover: Mover, realm: Realm) -> None:
    """Zulip's own importer opens every file to every member (facts 0.5)."""
    picture = File("F1", "a [b] c.png", data=Local("up/F1", len(PICTURE)), size=len(PICTURE), owner="U1")
    rooms = (
        Conversation("G1", "secret", ConversationKind.PRIVATE, ("U1", "U2")),
        Conversation("D1", "", ConversationKind.DIRECT, ("U1", "U2")),
    )
    users = people(User("U3", "cy", "Cy"))
    messages = [
        say("look", conversation="G1", ts="1700000001.000000", files=(picture,)),
        say("shared on", conversation="D1", ts="1700000002.000000", user="U2", files=(picture,)),
    ]
    world = world_of(messages, *rooms, users=users)
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    (path,) = realm.uploads
    may = {u.name for u in realm.users.values() if realm.may_open(u, path)}
    assert may == {"Ada", "Bo"}
    assert not [m for m in realm.messages.values() if "hands over" in m.content and not m.deleted]


def test_files_posted_by_people_whose_keys_are_not_to_be_had_are_handed_over(mover: Mover, realm: Realm) -> None:
    realm.add_user("ada@example.invalid", "Ada")
    picture = File("F1", "a.png", data=Local("up/F1", len(PICTURE)), size=len(PICTURE), owner="U1")
    world = world_of([say("look", conversation="C1", ts="1700000001.000000", files=(picture,))])
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    (upload,) = realm.uploads.values()
    assert upload.messages - {m.id for m in realm.messages.values() if m.deleted}, "the file belongs to no message"
    assert not [m for m in realm.messages.values() if "hands over" in m.content and not m.deleted]


def test_direct_messages_without_any_key_are_refused_and_said(mover: Mover, realm: Realm) -> None:
    realm.add_user("ada@example.invalid", "Ada")
    realm.add_user("bo@example.invalid", "Bo")
    users = {
        u.id: u
        for u in (
            User("U1", "ada", "Ada", email="ada@example.invalid"),
            User("U2", "bo", "Bo", email="bo@example.invalid"),
        )
    }
    rooms = (
        Conversation("C1", "tea", ConversationKind.PUBLIC, ("U1", "U2")),
        Conversation("D1", "", ConversationKind.DIRECT, ("U1", "U2")),
    )
    open_one = say("hi", conversation="C1", ts="1700000001.000000")
    private = say("psst", conversation="D1", ts="1700000001.000000")
    outcome = mover.move(world_of([open_one, private], *rooms, users=users))
    assert [(kind, key, "jwt_key_file" in why) for kind, key, why in outcome.failures] == [
        (Kind.CONVERSATION, "D1", True)
    ]


def _liked() -> World:
    """A message that somebody with an account, somebody without, and the mover reacted to; each pinned one too."""
    users = people(User("U5", "mover", "Mover", email="admin@example.invalid"))
    everybody = ("U1", "U2", "U5")
    picture = Local("up/F1", len(PICTURE))
    users = {key: msgspec.structs.replace(user, avatar=picture) for key, user in users.items()}
    room = Conversation(
        "C1",
        "tea",
        ConversationKind.PUBLIC,
        everybody,
        pins=tuple(Pin(f"170000000{n}.000000", by=user) for n, user in enumerate(everybody, 1)),
    )
    reactions = (Reaction("+1", "👍", everybody, 3), Reaction("tada", "🎉🏽", everybody, 3, tone=4))
    messages = [
        say("hi", conversation="C1", ts=f"170000000{n}.000000", user=user, reactions=reactions if n == 1 else ())
        for n, user in enumerate(everybody, 1)
    ]
    return world_of(messages, room, users=users)


def test_what_only_they_could_do_is_left_out_and_the_plan_says_so(mover: Mover, realm: Realm) -> None:
    """Reactions, pins and pictures: of people whose keys are not to be had a line of the ledger, and no failure."""
    ada = realm.add_user("ada@example.invalid", "Ada")
    world = _liked()
    assert mover.move(world).failures == ()
    bo = realm.users[int(mover.remote(Kind.USER, "U2"))]
    one = realm.messages[int(mover.remote(Kind.POST, "C1/1700000001.000000"))]
    assert {row["user_id"] for row in one.reactions} == {bo.id, 101}
    assert mover.accounted(Feature.REACTION) == {Fate.LOSSLESS: 2, Fate.APPROXIMATED: 2, Fate.DROPPED: 2}
    starred = [realm.messages[int(mover.remote(Kind.POST, f"C1/170000000{n}.000000"))].starred for n in (1, 2, 3)]
    assert starred == [set(), {bo.id}, {101}]
    assert mover.accounted(Feature.PIN) == {Fate.APPROXIMATED: 2, Fate.DROPPED: 1}
    assert (bo.avatar, ada.avatar, realm.users[101].avatar) == (PICTURE, b"", b"")
    assert mover.accounted(Feature.AVATAR) == {Fate.APPROXIMATED: 2, Fate.DROPPED: 1}
    assert differences(mover.check(world)) == []


def test_with_their_keys_people_who_left_react_too_and_keep_their_pictures(mover: Mover, realm: Realm) -> None:
    ada = realm.add_user("ada@example.invalid", "Ada", active=False, avatar=b"hers")
    mover.settings["jwt_key"] = realm.jwt_key = "shared"
    world = _liked()
    assert mover.move(world).failures == ()
    one = realm.messages[int(mover.remote(Kind.POST, "C1/1700000001.000000"))]
    assert ada.id in {row["user_id"] for row in one.reactions}
    assert one.starred == {ada.id}
    assert (ada.active, ada.avatar) == (False, b"hers")
    assert Fate.DROPPED not in mover.accounted(Feature.REACTION)
    assert differences(mover.check(world)) == []


def test_who_left_a_private_channel_reacts_there_and_is_not_in_it_afterwards(mover: Mover, realm: Realm) -> None:
    users = people(User("U3", "cy", "Cy"), User("U4", "gil", "Gil", role=Role.GUEST))
    rooms = (
        Conversation("G1", "secret", ConversationKind.PRIVATE, ("U1", "U2")),
        Conversation("C1", "tea", ConversationKind.PUBLIC, ("U1", "U2")),
    )
    liked = (Reaction("+1", "👍", ("U3", "U4", "U2"), 3),)
    messages = [say("hi", conversation=room.id, ts="1700000001.000000", reactions=liked) for room in rooms]
    world = world_of(messages, *rooms, users=users)
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    inside = {int(mover.remote(Kind.USER, user)) for user in ("U1", "U2")}
    for name in ("secret", "tea"):
        assert next(c for c in realm.channels.values() if c.name == name).members == inside


def test_mentions_reach_the_right_one_of_two_people_of_the_same_name(mover: Mover, realm: Realm) -> None:
    users = people(User("U3", "bo2", "Bo"), User("U4", "odd", 'B*o `"x" @home'))
    body = (Paragraph((UserMention("U2"), Text(","), UserMention("U3"), Text(" and "), UserMention("U4"))),)
    message = Message("C1", "1700000001.000000", Loc("x", 0), Author("U1"), body=body)
    world = world_of([message], users=users)
    mover.move(world)
    (there,) = realm.in_channel("tea")
    wanted = [mover.remote(Kind.USER, u) for u in ("U2", "U3", "U4")]
    assert [f'data-user-id="{n}"' in realm.html(there.content) for n in wanted] == [True] * 3
    assert differences(mover.check(world)) == []


def test_mentions_of_user_groups_are_mentions_where_the_group_is_there(mover: Mover, realm: Realm) -> None:
    groups = {"S1": UserGroup("S1", "devs", "Developers", ("U1",)), "S2": UserGroup("S2", "a*b", "", ())}
    realm.groups[50] = {"id": 50, "name": "role:members", "members": [101]}
    body = (Paragraph((GroupMention("S1"), Text(","), GroupMention("S2"), Text(" "), GroupMention("S9", "@gone"))),)
    message = Message("C1", "1700000001.000000", Loc("x", 0), Author("U1"), body=body)
    world = world_of([message], groups=groups)
    assert mover.move(world).failures == ()
    (there,) = realm.in_channel("tea")
    html = realm.html(there.content)
    number = next(n for n, group in realm.groups.items() if group["name"] == "devs")
    assert f'<span class="user-group-mention silent" data-user-group-id="{number}">devs</span>' in html
    assert html.count("user-group-mention") == 1
    assert mover.accounted(Feature.GROUP_MENTION) == {Fate.LOSSLESS: 1, Fate.APPROXIMATED: 2}
    assert differences(mover.check(world)) == []


def test_long_names_are_shortened_and_no_two_channels_become_one(mover: Mover, realm: Realm) -> None:
    rooms = [
        Conversation(
            "C1", "x" * 79 + "1", ConversationKind.PUBLIC, ("U1",), purpose=Caption((Paragraph((Text("p" * 3000),)),))
        ),
        Conversation("C2", "x" * 79 + "2", ConversationKind.PUBLIC, ("U1",)),
        Conversation("C3", "General", ConversationKind.PRIVATE, ("U1",)),
    ]
    users = people(User("U5", "long", "n" * 300))
    messages = [say("here", conversation=room.id, ts="1700000001.000000") for room in rooms]
    world = world_of(messages, *rooms, users=users)
    assert mover.move(world).failures == ()
    assert len({mover.remote(Kind.CONVERSATION, room.id) for room in rooms}) == 3
    assert differences(mover.check(world)) == []


def test_text_beyond_the_limit_and_beyond_markdown_arrives(mover: Mover, realm: Realm) -> None:
    words = " ".join(f"word{n} *not* _bold_ <{n}> &lt; @**all** $$x$$ :dog: `" for n in range(400))
    world = world_of(
        [say(words, conversation="C1", ts="1700000001.000000"), say("/poll no", conversation="C1", ts="1700000002.0")]
    )
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    assert not [m for m in realm.messages.values() if "[message truncated]" in m.content or m.widget]
    assert len(realm.in_channel("tea")) > 2


def test_bots_strangers_guests_and_groups(mover: Mover, realm: Realm) -> None:
    users = people(
        User("B9", "deploy", "Deploy Bot", role=Role.BOT),
        User("U6", "gil", "Gil", role=Role.GUEST, profile=Profile(title="Cook", fields={"Xf1": "v" * 80})),
        User("U7", "far", "Far", role=Role.STRANGER),
    )
    group = UserGroup("S1", "devs", "Developers", ("U1", "U6"))
    messages = [
        Message(
            "C1", "1700000001.000000", Loc("x", 0), Author("B9", name="Release"), body=(Paragraph((Text("out"),)),)
        ),
        say("waves", conversation="C1", ts="1700000002.000000", user="U7", kind=MessageKind.EMOTE),
    ]
    world = world_of(messages, users=users, groups={"S1": group})
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    gil = realm.users[int(mover.remote(Kind.USER, "U6"))]
    assert gil.role == 600
    assert sorted(gil.profile.values()) == ["Cook", "v" * 50]
    assert realm.users[int(mover.remote(Kind.USER, "U7"))].active is False
    assert [g["name"] for g in realm.groups.values()] == ["devs"]


def test_emoji_with_aliases_tones_and_missing_pictures(mover: Mover, realm: Realm) -> None:
    world = world_of(
        [
            say(
                "liked",
                conversation="C1",
                ts="1700000001.000000",
                reactions=(
                    Reaction("dog", "🐶", ("U1",), 1),
                    Reaction("+1", "👍🏽", ("U1", "U2"), 2, tone=4),
                    Reaction("party", "", ("U1",), 1),
                    Reaction("Fête!", "", ("U2",), 1),
                ),
            )
        ],
        emoji={
            "parrot": CustomEmoji("parrot", Local("up/F1", len(PICTURE))),
            "party": CustomEmoji("party", alias_of="parrot"),
        },
    )
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []
    (there,) = realm.in_channel("tea")
    assert ("dog_face" in {r["emoji_name"] for r in there.reactions}) or there.reactions[0]["emoji_code"] == "1f436"
    assert realm.emoji["party"] == PICTURE


def test_an_app_in_direct_messages_and_people_who_left(mover: Mover, realm: Realm) -> None:
    users = people(User("B9", "app", "App", role=Role.BOT), User("U3", "cy", "Cy", active=False))
    room = Conversation("D1", "", ConversationKind.DIRECT, ("U1", "U3"))
    first = [
        say("hello", conversation="D1", ts="1700000001.000000"),
        say("I am an app", conversation="D1", ts="1700000002.000000", user="B9"),
        say("bye", conversation="D1", ts="1700000003.000000", user="U3", thread="1700000001.000000"),
    ]
    mover.move(world_of(first, room, users=users))
    cy = realm.users[int(mover.remote(Kind.USER, "U3"))]
    assert not cy.active
    later = world_of([*first, say("still there?", conversation="D1", ts="1700000004.000000")], room, users=users)
    assert mover.move(later).failures == ()  # direct messages to somebody deactivated: woken, and put to rest again
    assert not cy.active
    assert differences(mover.check(later)) == []


def test_archived_channels_take_their_messages_and_later_ones(mover: Mover, realm: Realm) -> None:
    room = Conversation("C1", "tea", ConversationKind.PUBLIC, ("U1",), archived=True)
    first = say("old", conversation="C1", ts="1700000001.000000")
    mover.move(world_of([first], room))
    assert next(c for c in realm.channels.values() if c.name == "tea").archived
    world = world_of([first, say("older", conversation="C1", ts="1700000002.000000")], room)
    assert mover.move(world).failures == ()
    assert differences(mover.check(world)) == []


def test_links_lead_to_the_migrated_message_earlier_or_later(mover: Mover, realm: Realm) -> None:
    def linking(at: int, to: int) -> Message:
        ts, url = f"170000000{to}.000000", f"https://invented.slack.com/archives/C1/p170000000{to}000000"
        body = (Paragraph((Text("see "), MessageLink("C1", ts, url))),)
        return msgspec.structs.replace(say("", conversation="C1", ts=f"170000000{at}.000000"), body=body)

    messages = [linking(1, 3), say("here", conversation="C1", ts="1700000002.000000"), linking(3, 2), linking(4, 9)]
    world = world_of(messages)
    assert mover.move(world).failures == ()
    ids = [int(mover.remote(Kind.POST, f"C1/{m.ts}")) for m in messages]
    there = [realm.messages[number].content for number in ids]
    assert f"/near/{ids[2]})" in there[0]
    assert f"/near/{ids[1]})" in there[2]
    assert "https://invented.slack.com/archives/C1/p1700000009000000" in there[3]  # what is not in the export
    assert differences(mover.check(world)) == []


def test_a_list_of_the_movers_says_who_is_who(mover: Mover, realm: Realm) -> None:
    """By id or handle; others without an address get one below the domain that was chosen."""
    beatrice, ada = (
        realm.add_user("beatrice@example.invalid", "Beatrice"),
        realm.add_user("al@example.invalid", "A. L."),
    )
    mover.settings["jwt_key"] = realm.jwt_key = "shared"
    people_file = mover.folder / "people.csv"
    people_file.write_text("bo,beatrice@example.invalid\nU1,al@example.invalid\nnobody,x@example.invalid\n")
    mover.settings |= {"people_file": str(people_file), "email_domain": "old.example.invalid"}
    world = world_of(
        [say("hi", conversation="C1", ts="1700000001.000000", user="U3")], users=people(User("U3", "cy", "Cy"))
    )
    assert mover.move(world).failures == ()
    assert [mover.remote(Kind.USER, user) for user in ("U1", "U2")] == [str(ada.id), str(beatrice.id)]
    assert realm.users[int(mover.remote(Kind.USER, "U3"))].email == "u3@old.example.invalid"


def test_no_key_or_address_is_in_what_is_kept_or_said(mover: Mover, fake: FakeZulip) -> None:
    mover.move(small_world())
    for path in mover.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"admin-key" not in data
            assert b"ada@example.invalid" not in data, path.name
