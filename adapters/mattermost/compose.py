"""A message as posts of this server: its text cut to size, what stands for missing files, type and props. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from migrator.adapters.base import Composed, Directory, Draft, Limits
from migrator.adapters.mattermost.book import Book
from migrator.adapters.mattermost.emoji import reaction_name
from migrator.adapters.mattermost.render import MattermostWriter, Rendered
from migrator.ledger import Fate, Feature, Loss
from migrator.model import (
    Block,
    EventKind,
    File,
    FileMode,
    Link,
    Local,
    Message,
    MessageKind,
    Paragraph,
    Text,
    micros,
)
from migrator.plain import linkable

__all__ = ["FILES_PER_POST", "MAX_TEXT", "Content", "compose", "has_bytes", "writer_for"]

MAX_TEXT = 16_383  # characters of a post where the server's own limit is not known (model.PostMessageMaxRunesV2)
FILES_PER_POST = 10  # ten ids fill the column (PostFileidsMaxRunes)
CALL = "custom_calls"  # a post of the calls plugin; without it clients show the text
_TYPES: Mapping[EventKind, str] = {
    EventKind.JOIN: "system_join_channel",
    EventKind.LEAVE: "system_leave_channel",
    EventKind.TOPIC: "system_header_change",
    EventKind.PURPOSE: "system_purpose_change",
    EventKind.RENAME: "system_displayname_change",
    EventKind.ARCHIVE: "system_channel_deleted",
    EventKind.HUDDLE: CALL,
}
_VALUES: Mapping[EventKind, str] = {
    EventKind.TOPIC: "new_header",
    EventKind.PURPOSE: "new_purpose",
    EventKind.RENAME: "new_displayname",
}
_INSTEAD: Mapping[MessageKind, str] = {
    MessageKind.PLACEHOLDER: "(the first message of this thread is not in the export)",
    MessageKind.DELETED: "(this message was deleted)",
}
_TEXT = MessageKind.TEXT
_NO_PROPS: Mapping[str, Any] = {}


class Content(Struct, frozen=True, gc=False):
    """What a draft adds to author, time and files."""

    message: str
    type: str = ""
    props: Mapping[str, Any] = {}


def has_bytes(file: File, limits: Limits, pixels: int = 0) -> bool:
    """Whether the server will get the file itself, not only its name. `pixels`: the most that a picture may have."""
    if not isinstance(file.data, Local) or (limits.file and file.data.size > limits.file):
        return False
    return not _is_too_wide(file, pixels)


def _is_too_wide(file: File, pixels: int) -> bool:
    return bool(pixels and file.width * file.height > pixels and file.mime.startswith("image/"))


def writer_for(book: Book | None) -> MattermostWriter:
    """The dialect with the book's names in mentions; without a book nobody is mentioned."""
    if book is None:
        return MattermostWriter()
    return MattermostWriter(person=book.mentions.get, channel=book.channel, emoji_of=book.emoji.get)


def compose(
    message: Message, directory: Directory, book: Book | None, limits: Limits, writer: MattermostWriter, pixels: int = 0
) -> Composed:
    """Drafts "" (with up to ten files), "2", "3" … for a text cut in pieces, "files:2" … for more files, "broadcast"
    for a reply's copy in the channel."""
    sent: tuple[File, ...] = ()
    blocks = message.body or _body(message)
    if message.files:
        sent = tuple([file for file in message.files if has_bytes(file, limits, pixels)])
        blocks = [*blocks, *(_stand_in(file) for file in message.files if file not in sent)]
    pieces = writer.parts(blocks, directory, limits.text or MAX_TEXT)
    losses = pieces[0].losses
    if message.reactions:
        losses = (*losses, *_reaction_losses(message))
    if message.files or message.event is not None:
        losses = (*losses, *_other_losses(message, limits, pixels))
    author = message.author
    if message.kind is _TEXT and message.event is None and not author.name and not author.icon:
        kind, props = "", _NO_PROPS
    else:
        kind, props = _kind(message, book), _props(message, book)
    if len(pieces) == 1 and not sent and not message.broadcast:
        return Composed((_draft("", pieces[0], kind, props, ()),), losses)
    first, *more = _batches(sent, limits.file) if sent else ((),)
    drafts = [
        _draft("" if number == 1 else str(number), piece, kind, props, first if number == 1 else ())
        for number, piece in enumerate(pieces, 1)
    ]
    for number, files in enumerate(more, 2):
        drafts.append(_draft(f"files:{number}", Rendered("", ""), kind, props, files))
    if message.broadcast and message.thread:
        names = ", ".join(file.name for file in sent)
        for number, piece in enumerate(pieces, 1):
            part = "broadcast" if number == 1 else f"broadcast:{number}"
            copy = piece if piece.source else Rendered(names, names)
            drafts.append(_draft(part, copy, kind, props, (), thread=False))
    return Composed(tuple(drafts), losses)


