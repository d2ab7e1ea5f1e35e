"""The inlines of Slack's mrkdwn: `<…>` tokens, code spans, emoji, emphasis. slack-format.md 16.

One pass over each line, linear in its length. Entities (&amp; &lt; &gt;, exactly these) are decoded once, after the
tokens are split off. Whatever is none of these stays as it is typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from migrator.model import (
    Break,
    Broadcast,
    ConversationMention,
    Date,
    GroupMention,
    Inline,
    Link,
    Marks,
    MessageLink,
    Text,
    UnknownInline,
    UserMention,
)
from migrator.slack.context import Context, link
from migrator.slack.emoji import emoji

__all__ = ["BREAK", "decode", "inlines", "plain_inlines", "unwrap"]

BREAK = Break()
BOLD, ITALIC, STRIKE, CODE = (mark.value for mark in (Marks.BOLD, Marks.ITALIC, Marks.STRIKE, Marks.CODE))
_MARK_OF = {"*": BOLD, "_": ITALIC, "~": STRIKE}
_SPECIAL = re.compile(r"[<*_~`:]").search
_CLOSERS = {marker: re.compile(f"[{marker}`<]") for marker in _MARK_OF}
_EMOJI = re.compile(r":([^\s:<>]{1,100})(?:::skin-tone-([2-6]))?:")
_HEX = re.compile(r"[0-9a-f]+")  # ":ab:" within an address of hexadecimal digits is no emoji
_RANGES = {"here": "here", "channel": "channel", "everyone": "everyone", "group": "channel"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
# Schemes that go without "//"; any other word before a colon is text that somebody put into angle brackets.
_OPAQUE_NAMES = """about bitcoin callto data facetime geo im javascript magnet mailto maps news sip sips skype sms
spotify tel urn webcal xmpp"""
_OPAQUE = frozenset(_OPAQUE_NAMES.split())
_NUMBER = re.compile(r"-?[0-9]{1,15}")


def decode(text: str) -> str:
    """The three entities of mrkdwn, once."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def inlines(text: str, context: Context, marks: int = 0) -> tuple[Inline, ...]:
    """The inlines of some lines; "\\n" becomes Break. Empty lines at both ends are dropped. Never raises."""
    return _lines(text, context, marks, _marked)


def plain_inlines(text: str, context: Context) -> tuple[Inline, ...]:
    """The inlines of a plain_text object: emoji are all that is special, there are no entities."""
    return _lines(text, context, 0, _plain)


def _lines(
    text: str, context: Context, marks: int, read: Callable[[str, Context, int, list[Inline]], None]
) -> tuple[Inline, ...]:
    out: list[Inline] = []
    if "\n" not in text:
        if text:
            read(text, context, marks, out)
        return tuple(out)
    for number, line in enumerate(text.strip("\n").split("\n")):
        if number:
            out.append(BREAK)
        if line:
            read(line, context, marks, out)
    return tuple(out)


def _marked(line: str, context: Context, marks: int, out: list[Inline]) -> None:
    special = _SPECIAL(line)
    if special is None:
        out.append(Text(decode(line), marks))
    else:
        _Line(line, context, marks, out).scan(special)


def _plain(line: str, context: Context, marks: int, out: list[Inline]) -> None:
    position = 0
    for match in _EMOJI.finditer(line) if ":" in line else ():
        leaf = emoji(match[1], int(match[2] or 0), context, marks)
        if leaf is not None:
            if match.start() > position:
                out.append(Text(line[position : match.start()], marks))
            out.append(leaf)
            position = match.end()
    if position < len(line):
        out.append(Text(line[position:], marks))


