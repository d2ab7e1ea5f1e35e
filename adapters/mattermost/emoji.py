"""Mattermost's emoji: what a reaction is called, and which words between colons it would turn into a picture.

See `migrator.emoji_names` and facts/mattermost.md 1.1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from migrator.emoji_names import emoji_names
from migrator.model import Reaction

__all__ = ["EmojiName", "character", "custom_name", "is_name", "reaction_name"]

_NAME = re.compile(r"[a-z0-9+_-]{1,64}")


class EmojiName(Struct, frozen=True):
    """`exact`: False where a skin tone is lost."""

    name: str
    exact: bool = True


def is_name(word: str) -> bool:
    """Whether ":word:" would be shown as an emoji of Mattermost's own."""
    return word in emoji_names(__package__)


def reaction_name(reaction: Reaction) -> EmojiName | None:
    """What to react with; None where Mattermost has no such emoji."""
    return _standard(reaction.char) if reaction.char else EmojiName(custom_name(reaction.name))


@lru_cache(maxsize=8192)
def _standard(char: str) -> EmojiName | None:
    found = emoji_names(__package__).find(char)
    return EmojiName(found.name, found.exact) if found else None


def character(name: str) -> str:
    """The characters behind a name of Mattermost's own, without variation selectors; "" for custom emoji."""
    return emoji_names(__package__).characters(name)


@lru_cache(maxsize=8192)
def custom_name(name: str) -> str:
    """A custom emoji's name as Mattermost takes it ([a-z0-9+_-], at most 64), not one of its own; the same always."""
    low = name.lower()
    if _NAME.fullmatch(low) and not is_name(low):
        return low
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    made = re.sub(r"[^a-z0-9+_-]+", "-", low).strip("-")[:48]
    return f"{made}_{digest}" if made else f"emoji_{digest}"
