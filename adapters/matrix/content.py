"""What an event says: messages of the model as contents of m.room.message, m.reaction and their relations.

Pure. Fields of ours carry the prefix `slack_migrator.`: a post's key, and whether an edit event is to follow it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from html import escape
from typing import Any

import msgspec
from msgspec import Struct

from migrator.adapters.base import Composed, Directory, Draft, Limits, RemoteId
from migrator.adapters.matrix.render import MatrixWriter, Rendered
from migrator.ledger import Fate, Feature, Loss
from migrator.model import Block, Code, File, FileMode, Link, Local, Message, MessageKind, Paragraph, Text, micros
from migrator.plain import linkable

__all__ = [
    "EDITED",
    "KEY",
    "Content",
    "compose",
    "event",
    "is_media",
    "latest_edit",
    "mapping",
    "markup",
    "reaction",
    "replacement",
    "thread",
]

KEY = "slack_migrator.key"
EDITED = "slack_migrator.edited"
PROFILE = "com.beeper.per_message_profile"  # MSC4144
# Bytes of JSON for body and formatted_body: an event may have 65,536 (spec "Size limits"), with ids and signatures.
LIMIT = 56_000
SHOWN = ("msgtype", "body", "format", "formatted_body", "filename", PROFILE)  # of an event, what `markup` holds
_PILL = re.compile(r'<a href="https://matrix\.to/#/[^"/]*">(.*?)</a>', re.DOTALL)  # of a person or a room
_ENCODE = msgspec.json.Encoder(order="deterministic").encode


class Content(Struct, frozen=True, gc=False):
    """A draft as this adapter keeps it: a text, or a file with its caption in `text`."""

    msgtype: str
    text: Rendered
    file: File | None = None
    name: str = ""  # the author's name for this one post
    edited: int = 0  # milliseconds; 0: never


def compose(message: Message, directory: Directory, limits: Limits, writer: MatrixWriter) -> Composed:
    """Text first (in as many parts as it needs), then each file; a broadcast reply once more in the main timeline."""
    msgtype = _MSGTYPES.get(message.kind, "m.text")
    blocks = message.body or (() if message.files else _stand_in(message))
    parts = writer.parts(blocks, directory, LIMIT) if blocks else []
    name = message.author.name
    if len(parts) == 1 and not (name or message.files or message.edited or message.broadcast):  # as nearly all are
        return Composed((_draft(message, "", Content(msgtype, parts[0])),), parts[0].losses)
    losses: list[Loss] = []
    if name and name == directory.user_name(message.author.user):
        name = ""
    if name:
        losses.append(Loss(Feature.AUTHOR_NAME, Fate.APPROXIMATED, "name before the text and as a profile; no icon"))
    contents: list[tuple[str, Content]] = []
    for number, part in enumerate(parts, 1):
        losses += part.losses
        first = number == 1
        shown = _with_name(part, name) if name and first else part
        contents.append(("" if first else str(number), Content(msgtype, shown, None, name)))
    for file in message.files:
        part_name = f"file:{file.id}" if contents else ""
        while part_name in {taken for taken, _ in contents}:
            part_name += "+"
        contents.append((part_name, _file(file, limits, directory, writer, name)))
    if message.edited:
        part_name, content = contents[0]
        contents[0] = (part_name, msgspec.structs.replace(content, edited=micros(message.edited.at) // 1000))
    drafts = [_draft(message, part, content) for part, content in contents]
    if message.broadcast:
        copy = drafts[0]
        drafts.append(msgspec.structs.replace(copy, part="broadcast", thread=False))
    return Composed(tuple(drafts), tuple(losses))


_MSGTYPES = {
    MessageKind.EMOTE: "m.emote",
    MessageKind.EVENT: "m.notice",
    MessageKind.DELETED: "m.notice",
    MessageKind.PLACEHOLDER: "m.notice",
}


def _stand_in(message: Message) -> tuple[Block, ...]:
    """What is shown of a message without any content of its own."""
    if message.kind is MessageKind.PLACEHOLDER:
        text = "(the first message of this thread is not in the export)"
    elif message.kind is MessageKind.DELETED:
        text = "(this message was deleted)"
    elif message.event is not None:
        text = f"({message.event.kind}{': ' + message.event.value if message.event.value else ''})"
    else:
        text = "(a message without text)"
    return (Paragraph((Text(text),)),)


def _with_name(part: Rendered, name: str) -> Rendered:
    """The fallback of MSC4144: the name in front, for clients that know no per-message profiles."""
    shown = " ".join(name.split())
    html = part.html if part.html is not None else escape(part.body, quote=False).replace("\n", "<br>")
    return msgspec.structs.replace(
        part,
        body=f"{shown}: {part.body}",
        html=f"<strong data-mx-profile-fallback>{escape(shown, quote=False)}: </strong>{html}",
        plain=f"{shown}: {part.plain}",
    )


def _file(file: File, limits: Limits, directory: Directory, writer: MatrixWriter, name: str) -> Content:
    if not isinstance(file.data, Local) or (limits.file and file.data.size > limits.file):
        return Content("m.text", writer.parts(_placeholder(file, limits), directory, LIMIT)[0], None, name)
    title = file.title.strip()
    caption = title if title and title not in (file.name, file.name.rpartition(".")[0]) else ""
    msgtype = {"image": "m.image", "video": "m.video", "audio": "m.audio"}.get(file.mime.partition("/")[0], "m.file")
    return Content(msgtype, Rendered(caption, None, plain=caption), file, name)


def _placeholder(file: File, limits: Limits) -> tuple[Block, ...]:
    """A file without its bytes: its name, why, and where it is or was."""
    label = file.title.strip() or file.name or file.id
    leaf = Link(file.link, (Text(label),)) if linkable(file.link) else Text(label)
    if file.mode is FileMode.EXTERNAL and file.link:
        why = ""
    elif isinstance(file.data, Local):
        why = f" (larger than this server takes: {file.data.size:,} bytes)"
    else:
        why = f" ({getattr(file.data, 'reason', 'its bytes are not in the export')})"
    words: tuple[Block, ...] = (Paragraph((Text("📎 "), leaf, Text(why)) if why else (Text("📎 "), leaf)),)
    return (*words, Code(file.text[:20_000])) if file.text.strip() else words


def _draft(message: Message, part: str, content: Content) -> Draft:
    """What is seen is told by the tree, for remote ids stand in `text.html`."""
    words, file = content.text.plain, content.file
    said = message.body if file is None else (file.id, file.name, file.mime)
    seen = (part, content.msgtype, words, said, content.name, content.edited != 0)
    return Draft(part, content, words, seen, (file,) if file else ())


# ── what is sent ────────────────────────────────────────────────────────────────────────────────────────────────────


def event(content: Content, files: Mapping[str, RemoteId | None]) -> dict[str, Any]:
    """The content of m.room.message without key and relations. A file whose upload was refused becomes a text."""
    out: dict[str, Any] = {"msgtype": content.msgtype, "body": content.text.body}
    if content.text.html is not None:
        out |= {"format": "org.matrix.custom.html", "formatted_body": content.text.html}
    if (file := content.file) is not None:
        address = files.get(file.id)
        if address:
            out |= _media(file, address)
            out["body"] = content.text.body or out["filename"]
        else:
            out |= {"msgtype": "m.text", "body": f"📎 {file.name or file.id} (the server refused this file)"}
    if content.name:
        out[PROFILE] = {"id": _profile_id(content.name), "displayname": content.name, "has_fallback": not content.file}
    return out


def _media(file: File, address: RemoteId) -> dict[str, Any]:
    size = file.data.size if isinstance(file.data, Local) else file.size
    facts = {"mimetype": file.mime, "size": size, "w": file.width, "h": file.height, "duration": file.duration}
    name = " ".join(file.name.split()) or file.id
    return {"url": address, "filename": name, "info": {field: value for field, value in facts.items() if value}}


def _profile_id(name: str) -> str:
    return blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()


def thread(root: str, previous: str) -> dict[str, Any]:
    """m.thread with the fallback for clients without threads: a reply to the post before (spec 11.6)."""
    return {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": previous},
    }


def replacement(content: dict[str, Any], target: str) -> dict[str, Any]:
    """m.replace (spec 11.5). The fallback for old clients is cut short: the whole text would count twice."""
    new = {name: value for name, value in content.items() if name not in (KEY, EDITED, "m.relates_to")}
    return {
        "msgtype": new["msgtype"] if "url" not in new else "m.text",
        "body": f"* {new['body'][:500]}",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }


def reaction(key: str, target: str, shown: str) -> dict[str, Any]:
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": shown}, KEY: key}


def markup(content: Mapping[str, Any]) -> str:
    """What an event shows, formatting and links included, as one text.

    Pills count as the names they show: a person or room may get its id after the message was sent.
    """
    shown = {name: content[name] for name in SHOWN if name in content}
    if isinstance(html := shown.get("formatted_body"), str):
        shown["formatted_body"] = _PILL.sub(r"\1", html)
    return _ENCODE(shown).decode()


def is_media(content: Mapping[str, Any]) -> bool:
    return isinstance(content.get("url"), str) and content.get("msgtype") in (
        "m.image",
        "m.video",
        "m.audio",
        "m.file",
    )


def latest_edit(post: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The edit event a homeserver bundles with a post (spec 11.5.2); None where there is none."""
    found = mapping(mapping(post.get("unsigned")).get("m.relations")).get("m.replace")
    return found if isinstance(found, dict) and found.get("content") else None


def mapping(value: object) -> Mapping[str, Any]:
    """What other people's events hold may be anything."""
    return value if isinstance(value, dict) else {}