class _Line:
    """One line: emphasis never crosses a line's end."""

    __slots__ = ("closers", "context", "done", "line", "marks", "open", "out", "pending")

    def __init__(self, line: str, context: Context, marks: int, out: list[Inline]) -> None:
        self.line, self.context, self.marks, self.out = line, context, marks, out
        self.open: list[str] = []  # markers that are open, innermost last
        self.pending = self.done = 0  # text from `pending` on is not yet handed out; `done`: scanned up to here
        self.closers: dict[str, list[int]] = {}

    def scan(self, special: re.Match[str] | None) -> None:
        """From the first special character on."""
        line = self.line
        while special is not None:
            at = special.start()
            c = line[at]
            if c == "<":
                self._token(at)
            elif c == "`":
                self._code(at)
            elif c == ":":
                self._emoji(at)
            else:
                self._marker(c, at)
            special = _SPECIAL(line, self.done if self.done > at else at + 1)
        self._flush(len(line))

    def _flush(self, end: int) -> None:
        """Hand out the text before `end`."""
        if end > self.pending:
            self.out.append(Text(decode(self.line[self.pending : end]), self.marks))

    def _leaf(self, at: int, end: int, leaf: Inline) -> None:
        if at > self.pending:
            self._flush(at)
        self.out.append(leaf)
        self.pending = self.done = end

    def _token(self, at: int) -> None:
        end = _token_end(self.line, at)
        if end > 0:
            leaf = _token_leaf(self.line[at + 1 : end], self.marks, self.context)
            if leaf is not None:
                self._leaf(at, end + 1, leaf)

    def _code(self, at: int) -> None:
        end = _code_end(self.line, at)
        if end > 0:
            self._leaf(at, end + 1, Text(unwrap(self.line[at + 1 : end]), self.marks | CODE))

    def _emoji(self, at: int) -> None:
        line = self.line
        match = _EMOJI.match(line, at)
        if match is None:
            return
        name, end = match[1], match.end()
        within = at and line[at - 1].isalnum() and (line[end : end + 1].isalnum() or line.startswith(":", end))
        if within and _HEX.fullmatch(name):
            return
        leaf = emoji(name, int(match[2] or 0), self.context, self.marks)
        if leaf is not None:
            self._leaf(at, end, leaf)

    def _marker(self, c: str, at: int) -> None:
        line, bit = self.line, _MARK_OF[c]
        before, after = line[at - 1 : at], line[at + 1 : at + 2]
        if c in (before, after):
            return  # doubled markers are text: __init__, **bold**
        if c in self.open:
            if not before.isspace() and _is_edge(after):
                self._flush(at)
                while (inner := self.open.pop()) != c:
                    self.marks &= ~_MARK_OF[inner]
                self.marks &= ~bit
                self.pending = self.done = at + 1
        elif not self.marks & bit and _is_edge(before) and after and not after.isspace() and self._closes(c, at):
            self._flush(at)
            self.open.append(c)
            self.marks |= bit
            self.pending = self.done = at + 1

    def _closes(self, c: str, at: int) -> bool:
        """Whether a closing marker follows, inside the innermost open emphasis."""
        mine = self._next_closer(c, at + 1)
        if mine < 0 or not self.open:
            return mine >= 0
        outer = self._next_closer(self.open[-1], at)
        return outer < 0 or mine < outer

    def _next_closer(self, c: str, at: int) -> int:
        """Where the first closing marker after `at` stands; -1: nowhere. `at` only ever grows."""
        found = self.closers.get(c)
        if found is None:
            found = self.closers[c] = _closers(self.line, c, at)
        while found and found[-1] <= at:
            found.pop()
        return found[-1] if found else -1


def _closers(line: str, marker: str, at: int) -> list[int]:
    """Positions from `at` on where this marker could close, last first; those in code spans and tokens do not count."""
    found: list[int] = []
    done = at
    for match in _CLOSERS[marker].finditer(line, at):
        position = match.start()
        if position < done:
            continue
        c = line[position]
        if c == marker:
            before, after = line[position - 1 : position], line[position + 1 : position + 2]
            if not before.isspace() and _is_edge(after) and marker not in (before, after):
                found.append(position)
            continue
        if c == "`":
            end = _code_end(line, position)
        else:
            end = _token_end(line, position) if line[position + 1 : position + 2] not in ("", " ") else -1
        if end > 0:
            done = end + 1
    found.reverse()
    return found


