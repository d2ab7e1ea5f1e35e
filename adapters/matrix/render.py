"""Matrix: `body` and `formatted_body` (client-server spec 11.3.1.1 "m.room.message msgtypes", org.matrix.custom.html).

Pure. HTML keeps to the spec's list of tags and attributes. `body` is its plain twin, which search indexes and clients
without HTML show. Where HTML would say nothing more than `body`, there is none: that saves 40 % of an event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from migrator.adapters.base import Directory, RemoteId
from migrator.adapters.matrix.body import body
from migrator.adapters.matrix.read import read
from migrator.ledger import Fate, Feature, Loss
from migrator.model import (
    Block,
    Break,
    Broadcast,
    Code,
    Color,
    ConversationId,
    ConversationMention,
    Date,
    Divider,
    Emoji,
    GroupMention,
    Heading,
    Inline,
    Item,
    Link,
    List,
    Marks,
    MessageLink,
    Paragraph,
    Picture,
    Quote,
    Table,
    Text,
    Ts,
    UnknownInline,
    UserId,
    UserMention,
)
from migrator.plain import clean, linkable, picture_label, plain, shown
from migrator.render import Job, Writer, label_leaves

__all__ = ["MatrixWriter", "Rendered", "read"]

# Outermost first: what is open longest stands outside, code always innermost.
_TAGS: tuple[tuple[int, str, str], ...] = (
    (Marks.BOLD.value, "<strong>", "</strong>"),
    (Marks.ITALIC.value, "<em>", "</em>"),
    (Marks.STRIKE.value, "<del>", "</del>"),
    (Marks.UNDERLINE.value, "<u>", "</u>"),
    (Marks.HIGHLIGHT.value, '<span data-mx-bg-color="#fff3c4" data-mx-color="#1d1c1d">', "</span>"),
    (Marks.CODE.value, "<code>", "</code>"),
)
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")
_JSON = msgspec.json.Encoder()


class Rendered(Struct, frozen=True, gc=False):
    """One event's text. `html` is None where it would add nothing to `body`.

    `mentions` are those to be notified by m.mentions: always nobody, for this is history. Leave m.mentions out
    altogether: an empty one costs Synapse 1.4 ms an event (facts/matrix.md 0.9). `plain` is what verify expects.
    """

    body: str
    html: str | None
    mentions: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    plain: str = ""


class MatrixWriter(Writer):
    """Remote ids are Matrix ids: "@user:server", "!room:server" or "#alias:server", "$event", "mxc://…" for emoji.

    `via` names servers through which rooms can be found (room ids of version 12 do not name one).
    """

    separator: ClassVar[str] = ""

    def __init__(self, via: Sequence[str] = ()) -> None:
        super().__init__()
        self._via = "?" + urlencode([("via", server) for server in via]) if via else ""
        self._inlines: dict[type, Callable[[Any, Job], str]] = {
            Text: _text,
            Link: self._link,
            UserMention: _user,
            ConversationMention: self._conversation,
            GroupMention: _group,
            Broadcast: _broadcast,
            Emoji: _emoji,
            Date: _date,
            Color: _color,
            MessageLink: self._message_link,
            UnknownInline: _unknown,
        }

    def write(self, blocks: Sequence[Block], directory: Directory) -> Rendered:
        """The whole message as one event, however long."""
        return _as_words(blocks) or self._written(blocks, Job(directory))

    def _written(self, blocks: Sequence[Block], job: Job) -> Rendered:
        directory = job.directory
        html = self._html(blocks, job)
        return Rendered(clean(body(blocks, directory)), html, (), job.losses, plain(blocks, directory))

    def parts(self, blocks: Sequence[Block], directory: Directory, limit_bytes: int) -> list[Rendered]:
        """As many events as needed for body and formatted_body together to take `limit_bytes` of JSON each, at most.

        Where it divides hangs on names only, never on remote ids: plan, run and verify, which know none, some and all
        of them, must agree on the posts of a message. All losses stand with the first part.
        """
        whole, lookups = _as_words(blocks), 0
        if whole is None:
            job = Job(directory)
            whole, lookups = self._written(blocks, job), job.lookups
        if 6 * (len(whole.body) + len(whole.html or "") + _WIDEST * lookups) <= limit_bytes:
            return [whole]
        widest = _Widest(directory)
        if _fits(self.write(blocks, widest), limit_bytes):
            return [whole]
        pieces = self.divided(blocks, directory, lambda some: _fits(self.write(some, widest), limit_bytes), limit_bytes)
        out = [self.write(piece, directory) for piece in pieces]
        split = Loss(Feature.LONG_TEXT, Fate.APPROXIMATED, "in several posts")
        return [
            msgspec.structs.replace(part, losses=(*whole.losses, split) if index == 0 else ())
            for index, part in enumerate(out)
        ]

    def message_url(self, conversation: ConversationId, ts: Ts, job: Job) -> str | None:
        job.lookups += 1
        room = job.directory.remote_conversation(conversation)
        event = job.directory.remote_post(conversation, ts) if room else None
        return f"{_matrix_to(room)}/{quote(event, safe='$')}{self._via}" if room and event else None

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _html(self, blocks: Sequence[Block], job: Job) -> str:
        if len(blocks) == 1 and type(blocks[0]) is Paragraph:
            return clean(self.inlines(blocks[0].inlines, job))
        return clean(self.blocks(blocks, job))

    def paragraph(self, node: Paragraph, job: Job) -> str:
        text = self.inlines(node.inlines, job)
        return f"<p>{text}</p>" if text else ""

    def heading(self, node: Heading, job: Job) -> str:
        level = min(max(node.level, 1), 6)
        return f"<h{level}>{self.inlines(node.inlines, job)}</h{level}>"

    def list_(self, node: List, job: Job) -> str:
        items = "".join([f"<li>{self._item(item, job)}</li>" for item in node.items])
        if not node.ordered:
            return f"<ul>{items}</ul>"
        return f'<ol start="{node.start}">{items}</ol>' if node.start != 1 else f"<ol>{items}</ol>"

    def _item(self, item: Item, job: Job) -> str:
        if item.blocks and type(first := item.blocks[0]) is Paragraph:
            return self.inlines(first.inlines, job) + self.blocks(item.blocks[1:], job)
        return self.blocks(item.blocks, job)

    def quote(self, node: Quote, job: Job) -> str:
        return f"<blockquote>{self.blocks(node.blocks, job)}</blockquote>"

    def code(self, node: Code, job: Job) -> str:
        language = f' class="language-{node.language}"' if _LANGUAGE.fullmatch(node.language) else ""
        return f"<pre><code{language}>{escape(node.text, quote=False)}</code></pre>"

    def divider(self, node: Divider, job: Job) -> str:
        return "<hr>"

    def table(self, node: Table, job: Job) -> str:
        if any(node.align):
            job.lose(Feature.TABLE, "columns are aligned to the left")
        rows = ["<tr>" + "".join([self._cell(cell, tag, job) for cell in row]) + "</tr>" for tag, row in _tagged(node)]
        head, rest = rows[:1], "".join(rows[1:])
        return f"<table><thead>{''.join(head)}</thead>" + (f"<tbody>{rest}</tbody></table>" if rest else "</table>")

    def _cell(self, cell: tuple[Inline, ...], tag: str, job: Job) -> str:
        return f"<{tag}>{self.inlines(cell, job)}</{tag}>"

    def picture(self, node: Picture, job: Job) -> str:
        job.lose(Feature.PICTURE, "as a link")
        label = escape(picture_label(node), quote=False)
        return f"<p>{_anchor(node.url, label)}</p>" if linkable(node.url) else f"<p>{label}</p>"

    # ── leaves ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def inlines(self, inlines: Sequence[Inline], job: Job) -> str:
        """Runs of leaves with the marks they have in common opened once."""
        out: list[str] = []
        open_: list[tuple[int, str]] = []
        write = self._inlines
        current = breaks = 0
        for leaf in inlines:
            if isinstance(leaf, Break):
                breaks += 1
                continue
            if leaf.marks != current or breaks:
                if open_:
                    _turn(open_, current & leaf.marks, out)
                if breaks:
                    out.append("<br>" * breaks)
                    breaks = 0
                current = leaf.marks
                _turn(open_, current, out)
            out.append(write[type(leaf)](leaf, job))
        if open_:
            _turn(open_, 0, out)
        if breaks:
            out.append("<br>" * breaks)
        return "".join(out)

    def _label(self, node: Link | MessageLink, job: Job) -> str:
        """The label's own marks only: those of the link stand around it."""
        leaves = label_leaves(node, job)
        if leaves is None:
            return _words(node.url)
        return self.inlines([Text(leaf.text, leaf.marks & ~node.marks) for leaf in leaves], job)

    def _link(self, node: Link, job: Job) -> str:
        if linkable(node.url):
            return _anchor(node.url, self._label(node, job))
        job.lose(Feature.LINK, "address as text: no target links to its scheme")
        label = label_leaves(node, job)
        return _words(node.url) if label is None else f"{self._label(node, job)} ({_words(node.url)})"

    def _message_link(self, node: MessageLink, job: Job) -> str:
        url = self.message_url(node.conversation, node.ts, job)
        if url is None:
            job.lose(Feature.MESSAGE_LINK, "leads back to the source")
            url = node.url
        label = self._label(node, job)
        return _anchor(url, label) if linkable(url) else label

    def _conversation(self, node: ConversationMention, job: Job) -> str:
        job.lookups += 1
        text = _words(shown(node, job.directory))
        room = job.directory.remote_conversation(node.conversation)
        if room is None:
            job.lose(Feature.CONVERSATION_MENTION, "name as text")
            return text
        return _anchor(_matrix_to(room) + ("" if room.startswith("#") else self._via), text)