def _batches(files: tuple[File, ...], most: int) -> Iterator[tuple[File, ...]]:
    """At most ten to a post, and no more bytes than one import file may have (0: no limit)."""
    start = size = 0
    for at, file in enumerate(files):
        more = file.data.size if isinstance(file.data, Local) else 0
        if at > start and (at - start == FILES_PER_POST or (most and size + more > most)):
            yield files[start:at]
            start, size = at, 0
        size += more
    yield files[start:]


def _draft(
    part: str, text: Rendered, kind: str, props: Mapping[str, Any], files: tuple[File, ...], *, thread: bool = True
) -> Draft:
    plain = text.plain
    seen = (plain, kind, props, [file.id for file in files] if files else ())
    return Draft(part, Content(text.source, kind, props), plain, seen, files, thread)


def _body(message: Message) -> Sequence[Block]:
    """What stands in for a text that is not there."""
    words = _INSTEAD.get(message.kind)
    return [Paragraph((Text(words),))] if words else ()


def _stand_in(file: File) -> Block:
    """A line for a file whose bytes are not to be had: its name, its address if it has one, and why."""
    name = file.name or file.title or file.id
    if file.mode is FileMode.EXTERNAL and file.link:
        where = Link(file.link, (Text(name),)) if linkable(file.link) else Text(f"{name} ({file.link})")
        return Paragraph((Text("File: "), where))
    reason = getattr(file.data, "reason", "larger than this server takes" if isinstance(file.data, Local) else "")
    return Paragraph((Text(f"File: {name} ({reason or 'not in the export'})"),))


def _reaction_losses(message: Message) -> Iterator[Loss]:
    for reaction in message.reactions:
        if not (reaction.char and reaction.users):
            continue
        name = reaction_name(reaction)
        if name is None:
            note = "Mattermost has no such emoji: its name is shown"
            yield Loss(Feature.REACTION, Fate.APPROXIMATED, note, len(reaction.users))
        elif not name.exact:
            yield Loss(Feature.REACTION, Fate.APPROXIMATED, "without its skin tone", len(reaction.users))


def _other_losses(message: Message, limits: Limits, pixels: int) -> Iterator[Loss]:
    """Pictures that the server would leave out without a word, and calls."""
    wide = sum(has_bytes(file, limits) and _is_too_wide(file, pixels) for file in message.files)
    if wide:
        yield Loss(Feature.FILE, Fate.APPROXIMATED, "more pixels than the server takes; a placeholder names it", wide)
    if message.event is not None and message.event.kind is EventKind.HUDDLE:
        yield Loss(Feature.EVENT, Fate.APPROXIMATED, "a call, shown by the calls plugin, or as text without it")


def _kind(message: Message, book: Book | None) -> str:
    if message.kind is _TEXT and message.event is None:
        return ""
    if message.kind is MessageKind.EMOTE:
        return "me"
    if message.event is None:
        return "system_generic" if message.kind is MessageKind.EVENT else ""
    # clients make the sentence of these types from the name in props; without one the text must be shown as it is
    typed = _TYPES.get(message.event.kind)
    if typed == CALL:
        return CALL
    return typed if typed and book is not None and message.author.user in book.mentions else "system_generic"


def _props(message: Message, book: Book | None) -> Mapping[str, Any]:
    event, author = message.event, message.author
    props: dict[str, Any] = {}
    if author.name or author.icon:
        props["from_webhook"] = "true"
        if author.name:
            props["override_username"] = author.name
        if author.icon.startswith(":"):
            props["override_icon_emoji"] = author.icon.strip(":")
        elif author.icon:
            props["override_icon_url"] = author.icon
    if event is not None and book is not None and event.kind in _TYPES:
        if event.kind is EventKind.HUDDLE:
            # always with an end: a call without one would be shown as going on
            start = micros(message.ts) // 1000
            return {**props, "title": "", "start_at": start, "end_at": start + max(event.seconds, 1) * 1000}
        if who := book.mentions.get(author.user):
            props["username"] = who
        if name := _VALUES.get(event.kind):
            props[name] = event.value
    return props
