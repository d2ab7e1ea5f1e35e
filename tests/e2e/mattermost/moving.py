"""A move into the real server without the command line: open, load, verify, with a journal in a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from migrator.adapters.base import Kind, Move, RemoteId
from migrator.adapters.mattermost.adapter import Mattermost
from migrator.directory import Names
from migrator.journal import Journal
from migrator.plan import Options
from migrator.progress import Progress
from migrator.secret import Secret
from migrator.verify import Verdict, verify
from tests.e2e.mattermost.server import Server


def settings(server: Server, team: str, **more: Any) -> dict[str, Any]:
    return {"url": server.url, "team": team, "token": Secret(server.token), "set_server_config": True, **more}


async def _move(
    server: Server, team: str, source: Any, folder: Path, more: dict[str, Any]
) -> tuple[Verdict, list[str]]:
    folder.mkdir(exist_ok=True)
    package = folder / "package"
    package.mkdir(exist_ok=True)
    options = Options(route="import")
    with Journal(folder / "journal.sqlite") as journal:
        adapter = Mattermost(settings(server, team, **more))
        try:
            target = await adapter.open()
            adapter.prepare(source.workspace, journal.remote)

            def record(kind: Kind, key: str, remote: RemoteId, digest: str) -> None:
                journal.done(kind, key, remote, digest)

            advice = await adapter.load(
                Move(
                    source=source,
                    directory=Names(source.workspace, journal.remote),
                    target=target,
                    folder=package,
                    progress=Progress(quiet=True),
                    done=journal.remote,
                    record=record,
                    options={"route": "import"},
                )
            )
            return await verify(source, adapter, target, journal, options), list(advice)
        finally:
            await adapter.close()


def move(server: Server, team: str, source: Any, folder: Path, **more: Any) -> tuple[Verdict, list[str]]:
    """Load and verify; a second call with the same folder goes on or does it again."""
    return asyncio.run(_move(server, team, source, folder, more))


def told(verdict: Verdict) -> list[str]:
    """Mismatches in words, for a test's message."""
    return [
        f"{m.key}: {m.what}: expected {m.expected!r}, found {m.found!r}"
        for conversation in verdict.conversations
        for m in conversation.mismatches
    ]
