"""What the Markdown dialects of Zulip and Mattermost have in common: runs of marked words, lists, tables, fences.

A run of leaves with equal marks is written as one marked run, one per line, with the white space at its ends outside
the markers; runs never nest, so that no renderer has to agree with another about what nested markers mean. Where two
runs touch, the dialect says what goes between. What a dialect would read as markup is disarmed by its `escape`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from msgspec import Struct, structs

from migrator.adapters.base import Directory
from migrator.ledger import Fate, Feature, Loss
from migrator.model import (
    Block,
    Break,
    Broadcast,
    Code,
    Color,
    ConversationMention,
    Date,
    Divider,
    Emoji,
    GroupMention,
    Heading,
    Inline,
    Link,
    List,
    Marks,
    MessageLink,
    Paragraph,
    Picture,
    Table,
    Text,
    UnknownInline,
    UserMention,
)
from migrator.pieces import (
    TICKS,
    Piece,
    add_words,
    dedented,
    fence,
    first,
    margin,
    merged,
    one_kind_of_line_end,
    simple,
    spaces,
)
from migrator.plain import clean, linkable, picture_label, plain, shown, visible
from migrator.render import Job, Writer, label_leaves

__all__ = ["MarkdownWriter", "Piece", "Rendered", "fence"]

BOLD, ITALIC, STRIKE, CODE = Marks.BOLD.value, Marks.ITALIC.value, Marks.STRIKE.value, Marks.CODE.value
_FEATURES = ((BOLD, Feature.BOLD), (ITALIC, Feature.ITALIC), (STRIKE, Feature.STRIKE))
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")
# Words that some target turns into a link by itself, so that escapes within them would be shown.
_ADDRESS = re.compile(
    r"[<\\:~@#&]?[A-Za-z][A-Za-z0-9+-]{0,40}:[/\w]\S*|www\d{0,3}\.\S+|(?<![^\s@])[^\s@]*\w\.\w{2,}\S*", re.ASCII
)
# Addresses that every target links as they stand: a common or national domain, nothing unusual after it.
_BARE = re.compile(
    r"https?://(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|info|dev|app|[a-z]{2})(?::\d+)?"
    r"(?:/(?:[A-Za-z0-9/_.?=%+#-]|&(?![#\w]+;))*[A-Za-z0-9/])?",
    re.ASCII,
)
_TRAILING = ".,;:!?'\")]}>*_~"
_UNSAFE_IN_URL = {ord(c): f"%{ord(c):02X}" for c in ' ()<>*`"\\|[]$^{}\t'}


class Rendered(Struct, frozen=True):
    """One post: its Markdown, the words a reader sees (what verify expects back), and what is not lossless."""

    source: str
    plain: str
    losses: tuple[Loss, ...] = ()


class MarkdownWriter(Writer):
    """A dialect names its `gap`, escapes and mentions; see the subclasses."""

    separator: ClassVar[str] = "\n\n"
    gap: ClassVar[str] = "\u200b"  # between two runs that touch
    blank_before_number: ClassVar[bool] = False  # a nested list that does not count from 1 needs a line before it
    plain_languages: ClassVar[frozenset[str]] = frozenset()  # fence words that mean something else than a language
    suspects: ClassVar[re.Pattern[str]]  # the characters with which anything begins that `escape` might change
    starts: ClassVar[re.Pattern[str]]  # matches whatever `escape_start` might change

    def __init__(self) -> None:
        super().__init__()
        self._in_table = False  # a bar ends a cell there, whatever it stands in

    # ── a dialect's own ─────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def escape(self, text: str, marks: int, job: Job) -> str:
        """Words of one line as they are to be shown, within a run that carries `marks`."""

    @abstractmethod
    def escape_start(self, line: str) -> str:
        """Disarm what is markup at the beginning of a written line."""

    @abstractmethod
    def disarm(self, address: str, job: Job) -> str:
        """An address as words that the target does not link."""

    @abstractmethod
    def mark(self, text: str, marks: int, before: str, after: str) -> str:
        """A run between its markers; `before` and `after` are the characters next to it ("" at an end of the line)."""

    @abstractmethod
    def user(self, node: UserMention, job: Job) -> str | None:
        """A mention; None where it can only be a name."""

    @abstractmethod
    def conversation(self, node: ConversationMention, job: Job) -> str | None: ...

    @abstractmethod
    def broadcast(self, node: Broadcast, job: Job) -> str | None: ...

    @abstractmethod
    def emoji(self, node: Emoji, job: Job) -> str | None:
        """A custom emoji; None where the target does not have it."""

    def glued(self, source: str, before: str, after: str) -> str:
        """A mention, link or emoji with what must stand between it and its neighbours."""
        return source

    # ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, blocks: Sequence[Block], directory: Directory) -> Rendered:
        """The whole message as one post, however long."""
        text = simple(blocks)
        if text and self.suspects.search(text) is None and not any(map(self.starts.match, text.split("\n"))):
            return Rendered(text, text)
        job = Job(directory)
        source = clean(self.blocks(blocks, job))
        return Rendered(source, plain(blocks, directory), job.losses)

    def parts(self, blocks: Sequence[Block], directory: Directory, limit: int) -> list[Rendered]:
        """As many posts as needed for each to have at most `limit` characters (0: no limit). At least one.

        All losses stand with the first post.
        """
        whole = self.write(blocks, directory)
        if not limit or len(whole.source) <= limit:
            return [whole]
        pieces = self.divided(blocks, directory, lambda some: len(self.write(some, directory).source) <= limit)
        out = [self.write(piece, directory) for piece in pieces]
        split = Loss(Feature.LONG_TEXT, Fate.APPROXIMATED, "in several posts")
        return [
            structs.replace(part, losses=(*whole.losses, split) if index == 0 else ()) for index, part in enumerate(out)
        ]

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def blocks(self, nodes: Iterable[Block], job: Job) -> str:
        """As every writer, with something between two lists: renderers would make one of them."""
        out: list[str] = []
        after_list = False
        for node in nodes:
            if not (text := self.block(node, job)):
                continue
            is_list = isinstance(node, List)
            if is_list and after_list:
                out.append("\u200b")
            out.append(text)
            after_list = is_list
        return self.separator.join(out)

    def paragraph(self, node: Paragraph, job: Job) -> str:
        lines = self.lines(node.inlines, job)
        while lines and not visible(lines[-1]):
            lines.pop()
        while lines and not visible(lines[0]):
            lines.pop(0)
        return "\n".join(lines)

    def heading(self, node: Heading, job: Job) -> str:
        text = self.line(node.inlines, job)
        if not visible(text):
            return ""
        if text.endswith("#"):
            text = text.removesuffix("#").removesuffix("\\") + "&#35;"
        return "#" * min(max(node.level, 1), 6) + " " + text

    def code(self, node: Code, job: Job) -> str:
        language = node.language if _LANGUAGE.fullmatch(node.language) else ""
        if language.lower() in self.plain_languages:
            language = ""
        bar = fence(node.text)
        return f"{bar}{language}\n{one_kind_of_line_end(node.text)}\n{bar}"

    def divider(self, node: Divider, job: Job) -> str:
        return "---"

    def picture(self, node: Picture, job: Job) -> str:
        job.lose(Feature.PICTURE, "as a link")
        label = " ".join(picture_label(node).split())
        if not visible(label):
            label = "\u200b"
        if not linkable(node.url):
            return self.escape_start(self._words(label, 0, job, label=False))
        return self.glued(self._anchor(node.url, self._label([Text(label)], job)), "", "")

    def table(self, node: Table, job: Job) -> str:
        width = max(map(len, node.rows), default=0)
        if not width:
            return ""
        rows = [[self.cell(cell, job) for cell in row] + [""] * (width - len(row)) for row in node.rows]
        bars = {"left": ":--", "center": ":-:", "right": "--:"}
        align = [bars.get(align, "---") for align in node.align[:width]]
        rows.insert(1, align + ["---"] * (width - len(align)))
        if len(rows) == 2:
            rows.append([""] * width)  # a header alone is no table
        return "\n".join(["| " + " | ".join(row) + " |" for row in rows])

    def cell(self, cell: Sequence[Inline], job: Job) -> str:
        self._in_table = True
        try:
            return self.line(cell, job).replace("|", "&#124;").strip()
        finally:
            self._in_table = False

    def list_(self, node: List, job: Job) -> str:
        out: list[str] = []
        lines: list[str] = []
        for line, stands_alone in self._listed(node, "", job):
            if not stands_alone:
                if lines and line and margin(line) < margin(lines[0]):
                    out.append(dedented(lines))
                    lines = []
                lines.append(line)
                continue
            out += [dedented(lines), line] if lines else [line]
            lines = []
        if lines:
            out.append(dedented(lines))
        return self.separator.join(out)

    def _listed(self, node: List, indent: str, job: Job) -> Iterator[tuple[str, bool]]:
        """The lines of a list; blocks that no renderer keeps within an item come by themselves (True)."""
        for number, item in enumerate(node.items, node.start):
            marker = f"{number}. " if node.ordered else "* "
            inner = indent + self.item_indent(marker)
            lead = indent + marker
            broken = False
            last: Block | None = None
            for block in item.blocks:
                if isinstance(block, List):
                    if lead:
                        yield lead + "\u200b", False
                        lead = ""
                    if isinstance(last, List) and last.ordered is not block.ordered and not broken:
                        job.lose(Feature.LIST, "interrupted: bullets and numbers on one level")
                        broken = True
                        yield "\u200b", True
                    if block.ordered and block.start != 1 and self.blank_before_number and not broken:
                        yield "", False
                    yield from self._listed(block, inner, job)
                elif isinstance(block, Paragraph | Heading):
                    for line in filter(visible, self.lines(block.inlines, job)):
                        yield (line, True) if broken else ((lead or inner) + line, False)
                        lead = ""
                elif text := self.block(block, job):
                    if lead:
                        yield lead + "\u200b", False
                        lead = ""
                    if not broken:
                        job.lose(Feature.LIST, "interrupted by what cannot stand in an item")
                    broken = True
                    yield text, True
                last = block
            if lead:
                yield lead + "\u200b", False

    def item_indent(self, marker: str) -> str:
        return " " * len(marker)

    # ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def lines(self, inlines: Sequence[Inline], job: Job) -> list[str]:
        """Each line of a paragraph, disarmed at its beginning too."""
        rows: list[list[Piece]] = [[]]
        for leaf in inlines:
            if type(leaf) is Break:
                rows.append([])
            else:
                self._add(leaf, rows, job)
        return [self.escape_start(self.written(row, job)) for row in rows]

    def line(self, inlines: Sequence[Inline], job: Job) -> str:
        """Everything on one line, as headings and cells need it."""
        row: list[list[Piece]] = [[]]
        for leaf in inlines:
            if type(leaf) is Break:
                add_words(row, " ", 0)
            else:
                self._add(leaf, row, job)
                while len(row) > 1:
                    more = row.pop()
                    row[-1] = [*row[-1], Piece(0, " "), *more]
        return self.escape_start(self.written(row[0], job))

    def _add(self, leaf: Inline, rows: list[list[Piece]], job: Job) -> None:
        marks: int = leaf.marks  # type: ignore[union-attr]
        if marks & ~(BOLD | ITALIC | STRIKE | CODE):
            if marks & Marks.UNDERLINE:
                job.lose(Feature.UNDERLINE, "as plain text")
            if marks & Marks.HIGHLIGHT:
                job.lose(Feature.HIGHLIGHT, "as plain text")
            marks &= BOLD | ITALIC | STRIKE | CODE
        kind = type(leaf)
        if kind is Text:
            add_words(rows, leaf.text, marks)  # type: ignore[union-attr]
        elif kind is Link or kind is MessageLink:
            self._link(leaf, marks, rows, job)  # type: ignore[arg-type]
        elif (source := self._special(leaf, job)) is not None:
            self._unmarked(marks, job)
            rows[-1].append(Piece(0, source=source))
        else:
            text = shown(leaf, job.directory)
            url = leaf.url if isinstance(leaf, Date) else ""
            if url and linkable(url):
                label = [Text(" ".join(text.split()), marks)]
                rows[-1].append(Piece(0, source=self._anchor(url, self._label(label, job))))
                return
            for index, line in enumerate(text.split("\n")):
                if index:
                    rows.append([])
                if line:
                    add_words(rows, line, marks)

    def _special(self, leaf: Inline, job: Job) -> str | None:
        """The source of a leaf that is more than words; None, with the loss noted, where it can only be words."""
        source: str | None = None
        if isinstance(leaf, UserMention):
            if (source := self.user(leaf, job)) is None:
                job.lose(Feature.USER_MENTION, "name as text")
        elif isinstance(leaf, ConversationMention):
            if (source := self.conversation(leaf, job)) is None:
                job.lose(Feature.CONVERSATION_MENTION, "name as text")
        elif isinstance(leaf, GroupMention):
            job.lose(Feature.GROUP_MENTION, "name as text")
        elif isinstance(leaf, Broadcast):
            if (source := self.broadcast(leaf, job)) is None:
                job.lose(Feature.BROADCAST_MENTION, "word as text")
        elif isinstance(leaf, Emoji):
            if not leaf.char and (source := self.emoji(leaf, job)) is None:
                job.lose(Feature.EMOJI_CUSTOM, "name as text")
        elif isinstance(leaf, Date):
            job.lose(Feature.DATE, "as it was written")
        elif isinstance(leaf, Color):
            job.lose(Feature.COLOR, "value without a swatch")
        elif isinstance(leaf, UnknownInline):
            job.lose(Feature.UNKNOWN, "as text" if leaf.fallback.strip() else "only its kind is named")
        return source

    def _unmarked(self, marks: int, job: Job) -> None:
        for mark, feature in (*_FEATURES, (CODE, Feature.INLINE_CODE)):
            if marks & mark:
                job.lose(feature, "not on mentions and pictures")

    # ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _link(self, node: Link | MessageLink, marks: int, rows: list[list[Piece]], job: Job) -> None:
        url = node.url
        if isinstance(node, MessageLink):
            there = self.message_url(node.conversation, node.ts, job)
            if there is None:
                job.lose(Feature.MESSAGE_LINK, "leads back to the source")
            elif not node.label:
                rows[-1].append(Piece(0, source=self._anchor(there, self._label([Text(url, marks)], job))))
                return
            url = there or url
        label = label_leaves(node, job)
        if there_is_no_link := not (linkable(url) or url.startswith("/")):
            if isinstance(node, Link):
                job.lose(Feature.LINK, "address as text: no target links to its scheme")
            for leaf in label or (Text(node.url),):
                add_words(rows, leaf.text, self._known(leaf.marks | marks))
            if label is not None and isinstance(node, Link):
                add_words(rows, f" ({url})", marks)
        if there_is_no_link:
            return
        if label is None and not marks and _BARE.fullmatch(url) and self.escape(url, 0, job) == url:
            rows[-1].append(Piece(0, source=url))
            return
        leaves = [Text(leaf.text, leaf.marks | marks) for leaf in label or (Text(node.url),)]
        rows[-1].append(Piece(0, source=self._anchor(url, self._label(leaves, job))))

    def _known(self, marks: int) -> int:
        return marks & (BOLD | ITALIC | STRIKE | CODE)

    def _anchor(self, url: str, label: str) -> str:
        return f"[{label}]({self.address(url)})"

    def address(self, url: str) -> str:
        """An address as it stands in the brackets of a link: without what could end it or be read as markup."""
        return url.translate(_UNSAFE_IN_URL)

    def _label(self, leaves: Iterable[Text], job: Job) -> str:
        row: list[list[Piece]] = [[]]
        for leaf in leaves:
            add_words(row, leaf.text, self._known(leaf.marks))
        return self.written(row[0], job, label=True)

    # ── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def written(self, row: list[Piece], job: Job, label: bool = False) -> str:
        """A line: every piece escaped and marked, with gaps where pieces touch that may not."""
        row = list(merged(row))
        out = ""
        for index, piece in enumerate(row):
            following = first(row[index + 1]) if index + 1 < len(row) else ""
            if piece.source:
                out += self._glued(piece.source, out[-1:], following)
                continue
            words = piece.words
            marks = piece.marks
            if marks & CODE and self._in_table and "|" in words:
                job.lose(Feature.INLINE_CODE, "not around a bar in a table")
                marks &= ~CODE
            if marks & CODE and label and ("[" in words or "]" in words):
                job.lose(Feature.INLINE_CODE, "not around brackets in a link")
                marks &= ~CODE
            if not marks or not visible(words):
                out += self._words(words, 0, job, label, tight=bool(following.strip()))
                continue
            body = words.strip()
            start = words.index(body)
            lead, tail = spaces(words[:start]), spaces(words[start + len(body) :])
            out += lead
            if marks & CODE:
                run = self.code_span(body if lead or tail else words)
                outer = marks & ~CODE
                if outer and not self.marks_around_code(body):
                    self._lose_marks(outer, job)
                    outer = 0
            else:
                run, outer = self._words(body, marks, job, label), marks
            after = tail[:1] or following
            if outer:
                run = self.mark(run, outer, out[-1:], after)
            elif out[-1:] in ("\\", "`"):
                run = self.gap + run
            out += run + tail
            if following and not tail and index + 1 < len(row) and self._touches(row[index + 1]):
                out += self.gap
        return out

    def _touches(self, following: Piece) -> bool:
        """Whether the next piece begins with a marker of its own."""
        return bool(following.marks) and not following.words[:1].isspace()

    def _glued(self, source: str, before: str, after: str) -> str:
        if source.startswith(("http:", "https:")):
            if (before and not before.isspace()) or (after and not after.isspace()):
                return f"[{self.disarm(source, _NO_JOB)}]({self.address(source)})"
            return source
        return self.glued(source, before, after)

    def _lose_marks(self, marks: int, job: Job) -> None:
        for mark, feature in _FEATURES:
            if marks & mark:
                job.lose(feature, "not on this code")

    def marks_around_code(self, code: str) -> bool:
        return True

    def code_span(self, text: str) -> str:
        ticks = "`"
        if "`" in text:
            ticks = "`" * (max(len(run) for run in TICKS.findall(text)) + 1)
            text = ("" if text[0] != "`" else " ") + text + ("" if text[-1] != "`" else " ")
        return ticks + text + ticks

    def _words(self, text: str, marks: int, job: Job, label: bool, tight: bool = False) -> str:
        """Escaped words, with the addresses among them as they are, as links, or disarmed in a label.

        `tight`: something follows that an address at the end would swallow.
        """
        if label:
            return self.disarm(text, job)
        if not marks and not tight and self.suspects.search(text) is None:
            return text
        if _ADDRESS.search(text) is None:
            return self.escape(text, marks, job)
        out = ""
        at = 0
        for found in _ADDRESS.finditer(text):
            out += self.escape(text[at : found.start()], marks, job)
            word = found.group()
            at = found.end()
            escaped = self.escape(word, marks, job)
            if escaped == word and not marks and not (tight and at == len(text)):
                out += word
                continue
            address = word.rstrip(_TRAILING)
            if linkable(address) and word.isascii():
                rest = self.escape(word[len(address) :], marks, job)
                out += f"[{self.disarm(address, job)}]({self.address(address)}){rest}"
            else:
                out += self.disarm(word, job)
        return out + self.escape(text[at:], marks, job)


class _Nobody:
    def remote_emoji(self, _name: str) -> None:
        return None


_NO_JOB = Job(_Nobody())  # type: ignore[arg-type]
