"""`ts` values as numbers, fast: a million of them are compared."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated

import msgspec

from migrator.model import Ts, micros

__all__ = ["among", "before", "instant", "instants", "is_ts", "is_usual"]

_TS = re.compile(r"(?!0*\.?0*\Z)[0-9]{1,12}(?:\.[0-9]{1,9})?").fullmatch
_USUAL = 17  # "1613999999.000200"
_numbers = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=10**15)]]).decode  # of sixteen digits or more


def is_ts(value: object) -> bool:
    """Whether a value is a `ts` at all: digits, perhaps with a fraction. Integers and "" are not, nor is
    "0000000000.000000", by which Slack says that there is none."""
    return isinstance(value, str) and _TS(value) is not None


def instant(ts: Ts) -> int:
    """As `model.micros`, for a value that `is_ts`."""
    if len(ts) == _USUAL and ts[10] == ".":
        return int(ts[:10] + ts[11:])
    return micros(ts)


def is_usual(ts: Ts) -> bool:
    """Whether a value that `is_ts` is written as Slack writes it: ten digits, and microseconds."""
    return len(ts) == _USUAL and ts[10] == "." and ts[0] != "0"


def before(ts: Ts, other: Ts) -> bool:
    """Whether a moment comes before another one, both `is_ts`."""
    if len(ts) == len(other) == _USUAL and ts[10] == other[10] == ".":
        return ts < other
    return instant(ts) < instant(other)


def instants(several: Sequence[Ts]) -> list[int] | None:
    """The moments of many at once; None where one of them is not `is_usual`."""
    if not several:
        return []
    joined, count = ",".join(several), len(several)
    if not joined.isascii() or len(joined) != count * (_USUAL + 1) - 1 or joined[10 :: _USUAL + 1] != "." * count:
        return None
    try:
        moments = _numbers(f"[{joined.replace('.', '')}]")
    except msgspec.DecodeError:
        return None
    return moments if len(moments) == count else None  # so many numbers leave room for sixteen digits each, and no more


def among(moments: Sequence[int], moment: int) -> bool:
    """Whether sorted moments hold one."""
    place = bisect_left(moments, moment)
    return place < len(moments) and moments[place] == moment
