"""What is in an export, as counts that anyone can check with a JSON parser: raw records, before any rule is applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec import Struct, field

from migrator.ledger import Feature, Ledger, Quarantined
from migrator.model import ConversationId, Role, Workspace
from migrator.slack.layout import Layout
from migrator.slack.loose import dicts, string
from migrator.slack.order import Kept
from migrator.slack.scan import Index
from migrator.slack.subtypes import LOGS, is_known
from migrator.slack.times import is_ts
from migrator.slack.wire import NULL, FileRecord, Record, loose

__all__ = ["Census", "take_census"]

_BLOCKS = frozenset(
    {"rich_text", "section", "header", "context", "divider", "image", "actions", "context_actions", "input", "video"}
    | {"markdown", "table", "data_table", "file", "call", "task_card", "plan", "alert", "card", "carousel", "container"}
    | {"auth_provider", "share_shortcut", "condition", "event"}
)
_ELEMENTS = frozenset(
    {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted", "text", "link", "emoji"}
    | {"user", "channel", "broadcast", "usergroup", "date", "color", "team", "message_mention", "canvas", "file"}
    | {"list_record"}
)
Counts = Counter[str]


class Census(Struct):
    """See `to_dict`, which is what `inspect --json` prints."""

    records: int = 0
    messages: int = 0
    replies: int = 0
    threads: int = 0
    reactions: int = 0
    files: int = 0
    edited: int = 0
    first: str = ""
    last: str = ""
    subtypes: Counts = field(default_factory=Counter)
    files_by_mode: Counts = field(default_factory=Counter)
    blocks: Counts = field(default_factory=Counter)
    elements: Counts = field(default_factory=Counter)
    conversations: Counts = field(default_factory=Counter)
    people: Counts = field(default_factory=Counter)
    made_up: Counts = field(default_factory=Counter)
    listed_people: int = 0
    unknown: Counts = field(default_factory=Counter)
    odd: Counts = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    workspace: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Counts by name, the same for the same export in any process.

        `records`: message objects in day files. `messages`: distinct (conversation, ts) of them that are no logs of
        edits or deletions; everything after is counted on these. `replies`: messages whose thread_ts is another's;
        `threads`: distinct thread_ts of those, per conversation. `reactions`: people in reaction lists. `files`:
        entries of `files`, and `file` objects. `people`: those an index lists or, where none does, those met in
        messages. `quarantined_records`: where and why.
        """
        return {
            "workspace": self.workspace,
            "records": self.records,
            "messages": self.messages,
            "replies": self.replies,
            "threads": self.threads,
            "reactions": self.reactions,
            "files": self.files,
            "edited": self.edited,
            "conversations": self.conversations.total(),
            "people": self.listed_people or self.people.total(),
            "people_made_up": self.made_up.total(),
            "first": _moment(self.first),
            "last": _moment(self.last),
            "conversations_by_kind": _sorted(self.conversations),
            "people_by_kind": _sorted(self.people),
            "people_made_up_from": _sorted(self.made_up),
            "subtypes": _sorted(self.subtypes),
            "files_by_mode": _sorted(self.files_by_mode),
            "blocks": _sorted(self.blocks),
            "elements": _sorted(self.elements),
            "unknown": _sorted(self.unknown),
            "odd": _sorted(self.odd),
            "notes": self.notes,
            "quarantined": len(self.quarantined),
            "quarantined_records": self.quarantined,
        }


class Countable(Protocol):
    """An opened export (`reader.Export`), as far as it is counted."""

    layout: Layout
    workspace: Workspace
    indexes: dict[ConversationId, Index]
    quarantine: list[Quarantined]
    listed_people: int

    def kept(self, conversation: ConversationId, ledger: Ledger | None = None) -> Iterator[Kept]: ...


def take_census(export: Countable) -> Census:
    census = Census(listed_people=export.listed_people, notes=sorted(export.layout.notes))
    space = export.workspace
    census.workspace = {"id": space.id, "name": space.name, "domain": space.domain}
    for conversation in space.conversations.values():
        census.conversations[conversation.kind] += 1
        if conversation.reason:
            census.odd["conversations that no index lists"] += 1
        if conversation.archived:
            census.odd["archived conversations"] += 1
    for user in space.users.values():
        kind = str(user.role) if user.active or user.role is Role.BOT else "deactivated"
        census.people[kind] += 1
        if user.reason:
            census.made_up[user.reason] += 1
    for conversation_id in space.conversations:
        _conversation(export, conversation_id, census)
    census.quarantined = [{"at": str(item.at), "reason": item.reason} for item in export.quarantine]
    return census


def _conversation(export: Countable, conversation: str, census: Census) -> None:
    if conversation not in export.indexes:
        return
    threads = set()
    ledger = Ledger()
    for kept in export.kept(conversation, ledger):
        record = kept.record
        census.records += 1 + len(kept.replaced)
        if record.subtype in LOGS:
            census.odd["logs of edits and deletions"] += 1
            continue
        census.messages += 1
        census.first = min(census.first, record.ts) if census.first else record.ts
        census.last = max(census.last, record.ts)
        if record.thread_ts and record.thread_ts != record.ts and is_ts(record.thread_ts):
            census.replies += 1
            threads.add(record.thread_ts)
        _message(record, census)
    census.threads += len(threads)
    absent = len(export.indexes[conversation].absent)
    if absent:
        census.odd["threads whose first message is not in the export"] += absent
    replaced = ledger.found[Feature.MESSAGE]
    if replaced:
        census.odd["records that a later one replaces, or that are damaged"] += replaced


def _message(record: Record, census: Census) -> None:
    census.subtypes[record.subtype or "none"] += 1
    if record.subtype and not is_known(record.subtype):
        census.unknown[f"kind of message: {record.subtype}"] += 1
    for reaction in record.reactions or ():
        named = len(reaction.users or ())
        census.reactions += named
        if (reaction.count or 0) > named:
            census.odd["reactions beyond those that are named"] += (reaction.count or 0) - named
    if record.edited is not None:
        census.edited += 1
    for file in (*(record.files or ()), *((record.file,) if record.file is not None else ())):
        census.files += 1
        census.files_by_mode[_mode(file)] += 1
    if record.blocks is not NULL:
        for block in dicts(loose(record.blocks)):
            kind = string(block.get("type")) or "none"
            census.blocks[kind] += 1
            if kind not in _BLOCKS:
                census.unknown[f"kind of block: {kind}"] += 1
            elif kind == "rich_text":
                _elements(block, census)


def _elements(block: dict[str, Any], census: Census) -> None:
    """All that stands below a rich text block, however deep."""
    waiting = dicts(block.get("elements"))
    while waiting:
        element = waiting.pop()
        kind = string(element.get("type")) or "none"
        census.elements[kind] += 1
        if kind not in _ELEMENTS:
            census.unknown[f"kind of element: {kind}"] += 1
        waiting += dicts(element.get("elements"))


def _mode(file: FileRecord) -> str:
    return file.mode or ("hidden_by_limit" if file.is_hidden_by_limit else "none")


def _sorted(counts: Counts) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _moment(ts: str) -> str:
    try:
        return datetime.fromtimestamp(int(ts.partition(".")[0]), UTC).isoformat() if ts else ""
    except (ValueError, OverflowError, OSError):
        return ts
