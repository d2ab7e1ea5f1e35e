"""Names of topics: one per thread, from the root's words and date, never the same for two threads of a channel.

A name ends in the day and a tag that spells the microsecond of that day, so it names one `ts` and no other: no state is
needed to keep names apart, and a restart, a later export or the other route comes to the same name. Zulip compares
topics without regard to case and cuts them at 60 characters (facts of the API: max_topic_length).
"""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import quote

from migrator.adapters.base import Directory
from migrator.model import Message, MessageKind, Ts, micros
from migrator.plain import canonical, plain

__all__ = ["MAIN_TOPIC", "MAX_TOPIC", "thread_topic", "topic_url", "topic_words"]

MAIN_TOPIC = "imported from Slack"  # where everything stands that is in no thread
MAX_TOPIC = 60  # characters

_EPOCH = date(1970, 1, 1)
_DAY = 86_400_000_000  # microseconds
_TAG = 8  # 36 ** 7 < _DAY < 36 ** 8
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
_UNSAFE = str.maketrans({"*": "", "`": "'", "$": "", "\\": "/"})  # would end or start markup in a link to the topic


def topic_words(root: Message, directory: Directory) -> str:
    """What a thread is about, in one line: the root's words, else its first file's name."""
    if root.kind is MessageKind.PLACEHOLDER:
        return "thread"
    return plain(root.body, directory) or next((file.name for file in root.files), "")


def thread_topic(ts: Ts, words: str) -> str:
    """The topic of the thread whose root has this `ts`. At most 60 characters, printable, without markup."""
    time = micros(ts)
    day, moment = divmod(time, _DAY)
    ending = f"{_date(day)} {_tag(moment)}"
    room = MAX_TOPIC - len(ending) - 3
    line = canonical(words).translate(_UNSAFE)
    if not line.isprintable():
        line = "".join(c for c in line if unicodedata.category(c)[0] != "C")
    line = " ".join(line.removeprefix("✔").split())
    if len(line) > room:
        short = line[: room - 1]
        line = (short.rsplit(" ", 1)[0] if " " in short[room // 2 :] else short).rstrip() + "…"
    return f"{line} · {ending}" if line else ending


def topic_url(channel: int | str, topic: str, message: int | str | None = None) -> str:
    """The address of a topic, or of a message in it, relative to the server: Zulip's own escaping, "." for "%"."""
    spelled = quote(topic, safe="").replace(".", "%2E").replace("%", ".")
    return f"/#narrow/channel/{channel}/topic/{spelled}" + (f"/near/{message}" if message is not None else "")


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    """A day, counted from the epoch, as calendars have it."""
    try:
        return (_EPOCH + timedelta(day)).isoformat()
    except OverflowError:
        return "1970-01-01"  # no date that a calendar knows; the archive's checker and the reader refuse such times


def _tag(number: int) -> str:
    digits = ""
    for _ in range(_TAG // 2):
        number, pair = divmod(number, 36 * 36)
        digits = _PAIRS[pair] + digits
    return digits
