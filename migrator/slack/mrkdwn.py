"""Slack's mrkdwn -> the tree: one pass over the text, no regular expressions that look back, linear in time.

Lines become blocks (fences, quotes, paragraphs), then each line's inlines are scanned: `<…>` tokens, code spans, emoji,
emphasis. Entities (&amp; &lt; &gt;, exactly these) are decoded once, after the tokens are split off. slack-format.md 16.
"""

from __future__ import annotations

from migrator.model import (
    Block,
    Break,
    Broadcast,
    Code,
    ConversationMention,
    Date,
    Emoji,
    GroupMention,
    Inline,
    Link,
    Marks,
    MessageLink,
    Paragraph,
    Quote,
    Text,
    UnknownInline,
    UserMention,
)
from migrator.slack.context import Context, link
from migrator.slack.emoji import is_known, lookup

__all__ = ["decode", "inlines", "parse", "unwrap"]

FENCE = "```"
BOLD, ITALIC, STRIKE, CODE = (mark.value for mark in (Marks.BOLD, Marks.ITALIC, Marks.STRIKE, Marks.CODE))
_MARK_OF = {"*": BOLD, "_": ITALIC, "~": STRIKE}
_SPECIAL = frozenset("<*_~`:")
_RANGES = {"here": "here", "channel": "channel", "everyone": "everyone", "group": "channel"}