class _Widest:
    """The names of a directory, and for everything a remote id as wide as they come."""

    def __init__(self, directory: Directory) -> None:
        self.user_name, self.conversation_name = directory.user_name, directory.conversation_name
        self.group_name, self.conversation_kind = directory.group_name, directory.conversation_kind

    def remote_user(self, user: UserId) -> RemoteId | None:
        return "@" + "x" * 150

    def remote_conversation(self, conversation: ConversationId) -> RemoteId | None:
        return "!" + "x" * 100

    def remote_post(self, conversation: ConversationId, ts: Ts) -> RemoteId | None:
        return "$" + "x" * 50

    def remote_emoji(self, name: str) -> RemoteId | None:
        return "mxc://" + "x" * 150


_WIDEST = 400  # characters that one of these adds to HTML, at most


def _as_words(blocks: Sequence[Block]) -> Rendered | None:
    """A message that is nothing but words; None where HTML has more to say."""
    paragraphs = []
    for block in blocks:
        text = _words_alone(block.inlines) if type(block) is Paragraph else None
        if text is None:
            return None
        paragraphs.append(text)
    text = clean(paragraphs[0] if len(paragraphs) == 1 else "\n\n".join(filter(None, paragraphs)))
    return Rendered(text, None, (), (), text)


def _words_alone(inlines: Sequence[Inline]) -> str | None:
    words = []
    for leaf in inlines:
        if type(leaf) is Text:
            if leaf.marks:
                return None
            words.append(leaf.text)
        elif type(leaf) is Emoji:
            if leaf.marks or not leaf.char:
                return None
            words.append(leaf.char)
        elif type(leaf) is Break:
            words.append("\n")
        else:
            return None
    return words[0] if len(words) == 1 else "".join(words)


