"""What a move must remember to undo, and what only it can know: kept in the run folder from the moment before it
matters, so that a killed run's debts are paid by the next command that opens the folder.

The file is 0600 in a folder that is 0700; it holds no key, but the salt of the passwords that accounts were made with.
"""

from __future__ import annotations

import os
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from migrator.whole import write_whole

__all__ = ["Memory", "Pending", "Person"]


class Person(Struct, array_like=True):
    """An account that stands for somebody of the export. `made`: this move made it; `fresh`: and has not settled it."""

    account: int
    name: str
    made: bool = False
    fresh: bool = False


class Pending(Struct, array_like=True):
    """A post on its way: its key, the newest id of its conversation before, and what tells it from others."""

    key: str
    after: int
    sender: int
    second: int
    content: str


class _State(Struct):
    salt: str = ""
    domains: list[str] = field(default_factory=list)  # added to the allowed ones
    defaults: dict[str, Any] = field(default_factory=dict)  # settings of new accounts, as they were
    realm: dict[str, Any] = field(default_factory=dict)  # settings of the organisation, as they were
    woken: list[int] = field(default_factory=list)  # deactivated accounts that were needed
    revealed: dict[str, int] = field(default_factory=dict)  # accounts whose address is shown, and how it was
    joined: list[int] = field(default_factory=list)  # private channels the mover's account is in for the time being
    seated: list[tuple[int, int]] = field(default_factory=list)  # channels and people who are in them to react only
    handed: bool = False  # files were handed over by messages to be deleted
    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, tuple[int, str]] = field(default_factory=dict)  # Slack id to id and name as Slack has it
    guests: dict[str, list[int]] = field(default_factory=dict)  # who else writes into direct messages
    emoji: dict[str, str] = field(default_factory=dict)  # name on the server to name in the export


class Memory:
    """The state, in RAM until `keep_in` gives it a place. All methods are safe to call from several threads."""

    def __init__(self) -> None:
        self.state = _State()
        self.lock = threading.RLock()
        self._folder: Path | None = None
        self._sending: dict[str, Pending] = {}

    def keep_in(self, folder: Path) -> None:
        """From now on the state is kept in this folder; what an earlier run left there is taken up."""
        self._folder = folder / "zulip"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        place = self._folder / "state.json"
        if place.exists():
            self.state = msgspec.json.decode(place.read_bytes(), type=_State)

    def save(self) -> None:
        """Written whole and flushed to the disk before it replaces the old one."""
        if self._folder is None:
            return
        with self.lock:
            write_whole(self._folder / "state.json", msgspec.json.encode(self.state))

    @property
    def owes(self) -> bool:
        """Whether something of the organisation is not as it was."""
        s = self.state
        return bool(s.domains or s.defaults or s.realm or s.woken or s.revealed or s.joined or s.seated or s.handed)

    def salt(self) -> str:
        with self.lock:
            if not self.state.salt:
                self.state.salt = os.urandom(32).hex()
                self.save()
            return self.state.salt

    # ── posts on their way ──────────────────────────────────────────────────────────────────────────────────────────

    def sending(self, conversation: str, pending: Pending) -> None:
        """Before a post leaves. A kill of this process cannot lose it; a power cut can, which costs nothing: what the
        journal intended and is not here never left."""
        self._sending[conversation] = pending
        if self._folder is not None:
            line = msgspec.json.encode(pending) + b"\n"
            handle = os.open(self._place(conversation), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)

    def sent_last(self, conversation: str) -> Pending | None:
        """The last post that left for a conversation, of this process or a killed one."""
        if conversation in self._sending or self._folder is None:
            return self._sending.get(conversation)
        try:
            return msgspec.json.decode(self._place(conversation).read_bytes(), type=Pending)
        except (OSError, msgspec.DecodeError):
            return None

    def _place(self, conversation: str) -> Path:
        name = blake2b(conversation.encode(), digest_size=12).hexdigest()
        return (self._folder or Path()) / f"sending-{name}.json"
