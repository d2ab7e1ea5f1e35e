"""What a server holds before a move, as far as names can clash with ours, and what it will have to take in.

The driver fills `Present` when it opens; `Largest` grows while messages are composed.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from migrator.model import File, Local

__all__ = ["NOTHING", "Account", "Largest", "Place", "Present"]


class Account(Struct, frozen=True):
    """A user or bot of the server. `note` is a bot's description, where ours keep the id they come from."""

    id: str
    username: str
    email: str = ""
    bot: bool = False
    note: str = ""


class Place(Struct, frozen=True):
    """A channel of the team. `conversation`: whose posts it holds, as their keys say ("": none of ours).

    `empty`: open and without posts, so that its name is free: a killed import may have left it, and nobody loses
    anything there.
    """

    id: str
    name: str
    archived: bool = False
    conversation: str = ""
    empty: bool = False


class Present(Struct, frozen=True):
    """`accounts` of the whole server by username, `channels` of the team by name, `emoji` names of the server.

    `team`: the team is there already, so it gets no line (which would rename it).
    """

    accounts: Mapping[str, Account] = {}
    channels: Mapping[str, Place] = {}
    emoji: frozenset[str] = frozenset()
    team: bool = False


NOTHING = Present()


class Largest(Struct):
    """The largest file met, in bytes, and the picture with most pixels, as the export tells them."""

    file: int = 0
    pixels: int = 0

    def see(self, file: File) -> None:
        if isinstance(file.data, Local):
            self.file = max(self.file, file.data.size)
        if file.mime.startswith("image/"):
            self.pixels = max(self.pixels, file.width * file.height)
