"""How things are called on a homeserver: pure functions from the source's ids to Matrix ids, so that any run of any
machine finds what an earlier one made.

User ids follow the source's user ids, not handles: handles change and are given away again, ids never.
"""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["alias", "event_txn", "localpart", "name_alias"]

_PLAIN = re.compile(r"[A-Z0-9]+")
_LONGEST = 180  # bytes of a local part; a whole id may have 255 (spec appendices, "User Identifiers")


def localpart(prefix: str, identifier: str) -> str:
    """ "U024BE7LH" -> "slack_u024be7lh". Other ids ("name:Deploy Bot") are escaped so that none meets another."""
    if _PLAIN.fullmatch(identifier):
        return prefix + identifier.lower()
    escaped = "".join(c if c in _SAFE else _escape(c) for c in identifier)
    if len(escaped) > _LONGEST:
        escaped = blake2b(identifier.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"{prefix}-{escaped}"


def alias(prefix: str, identifier: str, server: str) -> str:
    """The address by which a conversation is found again: "#slack_c024be91l:example.org"."""
    return f"#{localpart(prefix, identifier)}:{server}"


def name_alias(prefix: str, name: str, server: str) -> str:
    """The address for people: "#slack_general:example.org"; "" where the name cannot be part of one."""
    local = re.sub(r"[\s:\0#]+", "-", name.strip())
    whole = f"#{prefix}{local}:{server}"
    return whole if local and len(whole.encode("utf-8", "replace")) <= 255 else ""


def event_txn(key: str, part: str = "") -> str:
    """A transaction id that is the same in every run, and never the same for two events of a room."""
    return blake2b(f"{key}\n{part}".encode("utf-8", "replace"), digest_size=16).hexdigest()


_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


def _escape(char: str) -> str:
    return "".join(f"={byte:02x}" for byte in char.encode("utf-8", "replace"))
