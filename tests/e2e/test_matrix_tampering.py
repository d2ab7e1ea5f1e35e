"""Every kind of event that a move writes is deleted once and changed once on a real Synapse: verify names each."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.journal import Journal
from migrator.verdict import Difference, Verdict
from tests.moves import move, verify
from tests.synapse import ask, corner, events

pytestmark = pytest.mark.synapse

SINK = Path(__file__).parent.parent.parent / "sample_exports" / "kitchen_sink"
KEY = "slack_migrator.key"
EDITED = "slack_migrator.edited"
Named = Counter[tuple[str, Difference]]
# Of other state events a deletion leaves what matters (spec, redactions), or they are clients' comfort: aliases.
EMPTIED = {"m.room.name", "m.room.topic", "m.room.pinned_events", "m.space.parent"}


class Found(NamedTuple):
    """An event, its room, and what verify should call it."""

    room: str
    event: dict[str, Any]
    key: str


class Moved:
    """A move of everything, and one message more whose link leads to a later one: that takes an edit of its own."""

    def __init__(self, server: Homeserver, folder: Path) -> None:
        self.server, self.settings, self.run = server, corner(server), folder / "run"
        self.export = folder / "export"
        shutil.copytree(SINK, self.export)
        day = self.export / "general" / "2023-07-03.json"
        records = json.loads(day.read_text(encoding="utf-8"))
        link = "<https://invented-kitchen.slack.com/archives/C0GENERAL/p1688576400000100|what was said later>"
        records.append({"type": "message", "user": "U0ADA0001", "ts": "1688371300.000100", "text": f"See {link}"})
        day.write_text(json.dumps(records), encoding="utf-8")
        assert move(self.export, "matrix", self.settings, self.run).verdict.clean
        with Journal(self.run / "journal.sqlite") as journal:
            self.rooms = {key: remote for key, remote, _ in journal.all(Kind.CONVERSATION)}
        self.sender = ask(server, "GET", "account", "whoami")["user_id"]
        self.transactions = count()
        self._inside: dict[str, set[str]] = {}

    def host(self, room: str) -> str:
        note = ask(self.server, "GET", "user", self.sender, "rooms", room, "account_data", "slack_migrator.room")
        return str(note["host"])

    def written(self) -> Iterator[Found]:
        """All events of all conversations; `key` is that of the post they make up, else the conversation."""
        for conversation, room in self.rooms.items():
            there = events(self.server, room, self.host(room))
            keys = {e["event_id"]: e["content"][KEY] for e in there if KEY in e["content"]}
            for event in there:
                target = event["content"].get("m.relates_to", {}).get("event_id", "")
                belongs = target if event["type"] == "m.reaction" or is_edit(event) else event["event_id"]
                yield Found(room, event, keys.get(belongs, conversation))

    def verified(self) -> Verdict:
        return verify(self.export, "matrix", self.settings, self.run)

    def named(self) -> Named:
        return Counter((m.key, m.what) for c in self.verified().conversations for m in c.mismatches)

    def user(self, identifier: str) -> str:
        return f"@{self.settings['prefix']}{identifier.lower()}:{self.server.server_name}"

    def may_act(self, found: Found) -> bool:
        """Whether its sender still may: those who only wrote here have left, archived rooms are closed."""
        if found.room not in self._inside:
            room, host = found.room, self.host(found.room)
            here = set(ask(self.server, "GET", "rooms", room, "joined_members", user_id=host)["joined"])
            levels = ask(self.server, "GET", "rooms", room, "state", "m.room.power_levels", user_id=host)
            self._inside[room] = here if levels["events_default"] == 0 else set()
        return found.event["sender"] in self._inside[found.room] and bool(found.event["content"])

    def redact(self, found: Found) -> None:
        where = ("rooms", found.room, "redact", found.event["event_id"], f"gone-{next(self.transactions)}")
        ask(self.server, "PUT", *where, body={}, user_id=found.event["sender"])

    def replace(self, found: Found, new: dict[str, Any]) -> None:
        relation = {"rel_type": "m.replace", "event_id": found.event["event_id"]}
        body = {"msgtype": "m.text", "body": "* changed", "m.new_content": new, "m.relates_to": relation}
        where = ("rooms", found.room, "send", "m.room.message", f"changed-{next(self.transactions)}")
        ask(self.server, "PUT", *where, body=body, user_id=found.event["sender"])

    def state(self, found: Found, content: dict[str, Any], by: str = "") -> None:
        where = ("rooms", found.room, "state", found.event["type"], found.event["state_key"])
        ask(self.server, "PUT", *where, body=content, user_id=by or self.host(found.room))


def is_edit(event: dict[str, Any]) -> bool:
    return bool(event["content"].get("m.relates_to", {}).get("rel_type") == "m.replace")


def is_state(found: Found) -> bool:
    return "state_key" in found.event


def shown(found: Found) -> dict[str, Any]:
    """What an event says, without what binds it to others."""
    return {k: v for k, v in found.event["content"].items() if k not in (KEY, EDITED, "m.relates_to")}


def posted(everything: list[Found], words: str) -> Found:
    return next(f for f in everything if words in f.event["content"].get("body", "") and not is_edit(f.event))


def kind(found: Found) -> str:
    """What sort of event this is, as finely as the adapter tells sorts apart."""
    event, content = found.event, found.event["content"]
    relation = content.get("m.relates_to", {}).get("rel_type", "")
    part = found.key.split("/", 2)[2:] if KEY in content and event["type"] == "m.room.message" else []
    marks = [EDITED] if EDITED in content else []
    return " ".join([event["type"], content.get("msgtype", ""), relation, *(p.split(":")[0] for p in part), *marks])


@pytest.fixture
def moved(synapse: Homeserver, tmp_path: Path) -> Moved:
    return Moved(synapse, tmp_path)


def test_whatever_is_changed_is_named(moved: Moved) -> None:
    everything = [found for found in moved.written() if moved.may_act(found)]
    wanted, sorts = Named(), set[str]()
    emote, linked = (posted(everything, words) for words in ("to the market", "Price list"))
    for found in everything:
        sort = kind(found)
        message = found.event["type"] == "m.room.message" and not is_edit(found.event)
        if message and sort not in sorts and found.key not in (emote.key, linked.key):
            sorts.add(sort)
            moved.replace(found, shown(found) | {"body": "Not what I said", "formatted_body": "Not what I said"})
            wanted[found.key, Difference.TEXT] += 1
    assert len(sorts) >= 10, sorts
    moved.replace(emote, shown(emote) | {"msgtype": "m.text"})
    anchor = '<a href="https://elsewhere.invalid">Price list</a> corrected'
    moved.replace(linked, shown(linked) | {"format": "org.matrix.custom.html", "formatted_body": anchor})
    wanted.update([(emote.key, Difference.MARKUP), (linked.key, Difference.MARKUP)])
    assert moved.named() == wanted


def test_whatever_becomes_of_a_room_is_named(moved: Moved) -> None:
    room = moved.rooms["C0GENERAL"]
    states = {(f.event["type"], f.event["state_key"]): f for f in moved.written() if f.room == room and is_state(f)}
    pins = states["m.room.pinned_events", ""].event["content"]["pinned"]
    levels = states["m.room.power_levels", ""].event["content"]
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("m.room.name", "", {"name": "elsewhere"}),
        ("m.room.topic", "", {"topic": "nothing at all"}),
        ("m.room.join_rules", "", {"join_rule": "public"}),
        ("m.room.pinned_events", "", {"pinned": []}),
        ("m.room.member", moved.user("U0BO00002"), {"membership": "leave"}),
        ("m.room.power_levels", "", {**levels, "events_default": 100}),
    ]
    for sort, key, content in changes:
        moved.state(states[sort, key], content, by=key)
    (space,) = [key for sort, key in states if sort == "m.space.parent"]
    child = ("rooms", space, "state", "m.space.child", moved.rooms["C0RANDOM0"])
    ask(moved.server, "PUT", *child, body={}, user_id=moved.sender)  # taken out of the space
    new = moved.named()
    assert new.pop(("C0RANDOM0", Difference.ACCESS)) == 1
    whats = Counter(what for _, what in new.elements())
    assert whats.pop(Difference.PINS) == len(pins)
    names = (Difference.NAME, Difference.TOPIC, Difference.ACCESS, Difference.MEMBERS, Difference.CLOSED)
    assert whats == Counter(names)
    assert {key.partition("/")[0] for key, _ in new} == {"C0GENERAL"}


def test_whatever_becomes_of_people_and_the_space_is_named(moved: Moved) -> None:
    """In one workspace one name and one picture change, somebody leaves the space, which is renamed, and addresses are
    taken away. What an administrator added is nobody's mismatch."""
    pictured, renamed, leaver = (moved.user(key) for key in ("U0ADA0001", "U0BO00002", "U0FINN006"))
    ask(moved.server, "PUT", "profile", renamed, "displayname", body={"displayname": "Nobody"}, user_id=renamed)
    ask(moved.server, "PUT", "profile", pictured, "avatar_url", body={"avatar_url": ""}, user_id=pictured)
    with Journal(moved.run / "journal.sqlite") as journal:
        ((key, space, _),) = journal.all(Kind.WORKSPACE)
    ask(moved.server, "PUT", "rooms", space, "state", "m.room.name", body={"name": "x"}, user_id=moved.sender)
    ask(moved.server, "POST", "rooms", space, "leave", user_id=leaver)
    room = moved.rooms["C0GENERAL"]
    addresses = ask(moved.server, "GET", "rooms", room, "aliases", user_id=moved.host(room))["aliases"]
    assert len(addresses) == 2  # by its id and by its name
    for address in addresses:
        ask(moved.server, "DELETE", "directory", "room", address, user_id=moved.sender)
    more = f"#{moved.settings['prefix']}more:{moved.server.server_name}"
    ask(moved.server, "PUT", "directory", "room", more, body={"room_id": room}, user_id=moved.sender)
    verdict = moved.verified()
    assert {(m.key, m.what) for m in verdict.others} == {
        ("U0BO00002", Difference.NAME),
        ("U0ADA0001", Difference.PICTURE),
        (key, Difference.NAME),
        (key, Difference.MEMBERS),
    }
    assert len(verdict.others) == 4
    (of_room,) = [c for c in verdict.conversations if c.differences]
    assert (of_room.id, of_room.differences) == ("C0GENERAL", {Difference.ADDRESS: 2})
    assert all(address in {m.expected.split()[0] for m in of_room.mismatches} for address in addresses)