def decode(text: str) -> str:
    """The three entities of mrkdwn, once."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def parse(text: str, context: Context) -> tuple[Block, ...]:
    """A whole text. Never raises; what cannot be told stays as it is typed."""
    if not text:
        return ()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    out: list[Block] = []
    for kind, piece in _split_fences(text):
        if kind:
            out.append(Code(unwrap(piece)))
        else:
            _blocks(piece, context, out)
    return tuple(out)


def _split_fences(text: str) -> list[tuple[bool, str]]:
    """Fenced code and what is between: (is code, text). A fence without its end, or with nothing in it, is text."""
    pieces: list[tuple[bool, str]] = []
    position = 0
    while True:
        start = text.find(FENCE, position)
        if start < 0:
            break
        end = text.find(FENCE, start + 3)
        if end < 0:
            break
        while end + 3 < len(text) and text[end + 3] == "`":
            end += 1
        inner = text[start + 3 : end]
        if not inner.strip("\n"):
            # nothing between: keep looking behind, but leave these characters as text
            pieces.append((False, text[position : end + 3]))
            position = end + 3
            continue
        if before := text[position:start]:
            pieces.append((False, before.removesuffix("\n")))
        pieces.append((True, inner.removeprefix("\n")))
        position = end + 3
        if text.startswith("\n", position):
            position += 1
    if rest := text[position:]:
        pieces.append((False, rest))
    return _trim_code(pieces)


def _trim_code(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    return [(is_code, p[:-1] if is_code and p.endswith("\n") else p) for is_code, p in pieces]


def _blocks(text: str, context: Context, out: list[Block]) -> None:
    """Quotes and paragraphs of a text without fences."""
    lines = text.split("\n")
    plain: list[str] = []
    quoted: list[str] = []

    def flush() -> None:
        if plain:
            body = inlines("\n".join(plain), context)
            if body:
                out.append(Paragraph(body))
            plain.clear()
        if quoted:
            out.append(Quote((Paragraph(inlines("\n".join(quoted), context)),)))
            quoted.clear()

    for number, line in enumerate(lines):
        rest = line[4:] if line.startswith("&gt;") else line[1:] if line.startswith(">") else None
        if rest is None:
            if quoted:
                flush()
            plain.append(line)
            continue
        if plain:
            flush()
        if _is_triple(line):
            body = _after_triple(line)
            tail = [body, *lines[number + 1 :]]
            quoted.extend(tail)
            flush()
            return
        quoted.append(rest.removeprefix(" "))
    flush()


def _is_triple(line: str) -> bool:
    return line.startswith(("&gt;&gt;&gt;", ">>>"))


def _after_triple(line: str) -> str:
    rest = line[12:] if line.startswith("&gt;&gt;&gt;") else line[3:]
    return rest.removeprefix(" ")


# ── inlines ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def inlines(text: str, context: Context, marks: int = 0, *, plain: bool = False) -> tuple[Inline, ...]:
    """The inlines of some lines; "\\n" becomes Break. Leading and trailing empty lines are dropped.

    `plain`: only emoji are special, as in Block Kit's plain_text objects.
    """
    out: list[Inline] = []
    scanner = _PlainLine if plain else _Line
    for number, line in enumerate(text.strip("\n").split("\n")):
        if number:
            out.append(Break())
        scanner(line, context, marks, out).scan()
    return tuple(out)


class _Line:
    """One line: emphasis never crosses a line's end."""

    def __init__(self, line: str, context: Context, marks: int, out: list[Inline]) -> None:
        self.line, self.context, self.marks, self.out = line, context, marks, out
        self.open: list[str] = []  # markers that are open, innermost last
        self.buffer: list[str] = []
        self.closers = {m: _closers(line, m) for m in "*_~" if m in line}

    def scan(self) -> None:
        line, position, start = self.line, 0, 0
        length = len(line)
        while position < length:
            c = line[position]
            if c not in _SPECIAL:
                position += 1
                continue
            step = self._special(c, position, start)
            if step:
                position = start = position + step
            else:
                position += 1
        self._text(line[start:])
        self._flush()

    def _special(self, c: str, position: int, start: int) -> int:
        """Handle a special character; returns how many characters it took (0: it is plain text)."""
        if c == "<":
            return self._token(position, start)
        if c == "`":
            return self._code(position, start)
        if c == ":":
            return self._emoji(position, start)
        return self._marker(c, position, start)

    def _text(self, raw: str) -> None:
        if raw:
            self.buffer.append(raw)

    def _flush(self) -> None:
        if self.buffer:
            self.out.append(Text(decode("".join(self.buffer)), self.marks))
            self.buffer.clear()

    def _leaf(self, position: int, start: int, leaf: Inline) -> None:
        self._text(self.line[start:position])
        self._flush()
        self.out.append(leaf)

    def _token(self, position: int, start: int) -> int:
        end = _token_end(self.line, position)
        if end < 0:
            return 0
        leaf = _token_leaf(self.line[position + 1 : end], self.marks, self.context)
        if leaf is None:
            return 0
        self._leaf(position, start, leaf)
        return end + 1 - position

    def _code(self, position: int, start: int) -> int:
        line = self.line
        end = line.find("`", position + 1)
        if end < 0 or end == position + 1:
            return 0
        inner = unwrap(line[position + 1 : end])
        if not inner.strip():
            return 0
        self._leaf(position, start, Text(inner, self.marks | CODE))
        return end + 1 - position

    def _emoji(self, position: int, start: int) -> int:
        line = self.line
        end = line.find(":", position + 1, position + 102)
        if end <= position + 1:
            return 0
        name = line[position + 1 : end]
        if any(c.isspace() or c in "<>" for c in name):
            return 0
        if (
            line.startswith("::skin-tone-", end)
            and line[end + 12 : end + 13] in "23456"
            and line[end + 13 : end + 14] == ":"
        ):
            name, end = line[position + 1 : end + 13], end + 13
        if not is_known(name, self.context):
            return 0
        base, char, tone = lookup(name, self.context)
        self._leaf(position, start, Emoji(base, char, tone, self.marks))
        return end + 1 - position

    def _marker(self, c: str, position: int, start: int) -> int:
        line, bit = self.line, _MARK_OF[c]
        before, after = line[position - 1 : position], line[position + 1 : position + 2]
        if c in self.open:
            if before and not before.isspace() and _is_edge(after):
                self._text(line[start:position])
                self._flush()
                # an unclosed inner marker ends with the outer one: it was counted as closable, so this is rare
                while self.open:
                    inner = self.open.pop()
                    self.marks &= ~_MARK_OF[inner]
                    if inner == c:
                        break
                return 1
            return 0
        if self.marks & bit or not after or after.isspace() or after == c or not _is_edge(before):
            return 0
        if not self._closes(c, position):
            return 0
        self._text(line[start:position])
        self._flush()
        self.open.append(c)
        self.marks |= bit
        return 1

    def _closes(self, c: str, position: int) -> bool:
        """Whether a closing marker follows, inside the innermost open emphasis."""
        candidates = self.closers[c]
        while candidates and candidates[-1] <= position + 1:
            candidates.pop()
        if not candidates:
            return False
        if not self.open:
            return True
        outer = self.closers[self.open[-1]]
        while outer and outer[-1] <= position:
            outer.pop()
        return not outer or candidates[-1] < outer[-1]


