"""Mattermost's Markdown. Pure.

Three renderers have to agree: the web client's (a fork of marked), the mobile client's (commonmark.js) and the server's
own (shared/markdown). So backslashes stand only before what all three let them escape; what the web client treats after
its Markdown (mentions, hashtags, emoji, channel names, formulas) is disarmed by entities, which all three decode.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from string import ascii_letters, digits
from typing import ClassVar

from migrator.adapters.mattermost.emoji import custom_name, is_name
from migrator.markdown import BOLD, ITALIC, STRIKE, MarkdownWriter, Rendered, entities, entity
from migrator.model import Broadcast, ConversationId, ConversationMention, Quote, Ts, UserId, UserMention
from migrator.render import Job

__all__ = ["MattermostWriter", "Rendered"]

# Every alternative begins with one certain character: that is what makes the search for them quick.
_SPECIAL = re.compile(
    r"""
    \\_ | \\(?![A-Za-z0-9])             # a backslash that would escape, or be taken for half of one
    | &(?=\#?\w+;) | \* | ` | \[ | \](?=\()
    | _(?<![A-Za-z0-9]_)_* | __*(?![A-Za-z0-9_])
    | ~
    | <(?=[A-Za-z/!?@]|[^\s<>]*[@:])
    | @(?<![A-Za-z0-9]@)(?=[A-Za-z0-9._-])
    | \#(?=[^\W\d_])
    | \$
    | :(?=([A-Za-z0-9+_-]+):)
    """,
    re.VERBOSE,
)
_MARKER = re.compile(r"[*_~`\\|\[\]]")
_START = re.compile(
    r"""
    \#{1,6}(?:\s|$) | > | [-+](?=\s|$) | \d+[.)](?=\s|$)
    | [ ]+ | \t | \u00a0                # would be code, or nothing
    | [ |:]*-[-|:\ ]*$ | [*_][-*_\ ]*$ | =[=\ ]*$  # rules, underlines of headings, rows below a table's head
    | /(?=\w)
    """,
    re.VERBOSE,
)
_ALIVE = frozenset({"here", "channel"})
_WORDISH = frozenset(f"{ascii_letters}{digits}_.-")
_BEFORE_NAMES, _AFTER_NAMES = _WORDISH | set("@~:\\<"), _WORDISH | set("@:")
# what stands for whatever is markup wherever it is found
_ALWAYS = {"\\_": "\\\\&#95;", "\\": "\\\\", **{sign: entity(sign) for sign in "@#]"}, "&": "&amp;", "<": "&lt;"}


class MattermostWriter(MarkdownWriter):
    """`person` gives a username, `channel` a channel's name, `post` the address of a migrated message, `emoji_of` what
    a custom emoji is called there; None where there is none. Without them nothing is mentioned.
    """

    gap: ClassVar[str] = "&#8203;"  # its "&" and ";" count as punctuation, which lets markers open and close
    blank_before_number: ClassVar[bool] = True
    plain_languages: ClassVar[frozenset[str]] = frozenset({"latex", "tex"})
    all_marks: ClassVar[int] = BOLD
    suspects: ClassVar[str] = r"&*`[]\_~<@#$:"
    starts: ClassVar[re.Pattern[str]] = _START

    def __init__(
        self,
        *,
        person: Callable[[UserId], str | None] | None = None,
        channel: Callable[[ConversationId], str | None] | None = None,
        post: Callable[[ConversationId, Ts], str | None] | None = None,
        emoji_of: Callable[[str], str | None] | None = None,
    ) -> None:
        super().__init__(person=person, channel=channel, post=post)
        self._emoji_of = emoji_of

    # ── escapes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def escape(self, text: str, marks: int, job: Job) -> str:
        within = marks & (BOLD | ITALIC | STRIKE)
        last = text.rfind("$")

        def disarmed(found: re.Match[str]) -> str:
            piece = found.group()
            if (always := _ALWAYS.get(piece)) is not None:
                return always
            if piece == "$":  # it takes two to make a formula
                at = found.start()
                return entity(piece) if at < last or text[at - 1 : at] == "$" else piece
            if piece == ":":
                name = found.group(1)
                return "&#58;" if self.is_emoji(name, job) else ":"
            if piece == "~":
                beside = text[found.end() : found.end() + 1]
                plain = (
                    not within
                    and beside not in _WORDISH
                    and "~" not in (beside, text[found.start() - 1 : found.start()])
                )
                return "~" if plain else entity("~")
            if within or len(piece) > 1:
                return entities(piece)
            return "\\" + piece

        text = _SPECIAL.sub(disarmed, text)
        # the web client ends italics at an underscore within a word too
        return text.replace("_", "&#95;") if marks & ITALIC else text

    def disarm_start(self, piece: str, rest: str) -> str:
        if piece[0] in "*_":
            return self.gap + piece + rest  # markers, for words so typed are escaped already
        if piece[0].isdigit():
            return f"{piece[:-1]}\\{piece[-1]}{rest}"
        if piece[0] in "#>-+":
            return "\\" + piece + rest
        return entity(piece[0]) + piece[1:] + rest

    def mark(self, text: str, marks: int, before: str, after: str) -> str:
        """Markers open and close beside white space, punctuation and ends of lines; elsewhere a gap helps."""
        run = text
        if marks & ITALIC:
            run = f"_{run}_"
        if marks & BOLD:
            run = f"**{run}**"
        if marks & STRIKE:
            run = f"~~{run}~~"
        edges = marks not in (BOLD, STRIKE) or not (text[0].isalnum() and text[-1].isalnum())
        return self._gap(before, edges) + run + self._gap(after, edges)

    def _gap(self, beside: str, needed: bool) -> str:
        if not beside or beside.isspace():
            return ""
        if beside in "*_~`\\]":
            return self.gap
        if beside.isascii() and not beside.isalnum():
            return ""
        return self.gap if needed else ""

    def marks_around_code(self, code: str) -> bool:
        return _MARKER.search(code) is None

    # ── leaves ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def user(self, node: UserMention, job: Job) -> str | None:
        name = self._person(node.user) if self._person is not None else None
        return f"@{name}" if name else None

    def conversation(self, node: ConversationMention, job: Job) -> str | None:
        name = self._channel(node.conversation) if self._channel is not None else None
        return f"~{name}" if name else None

    def broadcast(self, node: Broadcast, job: Job) -> str | None:
        """Its word for everybody is another than the source's, so that one stays a word."""
        return f"@{node.range}" if node.range in _ALIVE else None

    def own_emoji(self, word: str) -> bool:
        return is_name(word)

    def custom_emoji(self, name: str, job: Job) -> str | None:
        if self._emoji_of is not None:
            return self._emoji_of(name)
        return custom_name(name) if job.directory.remote_emoji(name) is not None else None

    def glued(self, source: str, before: str, after: str) -> str:
        if source[0] in "@~:":
            if before in _BEFORE_NAMES:
                source = self.gap + source
            return source + self.gap if after in _AFTER_NAMES else source
        if before in ("!", "\\", "]"):
            source = self.gap + source
        return source + self.gap if after == "(" else source

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def quote(self, node: Quote, job: Job) -> str:
        inner = self.blocks(node.blocks, job)
        return "\n".join([f"> {line}" if line else ">" for line in inner.split("\n")]) if inner else ""
