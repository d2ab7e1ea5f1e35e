"""Zulip's emoji: what a reaction is called, and which words between colons it would turn into a picture.

Names differ from the source's, and some mean another emoji (":dog:" shows a dog's body here): the characters decide,
never the name (facts/zulip.md 8). The table is made by scripts/make_target_emoji.py.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from msgspec import Struct

from migrator.model import Reaction

__all__ = ["EmojiName", "custom_name", "is_name", "reaction_name"]

UNICODE, CUSTOM = "unicode_emoji", "realm_emoji"
_TONES = {f"{point:x}" for point in range(0x1F3FB, 0x1F400)}
_NAME = re.compile(r"[0-9a-z_-]*[0-9a-z]")


class EmojiName(Struct, frozen=True):
    """As the API and the import archive want it: `code` is hex code points ("1f44d"), or "" for a custom emoji.

    `exact`: False where a skin tone is lost (Zulip's reactions have none).
    """

    name: str
    code: str
    reaction_type: str
    exact: bool = True


class _Table(Struct, frozen=True):
    by_code: dict[str, str]
    names: dict[str, str]


@cache
def _table() -> _Table:
    raw = json.loads(files("migrator.adapters.zulip").joinpath("emoji.json").read_text(encoding="utf-8"))
    return _Table(raw["by_code"], raw["names"])


def is_name(word: str) -> bool:
    """Whether ":word:" would be shown as an emoji of Zulip's own."""
    return word in _table().names


def reaction_name(reaction: Reaction) -> EmojiName | None:
    """What to react with; None where Zulip has no such emoji (newer than its table): then by a custom one or not."""
    if not reaction.char:
        return EmojiName(custom_name(reaction.name), "", CUSTOM)
    points = [f"{ord(c):04x}" for c in reaction.char if c != "\ufe0f"]
    bare = [point for point in points if point not in _TONES]
    for some in (points, bare):
        code = "-".join(some)
        if name := _table().by_code.get(code):
            return EmojiName(name, code, UNICODE, exact=len(some) == len(points))
    return None


def custom_name(name: str) -> str:
    """A custom emoji's name as Zulip takes it: a-z, 0-9, "_" and "-", ending in a letter or digit; the same always."""
    name = name.lower()
    if _NAME.fullmatch(name):
        return name
    made = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else f"-{ord(c):x}-" for c in name)
    made = re.sub("-{2,}", "-", made).strip("-_")
    return made or "emoji"