def test_whatever_is_deleted_is_named(moved: Moved) -> None:
    """One of each sort of post, reaction and edit; no root of a thread, for its replies would be named too. And every
    state event of one room of which a deletion leaves nothing."""
    everything = [found for found in moved.written() if moved.may_act(found)]
    relations = [f.event["content"].get("m.relates_to", {}) for f in everything]
    roots = {relation["event_id"] for relation in relations if relation.get("rel_type") == "m.thread"}
    sorts, wanted, pinned = set[str](), set[str](), set[str]()
    for found in everything:
        sort = kind(found)
        if is_state(found):
            if found.room == moved.rooms["C0GENERAL"] and found.event["type"] in EMPTIED:
                pinned.update(found.event["content"].get("pinned", ()))
                moved.redact(found)
        elif sort not in sorts and found.event["event_id"] not in roots and found.key not in wanted:
            sorts.add(sort)
            wanted.add(found.key)
            moved.redact(found)
    assert len(sorts) >= 13, sorts
    assert {"m.reaction  m.annotation", "m.room.message m.text m.replace"} <= sorts, sorts
    new = moved.named()
    whats = Counter(what for key, what in new.elements() if key not in wanted or what is Difference.PINS)
    assert whats == Counter(
        {Difference.NAME: 1, Difference.TOPIC: 1, Difference.ACCESS: 1, Difference.PINS: len(pinned)}
    )
    assert wanted <= {key for key, _ in new}, wanted
