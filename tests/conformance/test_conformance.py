"""One suite for every adapter: what the contract promises is what an adapter does.

An adapter joins by a line in `conftest.py` that says how to make one (its fake or its real server). Nothing in this
file knows any target.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from migrator.adapters import BUILTIN, load
from migrator.adapters.base import Adapter, Kind, Limits, Live, Post
from migrator.apply import Engine
from migrator.directory import Names
from migrator.errors import Retry, SkipItem
from migrator.journal import Journal
from migrator.ledger import Fate, Feature
from migrator.model import File, Local, Message, MessageKind, Paragraph, Text, micros
from migrator.patience import Patience
from migrator.plain import canonical, plain
from migrator.plan import Options, make_plan
from migrator.progress import Progress
from migrator.snapshot import JournalSnapshot
from migrator.verify import verify
from tests.conformance.conftest import Maker
from tests.worlds import say, small_world

QUICK = Patience(attempts=6, first=0.01, longest=0.1, settle=0)


# ── what every adapter declares ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BUILTIN)
def test_every_feature_has_a_declared_fate_on_every_route(name: str) -> None:
    adapter = load(name)({})
    assert adapter.routes
    for route in adapter.routes:
        missing = [feature.value for feature in Feature if feature not in route.fates]
        assert not missing, f"{name} ({route.name}) declares nothing for: {', '.join(missing)}"
        for feature, support in route.fates.items():
            assert support.fate in (Fate.LOSSLESS, Fate.APPROXIMATED, Fate.DROPPED)
            if support.fate is not Fate.LOSSLESS:
                assert support.how, f"{name} ({route.name}) does not say how or why for {feature.value}"


@pytest.mark.parametrize("name", BUILTIN)
def test_compose_is_pure_and_shows_every_word(name: str) -> None:
    adapter, world = load(name)({}), small_world()
    names = Names(world.workspace)
    for conversation in world.workspace.conversations:
        for message in world.messages(conversation):
            first, second = (adapter.compose(message, names, Limits()) for _ in range(2))
            assert [d.digest for d in first.drafts] == [d.digest for d in second.drafts]
            assert first.drafts, f"{name} makes nothing of {message.ts}"
            parts = [draft.part for draft in first.drafts]
            assert parts[0] == ""
            assert len(set(parts)) == len(parts)
            if message.kind is not MessageKind.PLACEHOLDER:
                shown = "".join(canonical("".join(d.text for d in first.drafts)).split())
                assert "".join(canonical(plain(message.body, names)).split()) in shown


@pytest.mark.parametrize("body", [(), (Paragraph((Text("\u200b"),)),), (Paragraph((Text(" "),)),)], ids=repr)
@pytest.mark.parametrize("name", BUILTIN)
def test_a_message_of_which_nothing_is_to_be_seen_is_a_post(name: str, body: tuple[Paragraph, ...]) -> None:
    message = say("", conversation="C1", ts="1700000009.000100", thread="1700000001.000100", broadcast=True)
    message = msgspec.structs.replace(message, body=body)
    drafts = load(name)({}).compose(message, Names(small_world().workspace), Limits(text=10_000)).drafts
    assert [draft.part for draft in drafts] == ["", "broadcast"]
    assert canonical(drafts[0].text) == canonical(drafts[1].text)


@pytest.mark.parametrize("name", BUILTIN)
def test_the_digest_follows_the_text(name: str) -> None:
    adapter, world = load(name)({}), small_world()
    names = Names(world.workspace)
    one = say("one", conversation="C1", ts="1.000000")
    two = msgspec.structs.replace(one, body=(Paragraph((Text("two"),)),))
    digests = [adapter.compose(m, names, Limits()).drafts[0].digest for m in (one, two)]
    assert digests[0] != digests[1]


# ── what an adapter does with a server behind it ────────────────────────────────────────────────────────────────────


def run(maker: Maker, act: Callable[[Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        adapter = maker()
        try:
            await adapter.open()
            await act(adapter)
        finally:
            await adapter.close()
            await adapter.close()  # may be called twice

    asyncio.run(whole())


class Receipts:
    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def done(self, key: str, remote: str) -> None:
        self.known[key] = remote

    def remote(self, key: str) -> str | None:
        return self.known.get(key)


async def seated(adapter: Live) -> tuple[str, dict[str, str]]:
    """People and one conversation on the target."""
    world = small_world()
    if hasattr(adapter, "put_workspace"):
        await adapter.put_workspace(world.workspace)
    people = {user.id: await adapter.put_user(user) for user in world.workspace.users.values()}
    conversation = world.workspace.conversations["C1"]
    members = {user: people[user] for user in conversation.members}
    return await adapter.put_conversation(conversation, members), people


def post_of(adapter: Adapter, message: Message, room: str, author: str, people: dict[str, str], **more: Any) -> Post:
    world = small_world()
    names = Names(world.workspace, lambda kind, key: people.get(key) if kind is Kind.USER else None)
    draft = adapter.compose(message, names, Limits()).drafts[0]
    return Post(f"C1/{message.ts}", message, draft, room, author, micros(message.ts), **more)


def test_putting_twice_gives_the_same(maker: Maker) -> None:
    async def act(adapter: Live) -> None:
        room, people = await seated(adapter)
        again, same_people = await seated(adapter)
        assert (room, people) == (again, same_people)
        assert len(set(people.values())) == len(people)

    run(maker, act)


def test_a_post_keeps_author_time_and_text_and_is_found(maker: Maker) -> None:
    async def act(adapter: Live) -> None:
        room, people = await seated(adapter)
        message = say("words & <signs> *here* 😀", conversation="C1", ts="1500000000.123456", user="U2")
        receipts = Receipts()
        await adapter.send([post_of(adapter, message, room, people["U2"], people)], receipts)
        key = "C1/1500000000.123456"
        assert await adapter.find(Kind.POST, [key, "C1/1500000001.000000"], room) == {key: receipts.known[key]}
        (back,) = [m async for m in adapter.messages(room) if m.remote == receipts.known[key]]
        assert back.author == people["U2"]
        assert back.time // adapter.time_unit == micros(message.ts) // adapter.time_unit
        assert canonical(back.text) == "words & <signs> *here* 😀"

    run(maker, act)


def test_posts_stand_in_the_order_of_sending(maker: Maker) -> None:
    async def act(adapter: Live) -> None:
        room, people = await seated(adapter)
        wanted = [say(f"number {i}", conversation="C1", ts=f"1500000000.{i:06}") for i in range(12)]
        receipts = Receipts()
        await adapter.send([post_of(adapter, m, room, people["U1"], people) for m in wanted], receipts)
        ours = {remote: key for key, remote in receipts.known.items()}
        assert [ours[m.remote] async for m in adapter.messages(room) if m.remote in ours] == [
            f"C1/{m.ts}" for m in wanted
        ]

    run(maker, act)


def test_a_file_that_comes_up_short_is_an_error(maker: Maker) -> None:
    async def act(adapter: Live) -> None:
        room, people = await seated(adapter)
        file = File("F9", "short.bin", data=Local("short", 100), size=100)
        with pytest.raises((SkipItem, Retry)):
            await adapter.put_file(file, io.BytesIO(b"only this"), people["U1"], room)

    run(maker, act)


def test_a_whole_world_arrives_verifies_and_a_second_run_is_empty(maker: Maker, tmp_path_factory: Any) -> None:
    journal = Journal(tmp_path_factory.mktemp("run") / "journal.sqlite")
    world = small_world()

    async def act(adapter: Live) -> None:
        target = await adapter.open()
        plan = make_plan(world, adapter, target, JournalSnapshot(journal), Options())
        engine = Engine(world, adapter, target, journal, Options(), Progress(quiet=True), QUICK)
        outcome = await engine.run(plan.posts)
        assert outcome.failures == ()
        verdict = await verify(world, adapter, target, journal, Options())
        assert verdict.clean, [m for c in verdict.conversations for m in c.mismatches]
        assert not make_plan(world, adapter, target, JournalSnapshot(journal), Options()).changes

    run(maker, act)