def _code_end(line: str, at: int) -> int:
    """Where the code span that begins here ends; -1: none does. Two backticks or more are no code span, but text."""
    if line[at - 1 : at] == "`" or line[at + 1 : at + 2] in ("`", ""):
        return -1
    end = line.find("`", at + 1)
    return end if end > 0 and not line[at + 1 : end].isspace() else -1


def _token_end(line: str, at: int) -> int:
    """Where the token that begins here ends; -1 where another one begins first. Looks no further than that."""
    following = line.find("<", at + 1)
    return line.find(">", at + 1, following if following >= 0 else len(line))


def _is_edge(c: str) -> bool:
    """What may stand outside a marker: nothing, space, punctuation, or a letter of a script without spaces."""
    return not c or not c.isalnum() or "\u2e80" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" or c > "\U00020000"


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _token_leaf(token: str, marks: int, context: Context) -> Inline | None:
    """What stands between < and >; None where it is not a token but text."""
    body, bar, label = token.partition("|")
    kind = body[:1]
    if kind == "@":
        user = body[1:]
        if user in _RANGES:
            return Broadcast(_RANGES[user], marks)
        return UserMention(user, decode(label) if bar else "", marks) if _is_id(user) else None
    if kind == "#":
        return ConversationMention(body[1:], decode(label), marks) if _is_id(body[1:]) else None
    if kind == "!":
        return _special_mention(body[1:], decode(label), bool(bar), marks)
    return _address(body, label, marks, context)


def _address(body: str, label: str, marks: int, context: Context) -> Inline | None:
    match = _SCHEME.match(body)
    if match is None or match.end() == len(body):
        return None
    scheme = match[1].lower()
    if not match[2] and scheme not in _OPAQUE:
        return None
    url, shown = decode(body), decode(label)
    if not label or shown == url:
        return link(url, (), marks, context)
    if scheme in ("mailto", "tel") and shown == url[match.end() :]:
        return Link(url, (Text(shown),), marks)
    return link(url, inlines(label, context), marks, context)


def _special_mention(body: str, label: str, labelled: bool, marks: int) -> Inline | None:
    if body in _RANGES:
        return Broadcast(_RANGES[body], marks)
    kind, caret, rest = body.partition("^")
    if kind == "subteam" and _is_id(rest.partition("^")[0]):
        return GroupMention(rest.partition("^")[0], label, marks)
    if kind == "date":
        at, _, more = rest.partition("^")
        format_, _, url = more.partition("^")
        if _NUMBER.fullmatch(at):
            return Date(int(at), decode(format_), label, decode(url), marks)
    if not (labelled or caret or body.isalnum()) or body.upper().startswith("DOCTYPE"):
        return None
    return UnknownInline(kind, label if labelled else f"<{decode(body)}>", marks)


def _is_id(text: str) -> bool:
    return text.isalnum() and text.isascii()


_NOWHERE = Context()


def unwrap(text: str) -> str:
    """Code: tokens show their text (`<http://x|x>` is x), entities are decoded, everything else is as typed."""
    if "<" not in text:
        return decode(text)
    out: list[str] = []
    position = 0
    while (start := text.find("<", position)) >= 0:
        out.append(decode(text[position:start]))
        end = _token_end(text, start)
        if end < 0:
            out.append("<")
            position = start + 1
            continue
        token = text[start + 1 : end]
        leaf = None if "\n" in token else _token_leaf(token, 0, _NOWHERE)
        out.append(decode(f"<{token}>") if leaf is None else _as_typed(leaf, token))
        position = end + 1
    out.append(decode(text[position:]))
    return "".join(out)


def _as_typed(leaf: Inline, token: str) -> str:
    body, _, label = token.partition("|")
    if isinstance(leaf, Link | MessageLink):
        return decode(label or body.removeprefix("mailto:").removeprefix("tel:"))
    if isinstance(leaf, Broadcast):
        return f"@{leaf.range}"
    if label:
        return decode(label if label[:1] in "@#" or body[:1] == "!" else f"{body[0]}{label}")
    return decode(body if body[:1] in "@#" else f"<{body}>")
