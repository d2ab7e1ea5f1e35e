"""Which conversation a folder of day files belongs to. slack-format.md 3.

A folder is named after its conversation, or after its id; unpacking, other systems and other tools have changed the
names in known ways, which are undone here, the surest first. A folder without a conversation is kept, unlisted.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

__all__ = ["Listed", "Matcher"]

_WINDOWS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_FILE_CONVERSATION = re.compile(r"FC[:_]?(F[A-Z0-9]{6,})")
_ESCAPE = re.compile(r"#[UL]([0-9a-fA-F]{4,8})")


class Listed(Struct, frozen=True):
    """A conversation as an index lists it. `scope` is the folder in which that index stands ("" or "teams/acme/")."""

    id: str
    name: str
    scope: str = ""
    archived: bool = False
    created: int = 0
    previous: tuple[str, ...] = ()


class Matcher:
    """Finds conversations by folder name. Within the folder's own scope first, then in the others."""

    def __init__(self, listed: Sequence[Listed]) -> None:
        self._ids = {c.id for c in listed}
        self._scopes: dict[str, list[dict[str, list[Listed]]]] = {}
        for conversation in listed:
            tables = self._scopes.setdefault(conversation.scope, [{}, {}, {}])
            if conversation.name:
                tables[0].setdefault(conversation.name, []).append(conversation)
                tables[1].setdefault(_key(conversation.name), []).append(conversation)
            for name in conversation.previous:
                tables[2].setdefault(name, []).append(conversation)

    def find(self, name: str, scope: str) -> tuple[str, tuple[str, ...]]:
        """The id of the conversation ("" where there is none), and the ids of others that share its name."""
        order = [scope, *(s for s in ("", *self._scopes) if s != scope)]
        for own in order:
            if own in self._scopes and (found := self._scopes[own][0].get(name)):
                return _choose(found)
        if name in self._ids:
            return name, ()
        spellings = list(_spellings(name))
        for own in order:
            for table, key in ((t, k) for k in spellings for t in self._scopes.get(own, [])):
                if found := table.get(key):
                    return _choose(found)
        if (file := _FILE_CONVERSATION.match(name)) and (id_ := "C" + file[1][1:]) in self._ids:
            return id_, ()
        return "", ()


def _choose(found: Iterable[Listed]) -> tuple[str, tuple[str, ...]]:
    """Of several conversations of one name: the living one, else the newest."""
    order = sorted(found, key=lambda c: (c.archived, -c.created))
    first = order[0].id
    return first, tuple(sorted({c.id for c in order} - {first}))


def _key(name: str) -> str:
    """What is left of a name on a disk that minds case, marks and characters; equal for names it cannot tell apart."""
    name = unicodedata.normalize("NFC", name).casefold()
    if name.startswith("fc"):
        return re.sub(r"[\s.:_/]", "", name)
    return _WINDOWS.sub("_", name).rstrip(" .")


def _spellings(name: str) -> Iterator[str]:
    """The names that this folder may have had, surest first."""
    yield _key(name)
    if name[:2] in ("b'", 'b"'):  # the repr of a Python 2 script's bytes
        try:
            value = ast.literal_eval(name)
        except (ValueError, SyntaxError, MemoryError):
            value = None
        if isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
    for page in ("cp437", "cp1252", "latin-1"):  # UTF-8 taken for an old code page
        try:
            mended = name.encode(page).decode()
        except UnicodeError:
            continue
        if mended != name:
            yield _key(mended)
    if "#" in name:  # Info-ZIP without a UTF-8 locale
        yield _key(_ESCAPE.sub(_character, name))


def _character(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else match[0]
