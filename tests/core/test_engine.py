"""The engine on the reference target: complete, repeatable, and unshaken by failures that landed or did not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from migrator.adapters import load
from migrator.adapters.base import Composed, Directory, Kind, Limits, Person, Place, RemoteId, RemoteMessage
from migrator.adapters.memory.adapter import Fault, Memory
from migrator.apply import Engine, Outcome
from migrator.errors import Retry, SkipItem, TargetUnavailable
from migrator.journal import Journal
from migrator.ledger import Fate, Feature
from migrator.model import Local, Message, MessageLink, Paragraph, Reaction, Text
from migrator.patience import Patience, Tries
from migrator.plan import Options, make_plan
from migrator.progress import Progress
from migrator.snapshot import JournalSnapshot
from migrator.verdict import Difference, Verdict
from migrator.verify import verify
from tests.worlds import PICTURE, World, say, small_world

QUICK = Patience(attempts=50, first=0.0001, longest=0.001, settle=0)


def move(world: World, memory: Memory, journal: Journal, options: Options = Options()) -> Outcome:
    async def act() -> Outcome:
        target = await memory.open()
        plan = make_plan(world, memory, target, JournalSnapshot(journal), options)
        engine = Engine(world, memory, target, journal, options, Progress(quiet=True), QUICK)
        return await engine.run(plan.posts)

    return asyncio.run(act())


def check(world: World, memory: Memory, journal: Journal, options: Options = Options()) -> Verdict:
    async def act() -> Verdict:
        return await verify(world, memory, await memory.open(), journal, options, Tries(QUICK))

    return asyncio.run(act())


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def test_everything_arrives_and_verifies(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    outcome = move(world, memory, journal)
    assert outcome.failures == ()
    assert (outcome.posts, outcome.reactions) == (14, 3)  # 13 messages, one of them twice: a broadcast reply
    verdict = check(world, memory, journal)
    assert verdict.clean, verdict
    (pinned,) = memory.places["conversation-C1"].pins
    assert memory.posts[pinned].key == "C1/1700000001.000100"


def test_a_second_run_does_nothing(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    plan = make_plan(world, memory, asyncio.run(memory.open()), JournalSnapshot(journal), Options())
    assert not plan.changes
    outcome = move(world, memory, journal)
    assert (outcome.posts, outcome.reactions, outcome.edits) == (0, 0, 0)
    assert len(memory.posts) == 14


def test_a_later_export_sends_only_the_difference(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    later = small_world()
    room = later.messages_of["C1"]
    room.append(say("news", conversation="C1", ts="1700000100.000000", user="U2"))
    room[3] = msgspec.structs.replace(room[3], body=(Paragraph((Text("changed since"),)),))
    liked = room[5]
    room[5] = msgspec.structs.replace(liked, reactions=(*liked.reactions, Reaction("tada", "🎉", ("U2",), 1)))
    outcome = move(later, memory, journal)
    assert (outcome.posts, outcome.reactions, outcome.edits) == (1, 1, 1)
    assert check(later, memory, journal).clean


def test_what_a_later_export_no_longer_holds_is_kept_and_no_mismatch(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    later = small_world()
    room = later.messages_of["C1"]
    liked = next(m for m in room if m.reactions)
    room[room.index(liked)] = msgspec.structs.replace(liked, reactions=liked.reactions[:1])
    room.remove(next(m for m in room if m.ts == "1700000004.000002"))
    assert move(later, memory, journal).posts == 0
    verdict = check(later, memory, journal)
    assert verdict.clean
    assert sum(c.kept for c in verdict.conversations) == 2


class Linking(Memory):
    """A target whose posts show the id of the message they link to, where it is there already."""

    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed:
        composed = super().compose(message, directory, limits)
        leaves = [leaf for block in message.body if isinstance(block, Paragraph) for leaf in block.inlines]
        links = [directory.remote_post(x.conversation, x.ts) for x in leaves if isinstance(x, MessageLink)]
        drafts = [msgspec.structs.replace(d, text=f"{d.text} {links}" if links else d.text) for d in composed.drafts]
        return msgspec.structs.replace(composed, drafts=tuple(drafts))


def linking_to(conversation: str, ts: str) -> tuple[Paragraph, ...]:
    return (Paragraph((Text("see "), MessageLink(conversation, ts, "https://example.invalid/p", (Text("that"),)))),)


def test_links_to_messages_that_come_later_are_made_in_the_end(journal: Journal) -> None:
    world, memory = small_world(), Linking()
    back, ahead = linking_to("C1", "1700000001.000100"), linking_to("M1", "1600000001.000000")
    nowhere = linking_to("C1", "1999999999.000000")
    room = world.messages_of["C1"]
    for number, body in enumerate((back, ahead, nowhere)):
        room.append(msgspec.structs.replace(say("", conversation="C1", ts=f"170000020{number}.000000"), body=body))
    last = msgspec.structs.replace(
        say("", conversation="D1", ts="1500000000.000000"), body=linking_to("C1", room[-1].ts)
    )
    world.messages_of["D1"].append(last)
    move(world, memory, journal)
    texts = {post.key: post.text for post in memory.posts.values()}
    assert texts["C1/1700000200.000000"] == f"see that {[journal.remote(Kind.POST, 'C1/1700000001.000100')]}"
    assert texts["C1/1700000201.000000"] == f"see that {[journal.remote(Kind.POST, 'M1/1600000001.000000')]}"
    assert texts["C1/1700000202.000000"] == "see that [None]"
    assert texts["D1/1500000000.000000"] == f"see that {[journal.remote(Kind.POST, str(room[-1].key))]}"
    again = move(world, memory, journal)
    assert (again.posts, again.edits) == (0, 0)


def test_a_plan_foresees_which_links_will_be_made(journal: Journal) -> None:
    world = small_world()
    for number, body in enumerate((linking_to("M1", "1600000001.000000"), linking_to("C1", "1999999999.000000"))):
        message = say("", conversation="C1", ts=f"170000020{number}.000000")
        world.messages_of["C1"].append(msgspec.structs.replace(message, body=body))
    matrix, snapshot = load("matrix")({"server_name": "example.invalid"}), JournalSnapshot(journal)

    def links(options: Options) -> list[tuple[Fate, int]]:
        ledger = make_plan(world, matrix, None, snapshot, options).ledger
        return sorted((line.fate, line.count) for line in ledger if line.feature is Feature.MESSAGE_LINK)

    assert links(Options()) == [(Fate.APPROXIMATED, 1), (Fate.LOSSLESS, 1)]
    assert links(Options(only=("general",))) == [(Fate.APPROXIMATED, 2)]


@pytest.mark.parametrize("seed", range(25))
def test_failures_that_landed_or_not_leave_no_double_and_no_gap(journal: Journal, seed: int) -> None:
    world, memory = small_world(), Memory({"fault": Fault(before=0.1, after=0.1, wait=0.05, seed=seed)})
    outcome = move(world, memory, journal)
    assert outcome.failures == ()
    assert len(memory.posts) == 14
    assert check(world, memory, journal).clean


def test_a_refused_post_costs_itself_only_and_is_tried_again(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    world.messages_of["C1"].append(say("nobody's", conversation="C1", ts="1700000050.000000", user="U99"))
    outcome = move(world, memory, journal)
    assert [(kind, key) for kind, key, _ in outcome.failures] == [(Kind.POST, "C1/1700000050.000000")]
    verdict = check(world, memory, journal)
    assert [m.what for c in verdict.conversations for m in c.mismatches] == [Difference.MISSING]
    world.workspace.users["U99"] = msgspec.structs.replace(world.workspace.users["U2"], id="U99")  # type: ignore[index]
    assert move(world, memory, journal).failures == ()
    assert check(world, memory, journal).clean


class Reluctant(Memory):
    """Refuses pins as long as it is told to."""

    refuses = True

    async def pin(self, conversation: RemoteId, posts: Sequence[RemoteId]) -> None:
        if self.refuses:
            raise SkipItem("nobody may pin here")
        await super().pin(conversation, posts)


def test_refused_pins_cost_themselves_only_and_are_tried_again(journal: Journal) -> None:
    world, memory = small_world(), Reluctant()
    outcome = move(world, memory, journal)
    assert outcome.failures == ((Kind.CONVERSATION, "C1, its pins", "nobody may pin here"),)
    assert outcome.posts == 14
    assert [m.what for c in check(world, memory, journal).conversations for m in c.mismatches] == [Difference.PINS]
    memory.refuses = False
    assert move(world, memory, journal).failures == ()
    assert check(world, memory, journal).clean


DAMAGES = {
    Difference.MISSING: lambda m, r: m.posts.pop(r),
    Difference.AUTHOR: lambda m, r: setattr(m.posts[r], "author", "user-U4"),
    Difference.TIME: lambda m, r: setattr(m.posts[r], "time", m.posts[r].time + 1),
    Difference.THREAD: lambda m, r: setattr(m.posts[r], "root", "post-999"),
    Difference.TEXT: lambda m, r: setattr(m.posts[r], "text", m.posts[r].text + "!"),
    Difference.REACTIONS: lambda m, r: m.posts[r].reactions.append(("💥", "user-U1")),
    Difference.FILES: lambda m, r: m.posts[r].files.clear(),
    Difference.TWICE: lambda m, r: m.rooms["conversation-C1"].append(r),
    Difference.ORDER: lambda m, r: m.rooms["conversation-C1"].reverse(),
    Difference.EXTRA: lambda m, r: setattr(m.posts[r], "key", "C1/1999999999.000000"),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.name.lower())
def test_verify_notices_each_kind_of_damage_and_names_the_post(journal: Journal, damage: Difference) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    victim = next(r for r in memory.rooms["conversation-C1"] if memory.posts[r].files)
    key = memory.posts[victim].key
    DAMAGES[damage](memory, victim)
    verdict = check(world, memory, journal)
    found = [m for c in verdict.conversations for m in c.mismatches]
    assert not verdict.clean
    assert damage in {m.what for m in found}
    if damage not in (Difference.ORDER, Difference.EXTRA):
        assert key in {m.key for m in found if m.what is damage}


def test_an_edit_mark_that_is_gone_is_noticed(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    (marked,) = [post for post in memory.posts.values() if post.edited]
    marked.edited = False
    found = [(m.key, m.what) for c in check(world, memory, journal).conversations for m in c.mismatches]
    assert found == [(marked.key, Difference.EDITED)]


PLACES = {
    Difference.NAME: {"name": "elsewhere"},
    Difference.TOPIC: {"topic": "nothing at all"},
    Difference.ACCESS: {"access": "the world"},
    Difference.CLOSED: {"closed": True},
    Difference.MEMBERS: {"members": frozenset({"user-U2"})},
    Difference.PINS: {"pins": ()},
    Difference.ADDRESS: {"addresses": frozenset()},
}


@pytest.mark.parametrize("damage", PLACES, ids=lambda d: d.name.lower())
def test_verify_notices_what_became_of_a_conversation(journal: Journal, damage: Difference) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    memory.places["conversation-C1"] = msgspec.structs.replace(memory.places["conversation-C1"], **PLACES[damage])
    (found,) = [m for c in check(world, memory, journal).conversations for m in c.mismatches]
    assert found.what is damage
    assert found.key.startswith("C1")


PEOPLE = {
    Difference.ACCOUNT: lambda m: m.people.pop("user-U1"),
    Difference.NAME: lambda m: m.people.update({"user-U1": Person("Somebody else", m.people["user-U1"].picture)}),
    Difference.PICTURE: lambda m: m.people.update({"user-U1": Person(m.people["user-U1"].name)}),
}


@pytest.mark.parametrize("damage", PEOPLE, ids=lambda d: d.name.lower())
def test_verify_notices_what_became_of_somebody(journal: Journal, damage: Difference) -> None:
    world, memory = small_world(), Memory()
    pictured = msgspec.structs.replace(world.workspace.users["U1"], avatar=Local("up/F1", len(PICTURE)))
    world.workspace.users["U1"] = pictured  # type: ignore[index]
    move(world, memory, journal)
    assert memory.people["user-U1"].picture
    PEOPLE[damage](memory)
    verdict = check(world, memory, journal)
    assert [(m.key, m.what) for m in verdict.others] == [("U1", damage)]
    assert verdict.sentence() == f"1 mismatch in {verdict.messages} messages: 1 {damage}."


def test_verify_notices_what_became_of_the_workspace(journal: Journal) -> None:
    world, memory = small_world(), Memory()
    move(world, memory, journal)
    (remote,) = [remote for (kind, _), remote in memory.entities.items() if kind is Kind.WORKSPACE]
    memory.places[remote] = Place("Another")
    assert [(m.key, m.what) for m in check(world, memory, journal).others] == [("T1", Difference.NAME)]


class Lost(Memory):
    """Loses the connection while posts are read: this often, after the first."""

    lost = 0

    async def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        async for message in super().messages(conversation, hashes=hashes):
            yield message
            if self.lost:
                self.lost -= 1
                raise Retry("the connection broke")


def test_a_connection_that_is_lost_while_it_reads_back_is_tried_again(journal: Journal) -> None:
    world, memory = small_world(), Lost()
    move(world, memory, journal)
    memory.lost = 3
    verdict = check(world, memory, journal)
    assert verdict.clean
    memory.lost = 1_000
    with pytest.raises(TargetUnavailable, match="the connection broke"):
        check(world, memory, journal)


def test_words_that_a_renderer_swallows_are_noticed(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    world, memory = small_world(), Memory()
    honest = memory.compose

    def swallow(*args: object) -> object:
        composed = honest(*args)  # type: ignore[arg-type]
        drafts = tuple(msgspec.structs.replace(d, text=d.text.replace("deployed", "")) for d in composed.drafts)
        return msgspec.structs.replace(composed, drafts=drafts)

    monkeypatch.setattr(memory, "compose", swallow)
    move(world, memory, journal)
    verdict = check(world, memory, journal)
    assert {m.what for c in verdict.conversations for m in c.mismatches} == {Difference.WORDS}
