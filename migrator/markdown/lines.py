"""What stands on a line: words, marked runs, mentions, links. Leaves of the tree -> pieces -> a line of Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from migrator.ledger import Feature
from migrator.markdown.addresses import ADDRESS, HINT, TRAILING, in_brackets, is_bare
from migrator.markdown.dialect import BOLD, CODE, ITALIC, STRIKE, Dialect
from migrator.markdown.pieces import Piece, add_words, joined, spaces, ticks
from migrator.model import (
    Break,
    Broadcast,
    Color,
    ConversationMention,
    Date,
    Emoji,
    GroupMention,
    Inline,
    Link,
    Marks,
    MessageLink,
    Text,
    UnknownInline,
    UserMention,
)
from migrator.plain import linkable, shown, visible
from migrator.render import Job, label_leaves

__all__ = ["LineWriter"]

_MENTIONS = {
    UserMention: Feature.USER_MENTION,
    ConversationMention: Feature.CONVERSATION_MENTION,
    GroupMention: Feature.GROUP_MENTION,
}
_FEATURES = ((BOLD, Feature.BOLD), (ITALIC, Feature.ITALIC), (STRIKE, Feature.STRIKE), (CODE, Feature.INLINE_CODE))
_WRITTEN = BOLD | ITALIC | STRIKE | CODE  # the marks that Markdown has


class LineWriter(Dialect):
    """Writes lines; see `Dialect` for what a target says for itself."""

    def lines(self, inlines: Sequence[Inline], job: Job) -> list[str]:
        """Each line of a paragraph, disarmed at its beginning too."""
        if len(inlines) == 1 and type(leaf := inlines[0]) is Text and not leaf.marks and leaf.text.isprintable():
            return [self.escape_start(self.words(leaf.text, 0, job, False, ""))]  # as nearly every item and quote is
        rows: list[list[Piece]] = [[]]
        for leaf in inlines:
            if type(leaf) is Text and not leaf.marks:
                add_words(rows[-1], leaf.text, 0)
            elif type(leaf) is Break:
                rows.append([])
            else:
                self._add(leaf, rows, job)
        return [self.escape_start(self.written(row, job)) for row in rows]

    def line(self, inlines: Sequence[Inline], job: Job) -> str:
        """Everything on one line, as headings and cells need it."""
        rows: list[list[Piece]] = [[]]
        for leaf in inlines:
            if type(leaf) is Break:
                add_words(rows[0], " ", 0)
            else:
                self._add(leaf, rows, job)
                while len(rows) > 1:
                    more = rows.pop(1)
                    rows[0] += [Piece(0, " "), *more]
        return self.escape_start(self.written(rows[0], job))

    # ── leaves ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, leaf: Inline, rows: list[list[Piece]], job: Job) -> None:
        marks: int = leaf.marks  # type: ignore[union-attr]
        if marks & ~_WRITTEN:
            if marks & Marks.UNDERLINE:
                job.lose(Feature.UNDERLINE, "as plain text")
            if marks & Marks.HIGHLIGHT:
                job.lose(Feature.HIGHLIGHT, "as plain text")
            marks &= _WRITTEN
        kind = type(leaf)
        if kind is Text:
            add_words(rows[-1], leaf.text, marks)  # type: ignore[union-attr]
        elif kind is Link or kind is MessageLink:
            self._link(leaf, marks, rows[-1], job)  # type: ignore[arg-type]
        elif (source := _SPECIAL[kind](self, leaf, job)) is not None:
            if marks:
                self._lose_marks(marks, job, "not on mentions and pictures")
            rows[-1].append(Piece(0, "", source))
        else:
            self._add_shown(leaf, marks, rows, job)

    def _add_shown(self, leaf: Inline, marks: int, rows: list[list[Piece]], job: Job) -> None:
        """A leaf that is only its words."""
        text = shown(leaf, job.directory)
        url = leaf.url if isinstance(leaf, Date) else ""
        if url and linkable(url):
            label = [Text(" ".join(text.split()), marks)]
            rows[-1].append(Piece(0, "", self.anchor(url, self._label(label, job))))
            return
        if "\n" not in text:
            add_words(rows[-1], text, marks)
            return
        for index, line in enumerate(text.split("\n")):
            if index:
                rows.append([])
            add_words(rows[-1], line, marks)

    def _mention_source(self, leaf: UserMention | ConversationMention | GroupMention, job: Job) -> str | None:
        job.lookups += 1
        source = self._mentions[type(leaf)](leaf, job) if job.known is None else _measured(leaf, job)
        if source is None:
            job.lose(_MENTIONS[type(leaf)], "name as text")
        return source

    def _broadcast_source(self, leaf: Broadcast, job: Job) -> str | None:
        if (source := self.broadcast(leaf, job)) is None:
            job.lose(Feature.BROADCAST_MENTION, "word as text")
        return source

    def _emoji_source(self, leaf: Emoji, job: Job) -> str | None:
        if leaf.char:
            return None
        job.lookups += 1
        if job.known is not None:
            return _measured(leaf, job)
        name = self.custom_emoji(leaf.name, job)
        if name is None:
            job.lose(Feature.EMOJI_CUSTOM, "name as text")
        return name and f":{name}:"

    def _date_source(self, _leaf: Date, job: Job) -> None:
        job.lose(Feature.DATE, "as it was written")

    def _color_source(self, _leaf: Color, job: Job) -> None:
        job.lose(Feature.COLOR, "value without a swatch")

    def _unknown_source(self, leaf: UnknownInline, job: Job) -> None:
        job.lose(Feature.UNKNOWN, "as text" if leaf.fallback.strip() else "only its kind is named")

    def _lose_marks(self, marks: int, job: Job, note: str) -> None:
        for mark, feature in _FEATURES:
            if marks & mark:
                job.lose(feature, note)

    # ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _link(self, node: Link | MessageLink, marks: int, row: list[Piece], job: Job) -> None:
        url = node.url
        if isinstance(node, MessageLink):
            there = self.message_url(node.conversation, node.ts, job)
            if there is None:
                job.lose(Feature.MESSAGE_LINK, "leads back to the source")
            elif not node.label:
                row.append(Piece(0, "", self.anchor(there, self._label([Text(url, marks)], job))))
                return
            url = there or url
        label = label_leaves(node, job) if node.label else None
        if not (linkable(url) or url.startswith("/")):
            if isinstance(node, Link):
                job.lose(Feature.LINK, "address as text: no target links to its scheme")
            for leaf in label or (Text(node.url),):
                add_words(row, leaf.text, (leaf.marks | marks) & _WRITTEN)
            if label is not None and isinstance(node, Link):
                add_words(row, f" ({url})", marks)
            return
        if label is None and not marks and is_bare(url) and self.escape(url, 0, job) == url:
            source = url
        elif label is None:
            quiet = not marks and node.url.isprintable()
            source = self.anchor(url, self.disarm(url, job) if quiet else self._label([Text(node.url, marks)], job))
        else:
            leaves = [Text(leaf.text, leaf.marks | marks) for leaf in label] if marks else label
            source = self.anchor(url, self._label(leaves, job))
        row.append(Piece(0, "", source))

    def anchor(self, url: str, label: str) -> str:
        return f"[{label}]({in_brackets(url)})"

    def _label(self, leaves: Iterable[Text], job: Job) -> str:
        row: list[Piece] = []
        for leaf in leaves:
            add_words(row, leaf.text, leaf.marks & _WRITTEN)
        return self.written(row, job, label=True)

    # ── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def written(self, row: list[Piece], job: Job, label: bool = False) -> str:
        """A line: every piece escaped and marked, with gaps where pieces touch that may not."""
        if len(row) == 1 and not (piece := row[0]).marks and not piece.source:
            return self.words(piece.words, 0, job, label, "")
        out: list[str] = []
        before = ""  # the character that was written last
        row = joined(row)
        last = len(row) - 1
        for index, piece in enumerate(row):
            following = "" if index == last else (row[index + 1].source or row[index + 1].words)[0]
            if piece.source:
                more = self._glued(piece.source, before, following, job)
            elif piece.marks and visible(piece.words):
                touches = bool(following) and self._touches(row[index + 1])
                more = self._run(piece, before, following, touches, job, label)
            else:
                more = self.words(piece.words, 0, job, label, following)
            out.append(more)
            before = more[-1:] or before
        return "".join(out)

    def _run(self, piece: Piece, before: str, following: str, touches: bool, job: Job, label: bool) -> str:
        """A marked run. `touches`: what follows begins with a marker of its own."""
        words, marks = piece.words, piece.marks
        if marks & CODE:
            if self._in_table and "|" in words:
                job.lose(Feature.INLINE_CODE, "not around a bar in a table")
                marks &= ~CODE
            elif label and ("[" in words or "]" in words):
                job.lose(Feature.INLINE_CODE, "not around brackets in a link")
                marks &= ~CODE
            if not marks:
                return self.words(words, 0, job, label, following)
        body = words.strip()
        lead = tail = ""
        if len(body) != len(words):
            start = words.index(body)
            lead, tail = spaces(words[:start]), spaces(words[start + len(body) :])
            before = lead[-1:] or before
        if marks & CODE:
            run, outer = self.code_span(body), marks & ~CODE
            if outer and not self.marks_around_code(body):
                self._lose_marks(outer, job, "not on this code")
                outer = 0
        else:
            run, outer = self.words(body, marks, job, label, ""), marks
        if outer:
            run = self.mark(run, outer, before, tail[:1] or following)
        elif before in ("\\", "`"):
            run = self.gap + run
        return lead + run + (tail or (self.gap if touches else ""))

    def _touches(self, following: Piece) -> bool:
        """Whether the next piece begins with a marker of its own."""
        return bool(following.marks) and not following.words[:1].isspace()

    def _glued(self, source: str, before: str, after: str, job: Job) -> str:
        if source.startswith(("http:", "https:")):
            if (before and not before.isspace()) or (after and not after.isspace()):
                return f"[{self.disarm(source, job)}]({in_brackets(source)})"
            return source
        return self.glued(source, before, after)

    def code_span(self, text: str) -> str:
        bar = "`" * (ticks(text) + 1)
        return bar + ("" if text[0] != "`" else " ") + text + ("" if text[-1] != "`" else " ") + bar

    def words(self, text: str, marks: int, job: Job, label: bool, following: str) -> str:
        """Escaped words, with the addresses among them as they are, as links, or disarmed in a label.

        `following`: the character after them, which an address at their end would swallow.
        """
        if label:
            return self.disarm(text, job)
        doubt = self._doubts.search(text)
        if doubt is None:
            return text
        addresses = [*ADDRESS.finditer(text)] if HINT.search(text, doubt.start()) is not None else ()
        if not addresses:
            return self.escape(text, marks, job)
        tight = bool(following) and not following.isspace()
        out: list[str] = []
        at = 0
        for found in addresses:
            out.append(self.escape(text[at : found.start()], marks, job))
            word, at = found[0], found.end()
            escaped = self.escape(word, marks, job)
            if escaped == word and not marks and not (tight and at == len(text)):
                out.append(word)
                continue
            address = word.rstrip(TRAILING)
            if linkable(address) and word.isascii():
                rest = self.escape(word[len(address) :], marks, job)
                out.append(f"[{self.disarm(address, job)}]({in_brackets(address)}){rest}")
            else:
                out.append(self.disarm(word, job))
        return "".join(out) + self.escape(text[at:], marks, job)


def _measured(leaf: Inline, job: Job) -> str | None:
    """What no mention or emoji is longer than: a link whose label is all escapes."""
    return "@" + "x" * (120 + 8 * len(shown(leaf, job.directory))) if job.known else None


# What a leaf is that is more than words; None, with the loss noted, where it can only be words.
_SPECIAL: dict[type, Callable[[LineWriter, Any, Job], str | None]] = {
    UserMention: LineWriter._mention_source,
    ConversationMention: LineWriter._mention_source,
    GroupMention: LineWriter._mention_source,
    Broadcast: LineWriter._broadcast_source,
    Emoji: LineWriter._emoji_source,
    Date: LineWriter._date_source,
    Color: LineWriter._color_source,
    UnknownInline: LineWriter._unknown_source,
}
