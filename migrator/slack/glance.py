"""The first pass at a glance: which records of a sound member tell nothing but their moment and their thread.

Most do: somebody who is listed, or was met before, writes, mentions such people, and such people react. What `scan.py`
would gather from such a record it knows already, so it need not be read further. Every test here errs on the side of
looking closely.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec
from msgspec import Raw, Struct

from migrator.slack import wire
from migrator.slack.loose import mapping, string
from migrator.slack.people import People
from migrator.slack.subtypes import LOGS
from migrator.slack.wire import NULL, Record, loose

__all__ = ["Glance", "decode_all", "look_closely"]

_MENTION = re.compile(rb"@[UWB][A-Z0-9]+\|?").match
_IDS = re.compile(rb'_id"(?<=(?:user|thor|roup)_id")\s*:\s*("[UWBS][A-Z0-9]+)').findall  # user, author, usergroup
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
    user_profile: Raw = NULL
    edited: _Edited | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    reactions: list[_Reaction] | None = None
    subtype: str | None = None
    bot_id: Raw = NULL
    username: Raw = NULL
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
    """The records of a member that are of an odd kind, or tell something new of somebody unlisted, whole, by their
    places. None where that cannot be done for each of them alone.
    """
    news = _news(content, people)
    if news is None:
        return None
    listed, bots, is_known = people.listed, people.bots, people.is_known
    places = [
        place
        for place, glance in enumerate(glances)
        if glance.user in bots
        or (glance.user not in listed and _may_tell(glance, people))
        or glance.subtype in _TELLING
        or glance.files is not NULL
        or glance.file is not NULL
        or glance.room is not NULL
        or glance.pinned_to is not NULL
        or glance.inviter is not NULL
        or glance.welcome_party_user_id is not NULL
        or (glance.parent_user_id and not is_known(glance.parent_user_id, "mention"))
        or (glance.edited is not None and glance.edited.user and not is_known(glance.edited.user, "author"))
        or (
            glance.reactions
            and any(
                user not in listed and not is_known(user, "reaction")
                for reaction in glance.reactions
                for user in reaction.users or ()
            )
        )
    ]
    if not places and not news:
        return {}
    try:
        raws = _split(content)
        if news:
            places = sorted({*places, *_naming(news, content, raws)})
        records = wire.decode_all(b"[%b]" % b",".join([raws[place] for place in places]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if any(_renames(record, people) for record in records):
        return None
    return dict(zip(places, records, strict=True))


def _naming(names: Collection[bytes], content: bytes, raws: Sequence[Raw]) -> Iterable[int]:
    """The places of records that name one of these; all of them where that many are new."""
    if len(names) > _FEW:
        return range(len(raws))
    return _holding(sorted(at for name in names for at in _found(name, content)), content, raws)


def _found(name: bytes, content: bytes) -> Iterator[int]:
    at = content.find(name)
    while at >= 0:
        yield at
        at = content.find(name, at + 1)


def _holding(positions: Iterable[int], content: bytes, raws: Sequence[Raw]) -> Iterator[int]:
    """The places of the records that stand at these positions of a member, which rise."""
    place, end = -1, 0
    for at in positions:
        while end <= at:
            place += 1
            record = bytes(raws[place])
            end = content.find(record, end) + len(record)
        yield place


def _may_tell(glance: Glance, people: People) -> bool:
    """Whether a record may tell something new of its author, who is not listed."""
    user = glance.user or ""
    met = people.met.get(user)
    return (
        met is None
        or "author" not in met.reasons
        or glance.bot_id is not NULL
        or glance.username is not NULL
        or glance.user_profile is not NULL
        or user[:5] == "name:"
    )


def _renames(record: Record, people: People) -> bool:
    """Whether it tells that somebody who is known is somebody else."""
    bot = record.bot_id
    if (
        bot is None
        or record.bot_profile is NULL
        or bot in people.bots
        or not (bot in people.listed or bot in people.met)
    ):
        return False
    return bool(string(mapping(loose(record.bot_profile)).get("user_id")))


def _news(content: bytes, people: People) -> list[bytes] | None:
    """What texts, blocks and attachments of a member name that is news: by mention, by id, or as a group. As it stands
    there; None where escapes may hide a name."""
    if _spells_out(content):
        return None
    named = set(_IDS(content))
    at = content.find(b"@")
    while at >= 0:
        if mention := _MENTION(content, at):
            named.add(mention[0])
        at = content.find(b"@", at + 1)
    listed = people.listed
    news = [name for name in named if name[1:].decode() not in listed and not _is_known(name, people)]
    if b"^" in content and b"subteam" in content:
        news.append(b"subteam")
    return news


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


def _is_known(name: bytes, people: People) -> bool:
    """Whether one more mention changes nothing. Labels ("@U024BE7LH|") are counted, save those of listed people."""
    labelled = name.endswith(b"|")
    return people.is_known(name[1:].rstrip(b"|").decode(), "" if labelled else "mention")
