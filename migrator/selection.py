"""An export without what the mover leaves out: what a bulk route is given, which walks the source itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from msgspec import structs

from migrator.adapters.base import Source
from migrator.ledger import Ledger
from migrator.model import ConversationId, File, Message, Ts, Workspace
from migrator.plan import Options, Planner, chosen, is_skipped

__all__ = ["Selection"]


class Selection:
    """A source of its own: only the conversations chosen, without the messages that `--skip-notices` leaves out."""

    def __init__(self, source: Source, options: Options, planner: Planner | None = None) -> None:
        """`planner` makes its plan of what is read here, in the same pass."""
        self._source, self._options, self._planner = source, options, planner
        self.fingerprint = source.fingerprint
        picked = {conversation.id: conversation for conversation in chosen(source, options)}
        self.workspace: Workspace = structs.replace(source.workspace, conversations=picked)

    def messages(self, conversation: ConversationId, ledger: Ledger | None = None) -> Iterator[Message]:
        if self._planner is not None:
            return self._planner.watch(self.workspace.conversations[conversation])
        return (m for m in self._source.messages(conversation, ledger) if not is_skipped(m, self._options))

    def holds(self, conversation: ConversationId, ts: Ts) -> bool:
        return conversation in self.workspace.conversations and self._source.holds(conversation, ts)

    def open(self, file: File) -> BinaryIO:
        return self._source.open(file)
