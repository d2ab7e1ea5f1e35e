"""The first pass at a glance: which records of a sound member tell nothing but their moment and their thread.

Most do, where an index lists the people: a listed person writes, mentions listed people, and listed people react. What
`scan.py` would gather from such a record it knows already, so it need not be read further. Every test here errs on the
side of looking closely.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from migrator.slack.damage import Damaged
from migrator.slack.people import People
from migrator.slack.subtypes import LOGS
from migrator.slack.wire import NULL, Record, decode

__all__ = ["Glance", "decode_all", "look_closely", "names_only_known"]

_MENTION = re.compile(rb"[UWB][A-Z0-9]+\|?").match
_IDS = re.compile(rb'_id"(?<=(?:user|thor|roup)_id")\s*:\s*"([UWBS][A-Z0-9]+)').findall  # user, author, usergroup
_SPELLED_OUT = re.compile(rb"\\u00(?!3[CcEe]|26)[0-7]").search  # an ASCII letter that could stand as itself


_FEW = 32

# Kinds of records that tell of files, of other messages, or of nothing: `scan.py` has a rule for each.
_TELLING = LOGS | {"file_share", "file_comment", "pinned_item"}


class _Reaction(Struct, gc=False):
    users: list[str] | None = None


class _Edited(Struct, gc=False):
    user: str | None = None


class Glance(Struct, gc=False, kw_only=True):
    """What the first pass needs of nearly every record, and whether there is more (NULL where not). See `wire.Record`
    for the order."""

    user: str | None = None
    ts: str
    team: str | None = None
    edited: _Edited | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    reactions: list[_Reaction] | None = None
    subtype: str | None = None
    slackdump_thread_replies: None = None  # nested records: not for a glance
    files: Raw = NULL
    file: Raw = NULL
    room: Raw = NULL
    pinned_to: Raw = NULL
    inviter: Raw = NULL
    welcome_party_user_id: Raw = NULL


decode_all = msgspec.json.Decoder(list[Glance]).decode
_split = msgspec.json.Decoder(list[Raw]).decode


def look_closely(content: bytes, glances: Sequence[Glance], people: People) -> dict[int, Record] | None:
    """The records of a member that are of an odd kind, or by or about somebody unlisted, whole, by their places.

    None where that cannot be done for each of them alone.
    """
    listed, bots = people.listed, people.bots
    places = [
        place
        for place, glance in enumerate(glances)
        if glance.user not in listed
        or glance.user in bots
        or glance.subtype in _TELLING
        or glance.files is not NULL
        or glance.file is not NULL
        or glance.room is not NULL
        or glance.pinned_to is not NULL
        or glance.inviter is not NULL
        or glance.welcome_party_user_id is not NULL
        or (glance.parent_user_id and glance.parent_user_id not in listed)
        or (glance.edited is not None and glance.edited.user and glance.edited.user not in listed)
        or (glance.reactions and any(user not in listed for r in glance.reactions for user in r.users or ()))
    ]
    if not places:
        return {}
    try:
        raws = _split(content)
        records = {place: decode(raws[place]) for place in places}
    except (msgspec.DecodeError, RecursionError, Damaged):
        return None
    if any(record.bot_id in listed for record in records.values()):
        return None  # it may tell that a listed person is somebody else
    return records


def names_only_known(content: bytes, people: People) -> bool:
    """Whether texts, blocks and attachments of a member name nobody that is news: by mention, by id, or as a group."""
    if _spells_out(content) or (b"^" in content and b"subteam" in content):
        return False
    named = set(_IDS(content))
    at = content.find(b"@")
    while at >= 0:
        if mention := _MENTION(content, at + 1):
            named.add(mention[0])
        at = content.find(b"@", at + 1)
    return not named or all(_is_known(id_.decode(), people) for id_ in named)


def _spells_out(content: bytes) -> bool:
    """Whether escapes could hide a name. Up to the first few of them leaps from one to the next are quicker."""
    at = content.find(b"\\")
    for _ in range(_FEW):
        if at < 0:
            return False
        if content[at + 1 : at + 2] == b"u":
            break
        at = content.find(b"\\", at + 2)
    return at >= 0 and _SPELLED_OUT(content, at) is not None


def _is_known(mention: str, people: People) -> bool:
    """Whether one more mention, or a labelled one ("U024BE7LH|"), changes nothing."""
    listed = people.listed
    if mention in listed or (user := people.canonical(mention.rstrip("|"))) in listed or mention.rstrip("|") in listed:
        return True
    met = people.met.get(user)
    return met is not None and "mention" in met.reasons and mention[-1] != "|"
