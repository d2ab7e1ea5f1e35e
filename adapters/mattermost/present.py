"""What a server holds before a move, as far as names can clash with ours. The driver fills it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

__all__ = ["NOTHING", "Account", "Place", "Present"]


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
