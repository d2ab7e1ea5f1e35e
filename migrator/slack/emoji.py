"""Slack's emoji names: iamcal short names (facts: all 4,896 pairs met in real rich text agree) and custom ones.

The table is made by scripts/make_emoji.py; slack-format.md 17.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from msgspec import Struct

from migrator.model import Emoji
from migrator.slack.context import Context

__all__ = ["emoji", "lookup"]

# What Slack drew for its own names of the early years, which no data set has.
_OWN = {"simple_smile": "slightly_smiling_face"}
ALIAS_DEPTH = 5  # an alias of an alias of … ; Slack allows one, look-alikes do not say
_TONE = "::skin-tone-"


class _Table(Struct, frozen=True):
    names: dict[str, str]
    tones: dict[str, list[str]]


@cache
def _table() -> _Table:
    raw = json.loads(files("migrator.slack").joinpath("data/emoji.json").read_text(encoding="utf-8"))
    return _Table(raw["names"], raw["tones"])


def lookup(name: str, context: Context) -> tuple[str, str, int]:
    """ "clap::skin-tone-3" -> ("clap", "👏🏼", 3). Custom and unknown names: characters "" (and the tone kept)."""
    base, tone = name, 0
    if _TONE in name:
        base, _, digit = name.partition(_TONE)
        tone = int(digit) if digit in {"2", "3", "4", "5", "6"} else 0
    for _ in range(ALIAS_DEPTH if context.emoji else 0):
        custom = context.emoji.get(base)
        if custom is None or not custom.alias_of:
            break
        base = custom.alias_of
    if base in context.emoji:
        return base, "", tone
    table = _table()
    variants = table.tones.get(base)
    if tone and variants:
        return base, variants[tone - 2], tone
    return base, table.names.get(_OWN.get(base, base), ""), tone


def emoji(name: str, tone: int, context: Context, marks: int = 0) -> Emoji | None:
    """The leaf for a `:name:` in plain text; None where no such emoji is known, so that it is two colons."""
    table = _table()
    if name not in context.emoji:
        char = table.names.get(name)
        if char is None:
            own = _OWN.get(name)
            return Emoji(name, table.names[own], 0, marks) if own else None
        if not tone:
            return Emoji(name, char, 0, marks)
    base, char, tone = lookup(f"{name}{_TONE}{tone}" if tone else name, context)
    return Emoji(base, char, tone, marks)