class _PlainLine(_Line):
    """A line of a plain_text object: emoji, and nothing else."""

    def _special(self, c: str, position: int, start: int) -> int:
        return self._emoji(position, start) if c == ":" else 0

    def _flush(self) -> None:
        if self.buffer:
            self.out.append(Text("".join(self.buffer), self.marks))
            self.buffer.clear()


def _closers(line: str, marker: str) -> list[int]:
    """Positions where this marker could close, last first; code spans and tokens aside."""
    found: list[int] = []
    position, length, ticks_left = 0, len(line), True
    while position < length:
        c = line[position]
        if c == marker:
            if position and not line[position - 1].isspace() and _is_edge(line[position + 1 : position + 2]):
                found.append(position)
        elif c == "`" and ticks_left:
            end = line.find("`", position + 1)
            if end > position + 1:
                position = end
            elif end < 0:
                ticks_left = False
        elif c == "<" and _looks_like_token(line, position) and (end := _token_end(line, position)) > 0:
            position = end
        position += 1
    found.reverse()
    return found


def _token_end(line: str, position: int) -> int:
    """Where the token that begins here ends; -1 where another one begins first. Looks no further than that."""
    following = line.find("<", position + 1)
    return line.find(">", position + 1, following if following >= 0 else len(line))


def _looks_like_token(line: str, position: int) -> bool:
    following = line[position + 1 : position + 2]
    return following.isalpha() or following in ("@", "#", "!")


def _is_edge(c: str) -> bool:
    """What may stand outside an emphasis marker: nothing, space, punctuation, or a letter of a script without spaces."""
    return not c or not (c.isalnum()) or "\u2e80" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" or c > "\U00020000"


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _token_leaf(token: str, marks: int, context: Context) -> Inline | None:
    """What stands between < and >; None where it is not a token but text."""
    body, bar, label = token.partition("|")
    if not body:
        return None
    kind = body[0]
    if kind == "@":
        if body[1:] in _RANGES:
            return Broadcast(_RANGES[body[1:]], marks)
        return UserMention(body[1:], decode(label), marks) if _is_id(body[1:]) else None
    if kind == "#":
        return ConversationMention(body[1:], decode(label), marks) if _is_id(body[1:]) else None
    if kind == "!":
        return _special_mention(body[1:], decode(label), bool(bar), marks)
    if ":" not in body or body[0].isspace() or " " in body.partition(":")[0]:
        return None
    scheme = body.partition(":")[0]
    if not (scheme[:1].isalpha() and all(c.isalnum() or c in "+-." for c in scheme)):
        return None
    url = decode(body)
    text = inlines(label, Context(context.domain, context.emoji), marks) if label else ()
    if scheme in ("mailto", "tel") and decode(label) == url.partition(":")[2]:
        return Link(url, (Text(decode(label), marks),), marks)
    if label and decode(label) == url:
        text = ()
    return link(url, text, marks, context)


def _special_mention(body: str, label: str, labelled: bool, marks: int) -> Inline | None:
    if body in _RANGES:
        return Broadcast(_RANGES[body], marks)
    if body.startswith("subteam^"):
        return GroupMention(body[8:].partition("^")[0], label, marks)
    if body.startswith("date^"):
        pieces = body.split("^", 3)
        if len(pieces) >= 3 and pieces[1].lstrip("-").isdigit():
            return Date(int(pieces[1]), decode(pieces[2]), label, decode(pieces[3]) if len(pieces) > 3 else "", marks)
    if body.upper().startswith(("DOCTYPE", "--")):
        return None
    return UnknownInline(body.partition("^")[0], label if labelled else f"<{body}>", marks)


def _is_id(text: str) -> bool:
    return bool(text) and text.isalnum() and text.isascii()


def unwrap(text: str) -> str:
    """Code: tokens show their text (`<http://x|x>` is x), entities are decoded, everything else is as typed."""
    if "<" not in text:
        return decode(text)
    out: list[str] = []
    position = 0
    while True:
        start = text.find("<", position)
        if start < 0:
            break
        out.append(decode(text[position:start]))
        end = _token_end(text, start)
        if end < 0:
            out.append("<")
            position = start + 1
            continue
        token = text[start + 1 : end]
        leaf = None if "\n" in token else _token_leaf(token, 0, Context())
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
        return decode(label if label[:1] in "@#" else f"{body[0]}{label}")
    return decode(body if body[0] in "@#" else f"<{body}>")
