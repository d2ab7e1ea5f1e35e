"""What the core asks of a route that takes a whole package: the bulk half of the contract in `base.py`.

The adapter writes the package, and loads it where there is a server to load it (`Bulk`); one that somebody loads by
hand is found again afterwards (`Recognises`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from migrator.adapters.base import Composed, Directory, Key, Kind, RemoteId, Source, Target
from migrator.model import ConversationId, Message

__all__ = ["Bulk", "BulkProgress", "Group", "Move", "OnePass", "Recognises", "WorkFile", "in_this_process"]


class BulkProgress(Protocol):
    """How a bulk route reports: phases by name, and counts within them."""

    def phase(self, name: str, total: int = 0) -> None: ...
    def advance(self, count: int = 1) -> None: ...


Group: TypeAlias = tuple[ConversationId, ...]  # conversations that one process is to take, one after the other


def in_this_process(work: Callable[[Group], Any], groups: Sequence[Group]) -> Iterator[Any]:
    """`Move.spread` where there is one process."""
    return map(work, groups)


class WorkFile:
    """A file that only this process appends to, for work done by `Move.spread`: a forked process opens another.

    What is kept is there for other processes after `flush`; `read` takes it from whichever process's file.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._owner = self._end = 0
        self._path = ""
        self._file: BinaryIO | None = None
        self._open: dict[str, BinaryIO] = {}

    def begin(self) -> tuple[str, int]:
        """Where the next bytes will be put."""
        if self._owner != os.getpid():
            self._owner, self._end = os.getpid(), 0
            self._path = str(self._folder / f"{self._name}.{self._owner}")
            self._file = Path(self._path).open("wb", buffering=1 << 20)  # noqa: SIM115 - see close
        return self._path, self._end

    def keep(self, data: bytes) -> None:
        """Behind what was kept since `begin`."""
        assert self._file is not None  # noqa: S101 - begin opened it
        self._file.write(data)
        self._end += len(data)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def read(self, path: str, offset: int, length: int) -> bytes:
        if path not in self._open:
            self._open[path] = Path(path).open("rb", buffering=0)  # noqa: SIM115 - see close
        return os.pread(self._open[path].fileno(), length, offset)

    def close(self) -> None:
        for file in (self._file, *self._open.values()):
            if file is not None:
                file.close()


class Move(Struct, frozen=True):
    """Everything a bulk route is given. `done(kind, key)` answers what an earlier run already loaded (delta runs).

    `folder` is the run folder's own place for packages and resume state (0700). `record` writes an id-map line once the
    target has acknowledged it. `options` are the user's choices (skip notices, thread policy …) by name.
    `spread(work, groups)` gives `work(group)` of each group in order, perhaps from other processes, which take the
    heaviest first: there, `source` may be read and new files written; results are pickled, and what else `work` changes
    is lost. `weigh` says how heavy a conversation is: bytes to be read.
    """

    source: Source
    directory: Directory
    target: Target | None  # None: no server is asked (`--route file`)
    folder: Path
    progress: BulkProgress
    done: Callable[[Kind, Key], RemoteId | None]
    record: Callable[[Kind, Key, RemoteId, str], None]  # kind, key, remote id, digest
    options: Mapping[str, Any]
    composed: Callable[[Sequence[Message], Sequence[Composed]], None] = lambda _messages, _made: None  # see `OnePass`
    spread: Callable[[Callable[[Group], Any], Sequence[Group]], Iterator[Any]] = in_this_process
    weigh: Callable[[ConversationId], int] = lambda _: 0


@runtime_checkable
class Bulk(Protocol):
    async def load(self, move: Move) -> Sequence[str]:
        """Write the package and, where `move.target` is there, have the server take it; returns advice for the admin.

        Killed at any point and called again, it resumes: no loss, no doubles.
        """
        ...


@runtime_checkable
class Recognises(Protocol):
    """A target with a route whose package is loaded by hand (`Route.by_hand`)."""

    async def recognise(self, source: Source) -> Mapping[Kind, Mapping[Key, RemoteId]]:
        """After `open`: which people, conversations and emoji of the package are there, by what they are called."""
        ...


@runtime_checkable
class OnePass(Bulk, Protocol):
    """A bulk route that reads every conversation once, to its end, and tells `move.composed` what its messages become,
    some at a time: without a server, plan and package are then made in one pass."""

    one_pass: ClassVar[bool]
