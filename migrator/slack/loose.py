"""Values out of JSON that may be of any type: a wrong type reads as absent. slack-format.md 23.4.

Numbers come as strings and strings as numbers (`created`, `last_set`, `size` changed their types over the years), and
everything may be null.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

__all__ = ["dicts", "listed", "mapping", "number", "parse", "scrub", "string", "strings", "truth"]

Json = dict[str, Any]

_decode = msgspec.json.Decoder().decode
_LONE = re.compile("[\ud800-\udfff]")
_MAX_DIGITS = 15


def parse(raw: msgspec.Raw | bytes) -> Any:
    """JSON as leniently as can be done without guessing: lone surrogates and bytes that are no UTF-8 become U+FFFD, NaN
    and Infinity null. Raises ValueError where it is no JSON at all (RecursionError where it is nested too deeply)."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = bytes(raw).decode("utf-8", "replace")
        return scrub(json.loads(text, parse_constant=lambda _: None))


def scrub(value: Any) -> Any:
    """Without lone surrogates, in keys too."""
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [scrub(item) for item in value]
    if isinstance(value, dict):
        return {scrub(key): scrub(item) for key, item in value.items()}
    return value


def string(value: object) -> str:
    return value if isinstance(value, str) else ""


def number(value: object) -> int:
    """A whole number, from a number or its digits; 0 for anything else. Never more than 15 digits."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, str):
        digits = value.partition(".")[0].strip()
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS else 0
    if isinstance(value, int | float):
        return int(value) if 0 <= value < 10**_MAX_DIGITS else 0
    return 0


def truth(value: object) -> bool:
    """A flag: true, or 1 as old records have it."""
    return value is True or (type(value) is int and value == 1)


def mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def dicts(value: object) -> list[Json]:
    return [item for item in listed(value) if isinstance(item, dict)]


def strings(value: object) -> list[str]:
    """The non-empty strings of a list, each once, in order."""
    items = listed(value)
    if not {*map(type, items)} <= {str}:
        items = [item for item in items if isinstance(item, str)]
    return [*filter(None, dict.fromkeys(items))]
