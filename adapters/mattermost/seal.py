"""A round's folder: `sealed.json` once all its zips are written, `arrived.json` once everything of it is on the server.

A round that is sealed and has not arrived is under way: what its import began has changed the server already, so it is
brought to its end as it was converted, under the names that it gave.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from migrator.adapters.base import Key, RemoteId
from migrator.adapters.mattermost.book import NO_NAMES, Names
from migrator.whole import write_whole

__all__ = ["Edit", "Seal", "arrive", "arrived", "latest", "read", "seal", "sealed", "under_way"]

_SEALED, _ARRIVED = "sealed.json", "arrived.json"


class Edit(Struct, frozen=True):
    """A post that a newer export shows otherwise than it was sent: its id, key, new text and digest."""

    post: RemoteId
    key: Key
    message: str
    digest: str


class Seal(Struct, frozen=True):
    """A converted round: of which export, its zips in order, what to tell the admin; what to edit and to delete; whom
    and what it brings that was not there before."""

    fingerprint: str
    parts: tuple[str, ...]
    advice: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    replaced: tuple[RemoteId, ...] = ()
    names: Names = NO_NAMES


def latest(package: Path) -> Path | None:
    """The folder of the newest round, if there is any."""
    return max(package.glob("round-*"), default=None)


def sealed(folder: Path) -> bool:
    return (folder / _SEALED).exists()


def arrived(folder: Path) -> bool:
    return (folder / _ARRIVED).exists()


def seal(folder: Path, content: Seal) -> None:
    write_whole(folder / _SEALED, msgspec.json.encode(content))


def read(folder: Path) -> Seal:
    return msgspec.json.decode((folder / _SEALED).read_bytes(), type=Seal)


def arrive(folder: Path) -> None:
    write_whole(folder / _ARRIVED, b"{}")


def under_way(package: Path) -> Seal | None:
    """The seal of the round that an earlier process did not see to its end."""
    folder = latest(package)
    return read(folder) if folder is not None and sealed(folder) and not arrived(folder) else None
