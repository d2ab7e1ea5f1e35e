"""Mattermost's emoji: what a reaction is called, and which words between colons it would turn into a picture.

The characters decide, never the name (facts/mattermost.md 1.1). The table is made by scripts/make_target_emoji.py.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files

from msgspec import Struct

from migrator.model import Reaction

__all__ = ["EmojiName", "character", "custom_name", "is_name", "reaction_name"]

_TONES = {f"{point:x}" for point in range(0x1F3FB, 0x1F400)}
_NAME = re.compile(r"[a-z0-9+_-]{1,64}")


class EmojiName(Struct, frozen=True):
    """`exact`: False where a skin tone is lost."""

    name: str
    exact: bool = True


class _Table(Struct, frozen=True):
    by_code: dict[str, str]
    names: dict[str, str]


@cache
def _table() -> _Table:
    raw = json.loads(files("migrator.adapters.mattermost").joinpath("emoji.json").read_text(encoding="utf-8"))
    return _Table(raw["by_code"], raw["names"])


def is_name(word: str) -> bool:
    """Whether ":word:" would be shown as an emoji of Mattermost's own."""
    return word in _table().names


def reaction_name(reaction: Reaction) -> EmojiName | None:
    """What to react with; None where Mattermost has no such emoji."""
    return _standard(reaction.char) if reaction.char else EmojiName(custom_name(reaction.name))


@lru_cache(maxsize=8192)
def _standard(char: str) -> EmojiName | None:
    points = [f"{ord(c):04x}" for c in char if c != "\ufe0f"]
    bare = [point for point in points if point not in _TONES]
    for some in (points, bare):
        if name := _table().by_code.get("-".join(some)):
            return EmojiName(name, exact=len(some) == len(points))
    return None


def character(name: str) -> str:
    """The characters behind a name of Mattermost's own, without variation selectors; "" for custom emoji."""
    code = _table().names.get(name, "")
    return "".join(chr(int(point, 16)) for point in code.split("-") if point != "fe0f") if code else ""


@lru_cache(maxsize=8192)
def custom_name(name: str) -> str:
    """A custom emoji's name as Mattermost takes it ([a-z0-9+_-], at most 64), not one of its own; the same always."""
    low = name.lower()
    if _NAME.fullmatch(low) and not is_name(low):
        return low
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    made = re.sub(r"[^a-z0-9+_-]+", "-", low).strip("-")[:48]
    return f"{made}_{digest}" if made else f"emoji_{digest}"
