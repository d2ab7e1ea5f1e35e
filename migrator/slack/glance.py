"""The first pass at a glance: which records of a sound member tell nothing but their moment and their thread.

Most do, where an index lists the people: a listed person writes, mentions listed people, and listed people react. What
`scan.py` would gather from such a record it knows already, so it need not be read further. Every test here errs on the
side of looking closely.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Raw, Struct

from migrator.model import UserId
from migrator.slack.damage import Damaged
from migrator.slack.people import People
from migrator.slack.wire import NULL, Record, decode

__all__ = ["Glance", "decode_all", "look_closely", "names_only_known"]

_ID = re.compile(rb'\s*:\s*"([UWB][A-Z0-9]+)').match
_MENTIONED = re.compile(rb"([UWB][A-Z0-9]+)(\|)?").match
_SPELLED_OUT = re.compile(rb"\\u00(?!3[CcEe]|26)[0-7]").search  # an ASCII letter that could stand as itself


class _Reaction(Struct, gc=False):
    users: list[str] | None = None


class _Edited(Struct, gc=False):
    user: str | None = None


class Glance(Struct, gc=False):
    """What the first pass needs of nearly every record, and whether there is more (NULL where not)."""

    ts: str
    user: str | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    team: str | None = None
    reactions: list[_Reaction] | None = None
    edited: _Edited | None = None
    subtype: Raw = NULL
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
    places = [place for place, glance in enumerate(glances) if _is_telling(glance, people)]
    if not places:
        return {}
    try:
        raws = _split(content)
        records = {place: decode(raws[place]) for place in places}
    except (msgspec.DecodeError, RecursionError, Damaged):
        return None
    if any(record.bot_id in people.listed for record in records.values()):
        return None  # it may tell that a listed person is somebody else
    return records


def _is_telling(glance: Glance, people: People) -> bool:
    listed = people.listed
    if (
        glance.user not in listed
        or glance.user in people.bots
        or glance.subtype is not NULL
        or glance.files is not NULL
        or glance.file is not NULL
        or glance.room is not NULL
        or glance.pinned_to is not NULL
        or glance.inviter is not NULL
        or glance.welcome_party_user_id is not NULL
    ):
        return True
    named = [glance.parent_user_id] if glance.parent_user_id else []
    if glance.edited is not None and glance.edited.user:
        named.append(glance.edited.user)
    for reaction in glance.reactions or ():
        named += reaction.users or ()
    return any(user not in listed for user in named)


def names_only_known(content: bytes, people: People) -> bool:
    """Whether texts, blocks and attachments of a member name nobody that is news: by mention, by id, or as a group."""
    if b"\\u00" in content and _SPELLED_OUT(content):
        return False
    if (b"^" in content and b"subteam" in content) or b'usergroup_id"' in content:
        return False
    return all(_is_known(user, labelled, people) for user, labelled in _named(content))


def _is_known(user: UserId, labelled: bool, people: People) -> bool:
    """Whether one more mention changes nothing."""
    if user in people.listed or (canonical := people.canonical(user)) in people.listed:
        return True
    met = people.met.get(canonical)
    return met is not None and "mention" in met.reasons and not labelled


def _named(content: bytes) -> Iterator[tuple[str, bool]]:
    """Ids that may be mentioned, each with whether a label stands beside it."""
    for after in content.split(b"@")[1:]:
        if match := _MENTIONED(after):
            yield match[1].decode(), match[2] is not None
    for key in (b'user_id"', b'author_id"'):
        for after in content.split(key)[1:]:
            if match := _ID(after):
                yield match[1].decode(), False
