"""What the target holds before a run: what the journal remembers, and what is found there without it.

A journal may be lost, or the move may go on from another machine: then conversations made by an earlier run are
recognised on the target itself, and their posts adopted by the keys they carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from migrator.adapters.base import Adapter, Key, Kind, RemoteId, Source
from migrator.journal import Journal
from migrator.patience import Tries

__all__ = ["JournalSnapshot", "adopt"]


class JournalSnapshot:
    """A journal as `plan.Snapshot`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.serial = journal.serial

    def remote(self, kind: Kind, key: Key) -> RemoteId | None:
        return self._journal.remote(kind, key)

    def done(self, kind: Kind, conversation: str) -> Mapping[Key, tuple[RemoteId, str]]:
        return self._journal.of_conversation(kind, conversation)


async def adopt(source: Source, adapter: Adapter, journal: Journal, tries: Tries) -> int:
    """Write receipts for what is on the target but not in the journal. Returns how many posts were adopted."""
    unknown = [key for key in source.workspace.conversations if journal.remote(Kind.CONVERSATION, key) is None]
    adopted = 0
    for conversation, remote in (await tries.attempt(partial(adapter.find, Kind.CONVERSATION, unknown))).items():
        journal.done(Kind.CONVERSATION, conversation, remote, "")  # perhaps half made: to be put again
        adopted += await tries.attempt(partial(_adopt_posts, adapter, journal, remote))
    if adopted:
        people = [key for key in source.workspace.users if journal.remote(Kind.USER, key) is None]
        for user, remote in (await tries.attempt(partial(adapter.find, Kind.USER, people))).items():
            journal.done(Kind.USER, user, remote, "")
    return adopted


async def _adopt_posts(adapter: Adapter, journal: Journal, conversation: RemoteId) -> int:
    adopted = 0
    async for message in adapter.messages(conversation):
        if message.key and not message.deleted:
            journal.done(Kind.POST, message.key, message.remote)
            adopted += 1
    return adopted
