"""What a raw record holds, counted before anything is made of it: one half of the conservation law.

`survey.features` counts the other half on the model. Both must come to the same sums, losses of the reader included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from migrator.ledger import Feature
from migrator.model import Remote, User, UserId
from migrator.slack.authors import icon_of, own_name
from migrator.slack.messages import reactions_in
from migrator.slack.scan import Index
from migrator.slack.subtypes import LOGS, NOTICES
from migrator.slack.times import before, is_ts
from migrator.slack.wire import ReactionRecord, Record

__all__ = ["found_in", "reacted"]

# Bound once: to look up a member of an enum takes as long as a small function.
_MESSAGE, _REPLY, _BROADCAST, _EDIT = Feature.MESSAGE, Feature.REPLY, Feature.BROADCAST, Feature.EDIT
_REACTION, _REST, _REVISION, _FILE = Feature.REACTION, Feature.REACTION_REST, Feature.REVISION, Feature.FILE
_ALONE = MappingProxyType({_MESSAGE: 1})  # what most records hold, and nothing else
_ANSWER = MappingProxyType({_MESSAGE: 1, _REPLY: 1})
_KINDS = dict.fromkeys(NOTICES, Feature.EVENT) | {"me_message": Feature.EMOTE, "tombstone": Feature.TOMBSTONE}


def found_in(record: Record, index: Index, author: UserId, users: Mapping[UserId, User]) -> Mapping[Feature, int]:
    """Everything of a record but its text."""
    if record.subtype in LOGS:
        return _ALONE
    thread = record.thread_ts
    if thread == record.ts or not is_ts(thread):
        thread = None
    if (
        record.subtype is None
        and record.edited is None
        and record.reactions is None
        and record.files is None
        and record.file is None
        and record.bot_id is None
        and not index.revisions
    ):
        return _ALONE if thread is None else _ANSWER
    found = {_MESSAGE: 1}
    if thread is not None:
        found[_REPLY] = 1
        if record.subtype in ("thread_broadcast", "reply_broadcast") and before(thread, record.ts):
            found[_BROADCAST] = 1
    elif record.subtype == "file_comment" and record.file is not None:
        share = index.shares.get(record.file.id or "")
        if share is not None and before(share, record.ts):
            found[_REPLY] = 1
    if record.subtype is not None and (kind := _KINDS.get(record.subtype)) is not None:
        found[kind] = 1
    if record.edited is not None:
        found[_EDIT] = 1
    if index.revisions and record.ts in index.revisions:
        found[_REVISION] = len(index.revisions[record.ts])
    if reactions := record.reactions or (reactions_in(record) if record.subtype is not None else ()):
        found[_REACTION], found[_REST] = reacted(reactions)
    if files := len(record.files or ()) + (record.file is not None):
        found[_FILE] = files
    if (record.bot_id or record.subtype is not None) and _differs(record, users.get(author)):
        found[Feature.AUTHOR_NAME] = 1
    return found


def reacted(reactions: Iterable[ReactionRecord]) -> tuple[int, int]:
    """How many people are named in reactions, and how many more they count."""
    named = rest = 0
    for reaction in reactions:
        people = len(reaction.users or ())
        named += people
        if reaction.count and reaction.count > people:
            rest += reaction.count - people
    return named, rest


def _differs(record: Record, known: User | None) -> bool:
    """Whether a record was posted under another name or picture than its author's own."""
    name, icon = own_name(record), icon_of(record)
    if not name and not icon:
        return False
    avatar = known.avatar.url if known is not None and isinstance(known.avatar, Remote) else ""
    return bool(name and (known is None or name != known.name)) or icon not in ("", avatar)
