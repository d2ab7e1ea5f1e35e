"""A record -> a message of the model, by the rules of slack-format.md 8 to 13.

What a record holds and its message does not is returned as losses, so that the sums can be held against `found.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Raw
from msgspec.json import encode

from migrator.ledger import Fate, Feature, Loss
from migrator.model import (
    Author,
    Block,
    Edit,
    Event,
    EventKind,
    File,
    Loc,
    Message,
    MessageKind,
    Paragraph,
    Reaction,
    Remote,
    Revision,
    Text,
    Ts,
    User,
    UserId,
    UserMention,
)
from migrator.slack.authors import icon_of, own_name
from migrator.slack.body import body_with_notes, text_and_blocks
from migrator.slack.context import Context
from migrator.slack.emoji import lookup
from migrator.slack.files import Files
from migrator.slack.logs import new_of, old_of, subject_of
from migrator.slack.loose import dicts, mapping, number, string, strings
from migrator.slack.order import Kept
from migrator.slack.richrecord import RichBlocks
from migrator.slack.scan import Index, pointed_at
from migrator.slack.subtypes import LOGS, NOTICES, PLAIN, SLACKBOT
from migrator.slack.times import before, instant, is_ts
from migrator.slack.wire import NULL, ReactionRecord, Record, loose

__all__ = ["Made", "Maker", "reactions_in"]

Made = tuple[Message | None, Sequence[Loss]]
_WITHHELD = (Paragraph((Text("[withheld by key policy]"),)),)
_TEXT = MessageKind.TEXT
_KINDS = dict.fromkeys(NOTICES, MessageKind.EVENT) | {
    "me_message": MessageKind.EMOTE,
    "tombstone": MessageKind.DELETED,
}
_WORDS = {
    EventKind.PIN: "pinned an item",
    EventKind.UNPIN: "unpinned an item",
    EventKind.CANVAS: "changed the canvas",
    EventKind.JOIN: "joined",
    EventKind.LEAVE: "left",
}


class Maker:
    """Makes the messages of one workspace."""

    def __init__(
        self,
        users: Mapping[UserId, User],
        canonical: Callable[[str], UserId],
        files: Files,
        context: Context,
        earlier: Callable[[Loc], Record | None],
    ) -> None:
        """`earlier` reads a record again, by its place: the log of an edit."""
        self.users, self.canonical, self.files, self.context, self.earlier = users, canonical, files, context, earlier
        self._plain_authors: dict[UserId, Author] = {}

    def plain(self, conversation: str, kept: Kept, index: Index, *, replied: bool) -> Message | None:
        """The message of a record that is a person's text and no more than that: in a thread or not, edited or not,
        with reactions or not. None for any other, and where anything of it is lost.

        Nearly every record is one: what `make` asks part by part is asked here at once.
        """
        record = kept.record
        if (
            record.subtype is not None
            or not record.user
            or record.files
            or record.file is not None
            or (record.bot_id and (record.username or record.icons is not NULL))
            or record.hidden
            or record.comment is not None
            or record.room is not NULL
            or record.attachments is not NULL
            or (index.revisions and record.ts in index.revisions)
        ):
            return None
        thread = ""
        if record.thread_ts is not None and record.thread_ts != record.ts:
            thread = self._thread(record, index, [])
            if not thread:
                return None
        body = text_and_blocks(record.text or "", record.blocks, self.context)
        if not body:
            return None
        author = self._plain_authors.get(record.user) or self._plain_author(self.canonical(record.user))
        root = replied and not thread
        if record.edited is None and not record.reactions:
            return Message(conversation, record.ts, kept.at, author, _TEXT, body, thread, root)
        losses: list[Loss] = []
        edited = self._edit(record, author.user) if record.edited is not None else None
        reactions = self._reactions(record.reactions, losses) if record.reactions else ()
        if losses:
            return None
        return Message(
            conversation, record.ts, kept.at, author, _TEXT, body, thread, root, edited=edited, reactions=reactions
        )

    def make(self, conversation: str, kept: Kept, index: Index, user: UserId, *, replied: bool) -> Made:
        """The message, or None with a loss of Feature.MESSAGE that says why there is none.

        `user` wrote it (`author_of`); `replied`: somebody answers it.
        """
        record = kept.record
        subtype = record.subtype or ""
        if (subtype or record.hidden) and (reason := _no_message(record, subtype, index)):
            return None, (Loss(Feature.MESSAGE, reason[0], reason[1]),)
        losses: list[Loss] = []
        event = self._event(record, subtype, user) if subtype else None
        files = self._files(record, subtype, losses) if record.files or record.file is not None else ()
        body = self._body(record, subtype, losses)
        if event is not None and not body and not files:
            body = _notice(event, user, subtype)
        thread = ""
        if record.thread_ts not in (None, record.ts) or subtype == "file_comment":
            thread = self._thread(record, index, losses)
        reactions = record.reactions if not subtype else reactions_in(record)
        message = Message(
            conversation,
            record.ts,
            kept.at,
            self._author(record, user),
            _KINDS.get(subtype, _TEXT),
            body,
            thread,
            replied and not thread,
            broadcast=bool(thread) and subtype in ("thread_broadcast", "reply_broadcast"),
            edited=self._edit(record, user) if record.edited is not None else None,
            revisions=self._revisions(record, index, losses) if index.revisions else (),
            reactions=self._reactions(reactions, losses) if reactions else (),
            files=files,
            event=event,
            source="" if subtype == "bot_message" else subtype,
        )
        return message, losses

    # ── who ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _author(self, record: Record, user: UserId) -> Author:
        if record.subtype is None and not record.bot_id:
            return self._plain_author(user)
        name, icon = own_name(record), icon_of(record)
        if not name and not icon:
            return Author(user)
        known = self.users.get(user)
        if known is not None and name == known.name:
            name = ""
        if known is not None and isinstance(known.avatar, Remote) and icon == known.avatar.url:
            icon = ""
        return Author(user, name, icon)

    def _plain_author(self, user: UserId) -> Author:
        return self._plain_authors.get(user) or self._plain_authors.setdefault(user, Author(user))

    def _edit(self, record: Record, author: UserId) -> Edit:
        edited = record.edited
        assert edited is not None  # noqa: S101 - the caller's condition, for the type checker
        at = edited.ts if edited.ts is not None and is_ts(edited.ts) and before(record.ts, edited.ts) else record.ts
        return Edit(self.canonical(edited.user) if edited.user else author, at)

    # ── what ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _body(self, record: Record, subtype: str, losses: list[Loss]) -> tuple[Block, ...]:
        text = record.text or ""
        if subtype:
            if subtype == "ekm_access_denied":
                return _WITHHELD
            if subtype == "huddle_thread":
                return ()
            text = _own_text(record, subtype)
        if record.attachments is NULL:
            blocks = text_and_blocks(text, record.blocks, self.context)
        else:
            blocks, notes = body_with_notes(text, record.blocks, record.attachments, self.context)
            losses += notes
        if not blocks and record.assistant_app_thread is not NULL:
            title = string(mapping(loose(record.assistant_app_thread)).get("title"))
            return (Paragraph((Text(title),)),) if title else ()
        return blocks

    def _files(self, record: Record, subtype: str, losses: list[Loss]) -> tuple[File, ...]:
        records = record.files or ()
        out = [self.files.make(file, n, reshared=record.upload is False) for n, file in enumerate(records)]
        if record.file is not None:
            if subtype == "file_comment":
                losses.append(Loss(Feature.FILE, Fate.SKIPPED, "named by a comment on it; shown where it was shared"))
            else:
                reshared = subtype == "file_mention" or record.upload is False
                out.append(self.files.make(record.file, len(out), reshared=reshared))
        return tuple(out)

    def _reactions(self, records: Sequence[ReactionRecord], losses: list[Loss]) -> tuple[Reaction, ...]:
        out = []
        for record in records:
            users = record.users or []
            distinct = tuple(dict.fromkeys(map(self.canonical, filter(None, users))))
            rest = max((record.count or 0) - len(users), 0)
            if not record.name or not distinct:
                losses.append(Loss(Feature.REACTION, Fate.DROPPED, "without an emoji or a person", len(users)))
                losses.append(Loss(Feature.REACTION_REST, Fate.DROPPED, "without an emoji or a person", rest))
                continue
            if doubles := len(users) - len(distinct):
                losses.append(Loss(Feature.REACTION, Fate.SKIPPED, "the same person twice", doubles))
            name, char, tone = lookup(record.name, self.context)
            out.append(Reaction(name, char, distinct, len(distinct) + rest, tone))
        return tuple(out)

    def _thread(self, record: Record, index: Index, losses: list[Loss]) -> Ts:
        root = pointed_at(record)
        if root is not None:
            return index.moved.get(instant(root), root) if index.moved else root
        if record.subtype == "file_comment" and record.file is not None:
            share = index.shares.get(record.file.id or "")
            if share is not None and before(share, record.ts):
                return share
        if record.thread_ts not in (None, record.ts) and is_ts(record.thread_ts):
            losses.append(Loss(Feature.REPLY, Fate.DROPPED, "it answers a later message: shown on its own"))
        return ""

    def _revisions(self, record: Record, index: Index, losses: list[Loss]) -> tuple[Revision, ...]:
        out: list[Revision] = []
        for at in index.revisions.get(record.ts, ()):
            log = self.earlier(at)
            old = old_of(log) if log is not None else {}
            if log is None or not old:
                losses.append(Loss(Feature.REVISION, Fate.DROPPED, "the log of the edit does not hold the text"))
                continue
            revision = Revision(self._logged(old), _since(record, old))
            if revision.body == self._logged(new_of(log)):
                losses.append(Loss(Feature.REVISION, Fate.SKIPPED, "the edit changed no words"))
            elif revision in out:
                losses.append(Loss(Feature.REVISION, Fate.SKIPPED, "the same log twice"))
            else:
                out.append(revision)
        return tuple(sorted(out, key=lambda revision: instant(revision.at)))

    def _logged(self, version: Mapping[str, Any]) -> tuple[Block, ...]:
        """The text of a message as a log of it holds it."""
        blocks, attachments = (
            Raw(encode(version[part])) if version.get(part) else NULL for part in ("blocks", "attachments")
        )
        return body_with_notes(string(version.get("text")), blocks, attachments, self.context)[0]

    # ── notices ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _event(self, record: Record, subtype: str, user: UserId) -> Event | None:
        kind = NOTICES.get(subtype)
        if kind is None:
            return None
        if kind is EventKind.JOIN or kind is EventKind.LEAVE:
            return Event(kind, (user,))
        if kind is EventKind.TOPIC:
            return Event(kind, value=record.topic or "")
        if kind is EventKind.PURPOSE:
            return Event(kind, value=record.purpose or "")
        if kind is EventKind.RENAME:
            return Event(kind, value=record.name or "")
        if kind is EventKind.HUDDLE:
            room = mapping(loose(record.room))
            people = strings(room.get("participant_history")) or strings(room.get("participants"))
            start, end = number(room.get("date_start")), number(room.get("date_end"))
            return Event(kind, tuple(map(self.canonical, people)), seconds=max(end - start, 0) if end and start else 0)
        if kind in (EventKind.PIN, EventKind.UNPIN):
            quoted = (string(quote.get("ts")) for quote in dicts(loose(record.attachments)))
            return Event(kind, target=next(filter(is_ts, quoted), ""))
        return Event(kind)


def _since(record: Record, version: Mapping[str, Any]) -> Ts:
    """When a message became what a log of it holds."""
    at = string(mapping(version.get("edited")).get("ts"))
    return at if is_ts(at) and instant(at) > instant(record.ts) else record.ts


def _no_message(record: Record, subtype: str, index: Index) -> tuple[Fate, str] | None:
    """Why a record is no message: (fate, note)."""
    if subtype in PLAIN or subtype in NOTICES:
        if _is_intro(record, index):
            return Fate.SKIPPED, "the comment of an upload, shown with it"
        return (Fate.SKIPPED, "hidden in Slack too") if record.hidden and subtype != "tombstone" else None
    if subtype in LOGS:
        return _of_log(record, subtype, index)
    if record.hidden:
        return Fate.SKIPPED, "hidden in Slack too"
    if record.text or record.files or record.file or _filled(record.blocks) or _filled(record.attachments):
        return None
    return Fate.DROPPED, "of an unknown kind, and empty"


def _of_log(record: Record, subtype: str, index: Index) -> tuple[Fate, str]:
    """A log of a message that is there is used up by it; one that alone holds a text is told apart."""
    if subtype == "message_changed" and subject_of(record) in index.strays:
        return Fate.DROPPED, "the log of an edit of a message that is not in the export: its text stands only here"
    if subtype == "message_deleted" and old_of(record):
        return Fate.SKIPPED, "deleted in Slack: only the log of it holds its text"
    return Fate.SKIPPED, "the log of a change, not a message"


def _is_intro(record: Record, index: Index) -> bool:
    """The comment made with an upload stands twice in old exports: with the upload, and as a record of its own."""
    if record.subtype != "file_comment" or record.comment is None or record.file is None:
        return False
    return bool(record.comment.is_intro) and record.file.id in index.shares


def _filled(part: Raw | RichBlocks | None) -> bool:
    return bytes(part) not in (b"null", b"[]", b'""', b"{}") if isinstance(part, Raw) else bool(part)


def _own_text(record: Record, subtype: str) -> str:
    """What the person wrote. Uploads of the old kind tell it beside a notice in the reader's language."""
    text = record.text or ""
    if subtype == "file_comment":
        return record.comment.comment or "" if record.comment is not None else text
    if subtype == "file_share" and record.file is not None:
        intro = record.file.initial_comment
        if intro is not None and intro.comment:
            return intro.comment
        is_notice = text.startswith("<@") or bool(record.file.id and record.file.id in text)
        return text.partition(" and commented: ")[2] if is_notice else text
    return text


def _notice(event: Event, author: UserId, subtype: str) -> tuple[Block, ...]:
    """A sentence for a notice that has none."""
    if event.kind is EventKind.HUDDLE:
        minutes = max(round(event.seconds / 60), 1)
        words: list[Text | UserMention] = [Text(f"A huddle took place, {minutes} min" if event.seconds else "A huddle")]
        for number_, user in enumerate(event.users):
            words += [Text(", " if number_ else ", with "), UserMention(user)]
        return (Paragraph(tuple(words)),)
    said = _WORDS.get(event.kind) or subtype.replace("_", " ")
    subject: tuple[Text | UserMention, ...] = () if author == SLACKBOT else (UserMention(author), Text(" "))
    return (Paragraph((*subject, Text(said))),)


def reactions_in(record: Record) -> Sequence[ReactionRecord]:
    """The reactions under a message; in the era of one `file` they stand with the file or with the comment on it."""
    if record.reactions:
        return record.reactions
    if record.subtype == "file_comment" and record.comment is not None:
        return record.comment.reactions or ()
    if record.subtype == "file_share" and record.file is not None and record.upload is not False:
        return record.file.reactions or ()
    return ()
