"""Web addresses in Markdown: which words a target links by itself, and how one stands in the brackets of a link."""

from __future__ import annotations

import re

__all__ = ["ADDRESS", "HINT", "TRAILING", "in_brackets", "is_bare"]

# Words that some target turns into a link by itself, so that escapes within them would be shown.
ADDRESS = re.compile(
    r"[<\\:~@#&]?[A-Za-z][A-Za-z0-9+-]{0,40}:[/\w]\S*|www\d{0,3}\.\S+|(?<![^\s@])[^\s@]*\w\.\w{2,}\S*", re.ASCII
)
TRAILING = ".,;:!?'\")]}>*_~"
# What every one of those words holds: a text without it needs no closer look.
HINT = re.compile(r":[/\w]|\.(?:\w|(?<=[w\d]\.)\S)", re.ASCII)
# Addresses that every target links as they stand: a common or national domain, nothing unusual after it.
_BARE = re.compile(
    r"https?://(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|info|dev|app|[a-z]{2})(?::\d+)?"
    r"(?:/(?:[A-Za-z0-9/_.?=%+#-]|&(?![#\w]+;))*[A-Za-z0-9/])?",
    re.ASCII,
)
_UNSAFE = re.compile(r"""[ ()<>*`"\\|\[\]$^{}\t]""")


def is_bare(url: str) -> bool:
    """Whether every target links this address as it stands, to its very end."""
    return _BARE.fullmatch(url) is not None


def in_brackets(url: str) -> str:
    """Without what could end it there or be read as markup."""
    return url if _UNSAFE.search(url) is None else _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", url)
