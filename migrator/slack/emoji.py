"""Slack's emoji names: iamcal short names (facts: all 4,896 pairs met in real rich text agree) and custom ones.

The table is made by scripts/make_emoji.py; slack-format.md 17.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from msgspec import Struct

from migrator.slack.context import Context

__all__ = ["is_known", "lookup"]

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
    for _ in range(ALIAS_DEPTH):
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
    return base, table.names.get(base, ""), tone


def is_known(name: str, context: Context) -> bool:
    """Whether a `:name:` in plain text is an emoji rather than two colons."""
    base = name.partition(_TONE)[0]
    return base in context.emoji or base in _table().names
