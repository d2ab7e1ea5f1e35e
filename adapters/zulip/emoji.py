"""Zulip's emoji: what a reaction is called, and which words between colons it would turn into a picture.

":dog:" shows a dog's body here, and so on: see `migrator.emoji_names` and facts/zulip.md 8.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from migrator.emoji_names import emoji_names
from migrator.model import Reaction

__all__ = ["CUSTOM", "EmojiName", "custom_name", "is_name", "reaction_name"]

UNICODE, CUSTOM = "unicode_emoji", "realm_emoji"
_NAME = re.compile(r"[0-9a-z_-]*[0-9a-z]")


class EmojiName(Struct, frozen=True):
    """As the API and the import archive want it: `code` is hex code points ("1f44d"), or "" for a custom emoji.

    `exact`: False where a skin tone is lost (Zulip's reactions have none).
    """

    name: str
    code: str
    reaction_type: str
    exact: bool = True


def is_name(word: str) -> bool:
    """Whether ":word:" would be shown as an emoji of Zulip's own."""
    return word in emoji_names(__package__)


def reaction_name(reaction: Reaction) -> EmojiName | None:
    """What to react with; None where Zulip has no such emoji (newer than its table): then by a custom one or not."""
    return _standard(reaction.char) if reaction.char else EmojiName(custom_name(reaction.name), "", CUSTOM)


@lru_cache(maxsize=4096)
def _standard(characters: str) -> EmojiName | None:
    found = emoji_names(__package__).find(characters)
    return EmojiName(found.name, found.code, UNICODE, found.exact) if found else None


def custom_name(name: str) -> str:
    """A custom emoji's name as Zulip takes it: a-z, 0-9, "_" and "-", ending in a letter or digit; the same always."""
    name = name.lower()
    if _NAME.fullmatch(name):
        return name
    made = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else f"-{ord(c):x}-" for c in name)
    made = re.sub("-{2,}", "-", made).strip("-_")
    return made or "emoji"
