"""A process that moves an invented world into a pretended server, to be killed: SITE FOLDER."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from migrator.adapters.zulip.adapter import Zulip
from migrator.apply import Engine
from migrator.journal import Journal
from migrator.model import Conversation, ConversationKind, File, Local, Message, Reaction, User, Workspace
from migrator.patience import Patience
from migrator.plan import Options
from migrator.progress import Progress
from tests.worlds import PICTURE, World, say

ROOMS = (
    Conversation("C1", "tea", ConversationKind.PUBLIC, ("U1", "U2")),
    Conversation("G1", "secret", ConversationKind.PRIVATE, ("U1", "U2")),
    Conversation("D1", "", ConversationKind.DIRECT, ("U1", "U2")),
)


def world() -> World:
    """Equal words of one person within one second, threads, broadcasts, files, reactions: what could be mixed up."""
    picture = File("F1", "a.png", data=Local("up/F1", len(PICTURE)), size=len(PICTURE), owner="U1")
    messages: list[Message] = []
    for room in ROOMS:
        root = "1700000000.000000"
        messages.append(
            say("root", conversation=room.id, ts=root, is_root=True, reactions=(Reaction("+1", "👍", ("U2",), 1),))
        )
        for number in range(12):
            ts = f"17000000{number // 4 + 1:02}.{number:06}"
            thread = root if number % 3 == 0 else ""
            files = (picture,) if number == 5 else ()
            messages.append(
                say(
                    "ok",
                    conversation=room.id,
                    ts=ts,
                    thread=thread,
                    broadcast=bool(thread) and number % 2 == 0,
                    files=files,
                )
            )
    people = {u.id: u for u in (User("U1", "ada", "Ada", email="ada@example.invalid"), User("U2", "bo", "Bo"))}
    workspace = Workspace("T1", "Invented", "invented", people, {r.id: r for r in ROOMS}, {}, {})
    return World(workspace, messages, {"up/F1": PICTURE})


async def move(site: str, folder: Path) -> None:
    with Journal(folder / "journal.sqlite") as journal:
        adapter = Zulip({"site": site, "email": "admin@example.invalid", "api_key": "admin-key"})
        try:
            target = await adapter.open()
            adapter.keep_in(folder)
            adapter.prepare(world().workspace, journal.remote)
            patience = Patience(attempts=40, first=0.001, longest=0.01, settle=0.2)
            await Engine(world(), adapter, target, journal, Options(), Progress(quiet=True), patience).run()
        finally:
            await adapter.close()


if __name__ == "__main__":
    asyncio.run(move(sys.argv[1], Path(sys.argv[2])))
