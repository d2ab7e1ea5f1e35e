"""How a thread shows on Zulip, in both routes, and how it is recognised when it is read back.

Policy `topics` (the default): the root stands in the channel's main topic and ends in a pointer, a link to the
thread's own topic; the first reply there begins with a head, a silent quote of the root. A reply that was also sent to
the channel stands in both topics. Policy `quotes`: everything stays in one topic and every reply begins with a head.
Direct messages have no topics: there replies are quotes under either policy.

Heads and pointers are ours, not the author's words: `Draft.text` does not hold them, and reading back takes them off.
"""

from __future__ import annotations

import re
from enum import StrEnum

from migrator.adapters.zulip.topics import topic_url

__all__ = [
    "BACK",
    "HEAD_LINK",
    "POINTER",
    "Policy",
    "fenced_quote",
    "head",
    "named_pointer",
    "near",
    "origin",
    "pointer",
]


class Policy(StrEnum):
    TOPICS = "topics"
    QUOTES = "quotes"


POINTER = "⤷ thread"  # the label of a pointer's link
BACK = "⤷ in a thread"  # the same of the copy, in the main topic, of a reply that was also sent to the channel
HEAD_LINK = "said"  # the label of a head's link, as in Zulip's own quotes

_NEAR = re.compile(r"/(?:near|with)/(\d+)(?:$|[/?#])")

_ORIGIN = re.compile(r"\.slack\.com/archives/([^/?#]+)/p(\d+)(\d{6})$")


def pointer(channel: int | str, topic: str, label: str = POINTER) -> str:
    """The last paragraph of a root, or (`BACK`) of a broadcast's copy: a link to its thread's topic."""
    return f"[{label}]({topic_url(channel, topic)})"


def named_pointer(channel: str, topic: str, label: str = POINTER) -> str:
    """As `pointer`, where the channel's id is not known yet."""
    return f"{label}: #**{channel}>{topic}**"


def head(author: int | str, url: str, quoted: str) -> str:
    """The beginning of a reply: who said what it replies to, where (`url`, see `near` and `origin`), and the words
    (Markdown; "" for the link alone). `author` is a Zulip user id, or a unique name."""
    spec = f"|{author}" if isinstance(author, int) else author
    said = f"@_**{spec}** [{HEAD_LINK}]({url}):"
    return f"{said}\n{fenced_quote(quoted)}" if quoted.strip() else f"{said}\n\n---\n"


def fenced_quote(text: str) -> str:
    """A quote block around Markdown, with a fence longer than any within."""
    longest = max((len(run) for run in re.findall(r"[`~]{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}quote\n{text}\n{fence}\n"


def origin(url: str) -> tuple[str, str] | None:
    """Conversation and ts of the message that a link led to in the source; None for any other link."""
    found = _ORIGIN.search(url)
    return (found[1], f"{found[2]}.{found[3]}") if found else None


def near(url: str) -> str | None:
    """The id of the message that a link leads to; None where it leads to no message."""
    found = _NEAR.search(url)
    return found[1] if found else None
