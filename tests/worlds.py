"""Small invented workspaces made of model structs: sources for tests that need no Slack export."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from migrator.ledger import Ledger
from migrator.model import (
    Author,
    Conversation,
    ConversationKind,
    Edit,
    File,
    FileMode,
    Loc,
    Local,
    Message,
    MessageKind,
    Missing,
    Paragraph,
    Pin,
    Reaction,
    Role,
    Text,
    User,
    UserMention,
    Workspace,
)
from migrator.survey import features

PICTURE = b"\x89PNG\r\n\x1a\nnot really a picture"


class World:
    """A source. Change `messages_of` to make a later export of the same workspace."""

    def __init__(self, workspace: Workspace, messages: list[Message], data: dict[str, bytes] | None = None) -> None:
        self.workspace = workspace
        self.fingerprint = f"world-{len(messages)}"
        self.messages_of: dict[str, list[Message]] = {c: [] for c in workspace.conversations}
        for message in messages:
            self.messages_of[message.conversation].append(message)
        self.data = data or {}
        self.quarantine: list[object] = []

    def messages(self, conversation: str, ledger: Ledger | None = None) -> Iterator[Message]:
        for message in sorted(self.messages_of[conversation], key=lambda m: m.ts):
            if ledger is not None:
                for feature, n in features(message):
                    ledger.find(feature, n)
            yield message

    def holds(self, conversation: str, ts: str) -> bool:
        return any(message.ts == ts for message in self.messages_of.get(conversation, ()))

    def open(self, file: File) -> BinaryIO:
        assert isinstance(file.data, Local)
        return io.BytesIO(self.data[file.data.member])

    def close(self) -> None:
        return


def say(text: str, *, conversation: str, ts: str, user: str = "U1", **more: object) -> Message:
    body = (Paragraph((Text(text),)),) if text else ()
    return Message(conversation, ts, Loc(f"{conversation}/day.json", 0), Author(user), body=body, **more)  # type: ignore[arg-type]


def small_world() -> World:
    """Five people, four kinds of conversations, a thread, a broadcast, reactions, an edit, files, a pin, a notice."""
    people = [
        User("U1", "ada", "Ada", role=Role.OWNER, email="ada@example.invalid"),
        User("U2", "bo", "Bo"),
        User("U3", "cy", "Bo", active=False),
        User("U4", "dee", "Dee", role=Role.STRANGER, reason="profile"),
        User("B9", "deploy", "Deploy Bot", role=Role.BOT, reason="bot"),
    ]
    rooms = [
        Conversation(
            "C1", "general", ConversationKind.PUBLIC, ("U1", "U2"), general=True, pins=(Pin("1700000001.000100"),)
        ),
        Conversation("G1", "secret", ConversationKind.PRIVATE, ("U1", "U2")),
        Conversation("D1", "", ConversationKind.DIRECT, ("U1", "U2")),
        Conversation("M1", "ada-bo-cy", ConversationKind.GROUP, ("U1", "U2", "U3"), archived=True),
    ]
    workspace = Workspace(
        "T1", "Invented", "invented", {u.id: u for u in people}, {c.id: c for c in rooms}, groups={}, emoji={}
    )
    picture = File("F1", "a b.png", data=Local("up/F1", len(PICTURE)), mime="image/png", size=len(PICTURE), owner="U1")
    gone = File("F2", "gone.txt", FileMode.DELETED, Missing("deleted"))
    messages = [
        say("first of all", conversation="C1", ts="1700000001.000100", is_root=True, user="U1"),
        say("a reply", conversation="C1", ts="1700000002.000200", thread="1700000001.000100", user="U2"),
        say("for all", conversation="C1", ts="1700000003.000300", thread="1700000001.000100", broadcast=True),
        say("same time, one", conversation="C1", ts="1700000004.000001", user="U2"),
        say("same time, two", conversation="C1", ts="1700000004.000002", user="U2"),
        say(
            "liked",
            conversation="C1",
            ts="1700000005.000000",
            reactions=(Reaction("+1", "👍", ("U1", "U2"), 2), Reaction("parrot", "", ("U3",), 1)),
            edited=Edit("U1", "1700000006.000000"),
        ),
        say("", conversation="C1", ts="1700000007.000000", files=(picture, gone)),
        say("deployed", conversation="C1", ts="1700000008.000000", user="B9"),
        Message(
            "C1",
            "1700000009.000000",
            Loc("C1/day.json", 9),
            Author("U4"),
            body=(Paragraph((Text("hello "), UserMention("U2"), Text(" & <all>"))),),
        ),
        say("hush", conversation="G1", ts="1700000001.000100", user="U2", files=(picture,)),
        say("you and me", conversation="D1", ts="1700000001.500000", user="U1"),
        say(
            "(missing)",
            conversation="M1",
            ts="1600000000.000000",
            kind=MessageKind.PLACEHOLDER,
            is_root=True,
            user="U3",
        ),
        say("orphan", conversation="M1", ts="1600000001.000000", thread="1600000000.000000", user="U3"),
    ]
    return World(workspace, messages, {"up/F1": PICTURE})


def counted(world: World) -> Counter[str]:
    return Counter(m.conversation for some in world.messages_of.values() for m in some)
