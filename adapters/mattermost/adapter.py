"""Mattermost: everything the server's bulk import can carry, as a package, driven over REST where there is a server.

This file is the contract's face. What is written stands in `package` (and its parts), what is sent and read back in
`driver`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from migrator.adapters.base import (
    Composed,
    Directory,
    Key,
    Kind,
    Largest,
    Limits,
    RemoteId,
    RemoteMessage,
    Route,
    Target,
)
from migrator.adapters.bulk import Move
from migrator.adapters.mattermost.book import NO_NAMES, Book
from migrator.adapters.mattermost.compose import compose, writer_for
from migrator.adapters.mattermost.fates import FILE, IMPORT
from migrator.adapters.mattermost.names import is_team_name, team_name
from migrator.adapters.mattermost.present import NOTHING, Present
from migrator.config import flag, number, says
from migrator.errors import UsageError
from migrator.model import Message, Reaction, Workspace

if TYPE_CHECKING:
    from migrator.adapters.mattermost.driver import Driver
    from migrator.adapters.mattermost.render import MattermostWriter

__all__ = ["Mattermost"]


class Mattermost:
    """The adapter. Settings are the driver's (`url`, `token_file`, …) and what `docs/mattermost.md` lists."""

    name: ClassVar[str] = "mattermost"
    time_unit: ClassVar[int] = 1_000
    one_pass: ClassVar[bool] = True
    routes: ClassVar[tuple[Route, ...]] = (IMPORT, FILE)
    knows: ClassVar[tuple[str, ...]] = (
        *("url", "team", "token", "token_file", "token_command", "username"),
        *("password", "password_file", "password_command", "ca_file", "set_server_config", "server_config"),
        *("channels", "accounts", "workers"),
    )

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings: Mapping[str, Any] = settings or {}
        self.team = str(self.settings.get("team", ""))
        if self.team and not is_team_name(self.team):
            raise UsageError(
                f"team = {self.team!r} cannot be the name of a team",
                hint=f'for example team = "{team_name(self.team)}"',
            )
        self.workers = number(self.settings, "workers", 0)
        self.merge_channels = says(self.settings, "channels", "merge")
        self.match_usernames = says(self.settings, "accounts", "by-name")
        leave = flag(self.settings, "set_server_config"), flag(self.settings, "server_config")  # for good, for one run
        self.may_change_settings = True in leave
        self.present: Present = NOTHING  # what the driver finds when it opens
        self._driver: Driver | None = None
        self._book: Book | None = None
        self._writer: MattermostWriter | None = None
        self._prepared: tuple[Workspace, Callable[[Kind, Key], RemoteId | None]] | None = None
        self._run: Path | None = None
        self.pixels = 0  # the most that a picture may have; 0: no limit, or one that will be raised

    # ── the contract ────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> Target:
        return await self.driver.open()

    async def close(self) -> None:
        if self._driver is not None:
            await self._driver.close()

    async def find(self, kind: Kind, keys: Sequence[Key], within: RemoteId | None = None) -> dict[Key, RemoteId]:
        return await self.driver.find(kind, keys, within)

    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed:
        if self._writer is None:
            self._writer = writer_for(self.book)
        return compose(message, directory, self._book, limits, self._writer, self.pixels)

    def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        return self.driver.messages(conversation, hashes=hashes)

    # ── optional ────────────────────────────────────────────────────────────────────────────────────────────────────

    def keep_in(self, folder: Path) -> None:
        self._run = folder

    def prepare(self, workspace: Workspace, remote: Callable[[Kind, Key], RemoteId | None]) -> None:
        self._prepared, self._book, self._writer = (workspace, remote), None, None

    async def foresee(self, workspace: Workspace) -> Sequence[str]:
        return self.driver.foresee()

    def reaction_shown(self, reaction: Reaction) -> str:
        return self.book.reaction_shown(reaction) if self.book is not None else ""

    def conclude(self, largest: Largest) -> Sequence[str]:
        """Settings in the way of the largest file and the largest picture of the export."""
        return self._driver.conclude(largest) if self._driver is not None else ()

    async def load(self, move: Move) -> Sequence[str]:
        """Write the package; with a server, have it imported (route "import")."""
        if self.book is None:
            self.prepare(move.source.workspace, move.done)
        if move.target is None or move.options.get("route") == FILE.name:
            return self._write(move)  # in this thread: the journal is tied to it
        return await self.driver.load(move)

    # ── what its parts ask ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def driver(self) -> Driver:
        """The server's side; made when it is first needed, so that offline work needs no address."""
        if self._driver is None:
            from migrator.adapters.mattermost.driver import Driver

            self._driver = Driver(self)
        return self._driver

    @property
    def book(self) -> Book | None:
        """Names of everything; None while nobody said what is to move."""
        if self._book is None and self._prepared is not None:
            from migrator.adapters.mattermost.seal import under_way

            workspace, remote = self._prepared
            seal = under_way(self._run / "package") if self._run else None
            self._book = Book(
                workspace,
                self.present,
                remote,
                team=self.team,
                merge_channels=self.merge_channels,
                match_usernames=self.match_usernames,
                given=seal.names if seal else NO_NAMES,
            )
        return self._book

    def _write(self, move: Move) -> Sequence[str]:
        from migrator.adapters.mattermost.package import write

        out = Path(str(move.options.get("out", "")) or move.folder)
        if out.exists() and not out.is_dir():
            raise UsageError(f"{out} is not a folder", hint="name a folder for the package with -o DIR")
        book = self.book
        assert book is not None  # noqa: S101 - load prepared it
        package = write(move, book, self.compose, out)
        names = ", ".join(part.path.name for part in package.parts)
        return (*package.advice, f"import these one after the other, each when the one before is done: {names}")
