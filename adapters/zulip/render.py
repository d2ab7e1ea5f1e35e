"""Zulip's Markdown. Pure.

Zulip has no backslash escapes: outside code, a decimal HTML entity shows a character and disarms it (facts/zulip.md
6.2). Mentions are silent, for this is history; links to messages and channels are relative addresses by id.
"""

from __future__ import annotations

import re
from typing import ClassVar

from migrator.adapters.zulip.emoji import custom_name, is_name
from migrator.markdown import BOLD, ITALIC, STRIKE, MarkdownWriter, Rendered, entities, entity, fence
from migrator.model import Broadcast, ConversationMention, Quote, UserMention
from migrator.plain import shown
from migrator.render import Job

__all__ = ["Rendered", "ZulipWriter"]

# Every alternative begins with one certain character: that is what makes the search for them quick.
_SPECIAL = re.compile(r"&(?=#?\w+;)|\*|`|\^|\\|~~*|\$\$+|\](?=\()|<(?=time:|[@!])|:(?=([\w+-]+):)", re.ASCII)
_START = re.compile(
    r"#{1,6}(?:\s|$)|>|[-+](?=\s|$)|\d+\.(?=\s)|/(?:me|poll|todo)\b|[ \u00a0]+|\t"
    r"|[ |:]*-[-|: ]*$|[ ]{0,3}_[_ ]*$|[ ]{0,3}=+\s*$"
)
_BEFORE_MENTION = frozenset(" \t'\"({[/\n")


class ZulipWriter(MarkdownWriter):
    """`person` gives what stands between the asterisks of a mention: a unique full name, "Name|id" or "|id"; by default
    "|id" where the directory's remote id is a number. `channel` gives a channel's address ("/#narrow/channel/9-x");
    by default made of the remote id. `post` gives a message's address.
    """

    plain_languages: ClassVar[frozenset[str]] = frozenset({"quote", "quoted", "spoiler", "math", "latex", "tex"})
    all_marks: ClassVar[int] = STRIKE | ITALIC
    suspects: ClassVar[str] = r"&*`^\~$]<:"
    starts: ClassVar[re.Pattern[str]] = _START

    # ── escapes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def escape(self, text: str, marks: int, job: Job) -> str:
        def disarmed(found: re.Match[str]) -> str:
            piece = found.group()
            if piece == "&":
                return "&amp;"
            if piece == ":":
                return "&#58;" if self.is_emoji(found.group(1), job) else ":"
            if piece == "<":
                return "&lt;"
            if piece == "~":
                at_an_edge = found.start() == 0 or found.end() == len(text)
                return "&#126;" if marks & STRIKE or at_an_edge else "~"
            if piece == "^":
                return "&#94;" if marks & ITALIC else "^"
            if piece == "\\":
                return "&#92;" if found.end() == len(text) or text[found.end()] in "\\`" else "\\"
            return entities(piece)

        return _SPECIAL.sub(disarmed, text)

    def disarm_start(self, piece: str, rest: str) -> str:
        if piece[-1] == "." and piece[0].isdigit():
            return piece[:-1] + "&#46;" + rest
        return entity(piece[0]) + piece[1:] + rest

    def after_margin(self, line: str) -> str:
        """After an entity, a mention would be none."""
        return " " + line if line.startswith("@_**") else line

    def mark(self, text: str, marks: int, before: str, after: str) -> str:
        """Bold and italic work inside words; only markers that touch others, or an asterisk, need a gap."""
        stars = "*" * (2 * bool(marks & BOLD) + bool(marks & ITALIC))
        run = f"{stars}{text}{stars}"
        if marks & STRIKE:
            run = f"~~{run}~~"
        return self.gap + run if before and before in "*~@#\\" else run

    # ── leaves ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def user(self, node: UserMention, job: Job) -> str | None:
        if self._person is not None:
            spec = self._person(node.user)
        else:
            remote = job.directory.remote_user(node.user)
            spec = f"|{remote}" if remote and remote.isdigit() else None
        if not spec or (self._in_table and "|" in spec):
            return None
        return f"@_**{spec}**"

    def conversation(self, node: ConversationMention, job: Job) -> str | None:
        if self._channel is not None:
            address = self._channel(node.conversation)
        else:
            remote = job.directory.remote_conversation(node.conversation)
            address = f"/#narrow/channel/{remote}" if remote and remote.isdigit() else None
        return self.anchor(address, self.disarm(shown(node, job.directory), job)) if address else None

    def broadcast(self, node: Broadcast, job: Job) -> str | None:
        return None

    def own_emoji(self, word: str) -> bool:
        return is_name(word)

    def custom_emoji(self, name: str, job: Job) -> str | None:
        return custom_name(name) if job.directory.remote_emoji(name) is not None else None

    def glued(self, source: str, before: str, after: str) -> str:
        """A mention needs a space or one of some signs before it; a link no exclamation mark."""
        if source.startswith("@"):
            if before and before not in _BEFORE_MENTION:
                source = " " + source
        elif before in ("!", "\\", "]", "@", "#"):
            source = self.gap + source
        return source + self.gap if after in ("*", "(") else source

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def quote(self, node: Quote, job: Job) -> str:
        inner = self.blocks(node.blocks, job)
        if not inner:
            return ""
        bar = fence(inner)
        return f"{bar}quote\n{inner}\n{bar}"

    def item_indent(self, marker: str) -> str:
        return "  "