def _turn(open_: list[tuple[int, str]], marks: int, out: list[str]) -> None:
    """Close and open tags until exactly `marks` are open, in the order of `_TAGS`."""
    keep = 0
    while keep < len(open_) and open_[keep][0] & marks:
        keep += 1
    while len(open_) > keep:
        out.append(open_.pop()[1])
    have = 0
    for mark, _ in open_:
        have |= mark
    for mark, start, end in _TAGS:
        if mark & marks & ~have:
            open_.append((mark, end))
            out.append(start)


def _words(text: str) -> str:
    """Escaped; runs of spaces are kept from collapsing."""
    if "  " in text:
        text = text.replace("  ", " \u00a0")
    return escape(text, quote=False)


def _text(node: Text, _job: Job) -> str:
    return _words(node.text)


def _user(node: UserMention, job: Job) -> str:
    job.lookups += 1
    text = _words(shown(node, job.directory))
    user = job.directory.remote_user(node.user)
    if user is None:
        job.lose(Feature.USER_MENTION, "name as text")
        return text
    return _anchor(_matrix_to(user), text)


def _group(node: GroupMention, job: Job) -> str:
    job.lose(Feature.GROUP_MENTION, "name as text")
    return _words(shown(node, job.directory))


def _broadcast(node: Broadcast, job: Job) -> str:
    job.lose(Feature.BROADCAST_MENTION, "word as text")
    return _words(shown(node, job.directory))


def _emoji(node: Emoji, job: Job) -> str:
    if node.char:
        return _words(node.char)
    name = escape(f":{node.name}:")
    job.lookups += 1
    image = job.directory.remote_emoji(node.name)
    if image is None or not image.startswith("mxc://"):
        job.lose(Feature.EMOJI_CUSTOM, "name as text")
        return name
    return f'<img data-mx-emoticon src="{escape(image)}" alt="{name}" title="{name}" height="32">'


def _date(node: Date, job: Job) -> str:
    job.lose(Feature.DATE, "as it was written")
    text = _words(shown(node, job.directory)).replace("\n", "<br>")
    return _anchor(node.url, text) if node.url and linkable(node.url) else text


def _color(node: Color, _job: Job) -> str:
    """The swatch is the ground behind its own value, written in whichever of black and white can be read on it."""
    if not _HEX.fullmatch(node.value):
        return _words(node.value)
    red, green, blue = (int(node.value[i : i + 2], 16) for i in (1, 3, 5))
    ink = "#000000" if 299 * red + 587 * green + 114 * blue > 128_000 else "#ffffff"
    return f'<span data-mx-bg-color="{node.value}" data-mx-color="{ink}">{node.value}</span>'


def _unknown(node: UnknownInline, job: Job) -> str:
    job.lose(Feature.UNKNOWN, "as text" if node.fallback.strip() else "only its kind is named")
    return _words(shown(node, job.directory)).replace("\n", "<br>")


def _anchor(url: str, label: str) -> str:
    return f'<a href="{escape(url)}">{label}</a>'


@lru_cache(maxsize=4096)
def _matrix_to(remote: str) -> str:
    return "https://matrix.to/#/" + quote(remote, safe="@:!$=+~_.-")


def _tagged(node: Table) -> list[tuple[str, tuple[tuple[Inline, ...], ...]]]:
    return [("td" if index else "th", row) for index, row in enumerate(node.rows)]


def _fits(part: Rendered, limit: int) -> bool:
    if 6 * (len(part.body) + len(part.html or "")) <= limit:
        return True
    return len(_JSON.encode((part.body, part.html))) <= limit
