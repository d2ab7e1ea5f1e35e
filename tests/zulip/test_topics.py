"""Topic names: valid, at most 60 characters, and no two roots of a channel share one."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.adapters.zulip.reading import decoded_topic
from migrator.adapters.zulip.topics import thread_topic, topic_url
from migrator.model import micros

TS = st.integers(0, 4_000_000_000 * 10**6 - 1).map(lambda n: f"{n // 10**6}.{n % 10**6:06}")


def root_of(topic: str) -> int:
    """The time of a thread's root in microseconds, as its topic's name spells it."""
    day, tag = topic.split()[-2:]
    return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1_000_000 + int(tag, 36)


@settings(max_examples=300)
@given(TS, st.text(max_size=120))
def test_a_topic_names_its_root_and_fits(ts: str, words: str) -> None:
    topic = thread_topic(ts, words)
    assert 1 <= len(topic) <= 60
    assert topic == topic.strip()
    assert not any(unicodedata.category(c)[0] == "C" for c in topic)
    assert root_of(topic) == micros(ts)
    assert decoded_topic(topic_url(5, topic)) == topic


@settings(max_examples=200)
@given(TS, TS, st.text(max_size=80))
def test_two_roots_never_share_a_topic(one: str, other: str, words: str) -> None:
    same = thread_topic(one, words).casefold() == thread_topic(other, words).casefold()
    assert same == (one == other)
