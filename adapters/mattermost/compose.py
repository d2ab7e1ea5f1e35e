"""A message as posts of this server: its text cut to size, what stands for missing files, type and props. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
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
)
from migrator.plain import linkable

__all__ = ["FILES_PER_POST", "MAX_TEXT", "Content", "compose", "has_bytes", "writer_for"]

MAX_TEXT = 16_383  # characters of a post where the server's own limit is not known (model.PostMessageMaxRunesV2)
FILES_PER_POST = 10  # ten ids fill the column (PostFileidsMaxRunes)
_TYPES: Mapping[EventKind, str] = {
    EventKind.JOIN: "system_join_channel",
    EventKind.LEAVE: "system_leave_channel",
    EventKind.TOPIC: "system_header_change",
    EventKind.PURPOSE: "system_purpose_change",
    EventKind.RENAME: "system_displayname_change",
    EventKind.ARCHIVE: "system_channel_deleted",
}
_VALUES: Mapping[EventKind, str] = {
    EventKind.TOPIC: "new_header",
    EventKind.PURPOSE: "new_purpose",
    EventKind.RENAME: "new_displayname",
}


class Content(Struct, frozen=True):
    """What a draft adds to author, time and files."""

    message: str
    type: str = ""
    props: Mapping[str, Any] = {}


def has_bytes(file: File, limits: Limits) -> bool:
    """Whether the server will get the file itself, not only its name."""
    return isinstance(file.data, Local) and not (limits.file and file.data.size > limits.file)


def writer_for(book: Book | None) -> MattermostWriter:
    """The dialect with the book's names in mentions; without a book nobody is mentioned."""
    if book is None:
        return MattermostWriter()
    return MattermostWriter(person=book.mention, channel=book.channel, emoji_of=book.emoji.get)


def compose(
    message: Message, directory: Directory, book: Book | None, limits: Limits, writer: MattermostWriter
) -> Composed:
    """Drafts "" (with up to ten files), "2", "3" … for a text cut in pieces, "files:2" … for more files, "broadcast"
    for a reply's copy in the channel."""
    sent = tuple(file for file in message.files if has_bytes(file, limits))
    blocks = [*_body(message), *(_stand_in(file) for file in message.files if not has_bytes(file, limits))]
    pieces = writer.parts(blocks, directory, limits.text or MAX_TEXT)
    kind, props = _kind(message, book), _props(message, book)
    drafts = [
        _draft("" if number == 1 else str(number), piece, kind, props, sent[:FILES_PER_POST] if number == 1 else ())
        for number, piece in enumerate(pieces, 1)
    ]
    for number, first in enumerate(range(FILES_PER_POST, len(sent), FILES_PER_POST), 2):
        drafts.append(_draft(f"files:{number}", Rendered("", ""), kind, props, sent[first : first + FILES_PER_POST]))
    if message.broadcast and message.thread:
        names = ", ".join(file.name for file in sent)
        for number, piece in enumerate(pieces, 1):
            part = "broadcast" if number == 1 else f"broadcast:{number}"
            copy = piece if piece.source else Rendered(names, names)
            drafts.append(_draft(part, copy, kind, props, (), thread=False))
    return Composed(tuple(drafts), (*pieces[0].losses, *_reaction_losses(message)))


def _draft(
    part: str, text: Rendered, kind: str, props: Mapping[str, Any], files: tuple[File, ...], *, thread: bool = True
) -> Draft:
    seen = msgspec.json.encode((text.plain, kind, props, [file.id for file in files]))
    return Draft(
        part, Content(text.source, kind, props), text.plain, blake2b(seen, digest_size=8).hexdigest(), files, thread
    )


def _body(message: Message) -> Sequence[Block]:
    if message.kind is MessageKind.PLACEHOLDER:
        return [Paragraph((Text("(the first message of this thread is not in the export)"),))]
    if message.kind is MessageKind.DELETED and not message.body:
        return [Paragraph((Text("(this message was deleted)"),))]
    return message.body


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


def _kind(message: Message, book: Book | None) -> str:
    if message.kind is MessageKind.EMOTE:
        return "me"
    if message.event is None:
        return "system_generic" if message.kind is MessageKind.EVENT else ""
    # clients make the sentence of these types from the name in props; without one the text must be shown as it is
    typed = _TYPES.get(message.event.kind)
    return typed if typed and book is not None and book.mention(message.author.user) else "system_generic"


def _props(message: Message, book: Book | None) -> dict[str, Any]:
    props: dict[str, Any] = {}
    if message.author.name or message.author.icon:
        props["from_webhook"] = "true"
        if message.author.name:
            props["override_username"] = message.author.name
        icon = message.author.icon
        if icon.startswith(":"):
            props["override_icon_emoji"] = icon.strip(":")
        elif icon:
            props["override_icon_url"] = icon
    event = message.event
    if event is not None and book is not None and event.kind in _TYPES:
        if who := book.mention(message.author.user):
            props["username"] = who
        if name := _VALUES.get(event.kind):
            props[name] = event.value
    return props
