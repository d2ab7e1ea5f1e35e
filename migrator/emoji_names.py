"""What a target calls its own emoji: the characters decide, never the source's name.

Names differ from target to target, and some mean another emoji. The tables are made by scripts/make_target_emoji.py.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from msgspec import Struct

__all__ = ["EmojiNames", "Found", "emoji_names"]

_TONES = {f"{point:x}" for point in range(0x1F3FB, 0x1F400)}
_VARIATION = "fe0f"


class Found(Struct, frozen=True):
    """`code`: hex code points, as in "1f44d". `exact`: False where a skin tone is lost."""

    name: str
    code: str
    exact: bool


class EmojiNames(Struct, frozen=True):
    """`by_code`: code points without variation selectors -> the target's first name. `names`: every name -> them."""

    by_code: dict[str, str]
    names: dict[str, str]

    def __contains__(self, name: str) -> bool:
        """Whether ":name:" is shown as one of the target's own emoji."""
        return name in self.names

    def find(self, characters: str) -> Found | None:
        """What these characters are called; None where the target has no such emoji."""
        points = [point for c in characters if (point := f"{ord(c):04x}") != _VARIATION]
        for some in (points, [point for point in points if point not in _TONES]):
            code = "-".join(some)
            if name := self.by_code.get(code):
                return Found(name, code, len(some) == len(points))
        return None

    def characters(self, name: str) -> str:
        """The characters behind a name, without variation selectors; "" for names that are not the target's own."""
        code = self.names.get(name, "")
        return "".join(chr(int(point, 16)) for point in code.split("-") if point != _VARIATION) if code else ""


@cache
def emoji_names(package: str) -> EmojiNames:
    """The table that lies beside an adapter's modules as emoji.json."""
    raw = json.loads(files(package).joinpath("emoji.json").read_text(encoding="utf-8"))
    return EmojiNames(raw["by_code"], raw["names"])
