"""What a run works with: both sides, the journal, patience, progress, counts; and every file stored once."""

from __future__ import annotations

import asyncio

from migrator.adapters.base import Kind, Live, RemoteId, Source, Target
from migrator.directory import Names
from migrator.errors import SkipItem
from migrator.journal import Journal
from migrator.model import File, Local
from migrator.patience import Patience, Tries
from migrator.plan import Options, choose_route, leave_of
from migrator.progress import Progress
from migrator.share import file_shortfall

__all__ = ["Means"]


class Means:
    """Shared by all lanes of a run."""

    def __init__(
        self,
        source: Source,
        adapter: Live,
        target: Target,
        journal: Journal,
        options: Options,
        progress: Progress,
        patience: Patience | None = None,
    ) -> None:
        self.source, self.adapter, self.target = source, adapter, target
        self.journal, self.options, self.progress, self.patience = journal, options, progress, patience or Patience()
        self.may_act = leave_of(adapter, choose_route(adapter, options.route))
        self.names = Names(source.workspace, journal.remote)
        self.lanes = asyncio.Semaphore(target.limits.lanes or 1)
        self.tries = Tries(self.patience)
        self.uploads: dict[str, asyncio.Task[RemoteId | None]] = {}
        self.posts = self.reactions = self.edits = self.unapplied = 0

    async def upload(self, file: File, author: RemoteId, conversation: RemoteId) -> RemoteId | None:
        """Store a file once, however many messages show it. None where its bytes will not arrive."""
        if not isinstance(file.data, Local) or file_shortfall(file, self.target.limits):
            return None
        if known := self.journal.remote(Kind.FILE, file.id):
            return known
        if file.id not in self.uploads:
            self.uploads[file.id] = asyncio.create_task(self._upload(file, author, conversation))
        return await self.uploads[file.id]

    async def _upload(self, file: File, author: RemoteId, conversation: RemoteId) -> RemoteId | None:
        owner = self.names.remote_user(file.owner) if file.owner else author

        async def act() -> RemoteId:
            with self.source.open(file) as body:
                return await self.adapter.put_file(file, body, owner or author, conversation)

        self.journal.intend([(Kind.FILE, file.id, "")])
        try:
            remote = await self.tries.attempt(act)
        except SkipItem as reason:
            self.journal.fail(Kind.FILE, file.id, str(reason))
            return None
        self.journal.done(Kind.FILE, file.id, remote)
        return remote
