"""People and bots: those an export lists, and those it only mentions. slack-format.md 5, 13, 19.

`users.json` may be missing altogether, and never lists everybody: people of other workspaces, removed accounts, hooks
that post under a name of their own. Every id that is met becomes an entity, with the reason why it was made up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct, field

from migrator.model import Bytes, Profile, Remote, Role, User, UserId
from migrator.slack.loose import mapping, string, truth
from migrator.slack.subtypes import SLACKBOT, SLACKBOT_IDS

__all__ = ["NAMELESS", "REASONS", "Met", "People", "listed_user", "picture"]

Json = Mapping[str, Any]
NAMELESS = "name:unknown"  # who wrote what nobody signed
REASONS = ("profile", "label", "bot", "author", "reaction", "member", "mention")  # the most telling first
_WELL_KNOWN = {"UREVOKEDU": "Withheld by key policy", "U00": "Slack"}
_PICTURES = ("image_original", "image_1024", "image_512", "image_192", "image_72", "image_48", "image_36", "image_24")
_UNFIT = re.compile(r"[^a-z0-9._-]+")


def listed_user(record: Json, local: Mapping[str, Bytes]) -> User | None:
    """A record of users.json, org_users.json or users.list; None without an id."""
    user_id = string(record.get("id"))
    if not user_id:
        return None
    profile = mapping(record.get("profile"))
    handle = string(record.get("name"))
    full = string(profile.get("real_name")) or string(record.get("real_name"))
    bot_id = string(profile.get("bot_id"))
    return User(
        id=user_id,
        handle=handle or user_id.lower(),
        name=string(profile.get("display_name")) or full or handle or user_id,
        full_name=full,
        email=string(profile.get("email")),
        role=_role(record, profile, user_id),
        active=not truth(record.get("deleted")),
        team=string(record.get("team_id")) or string(profile.get("team")),
        timezone=string(record.get("tz")),
        locale=string(record.get("locale")),
        profile=_profile(profile),
        avatar=local.get(user_id) or picture(profile),
        bot_ids=(bot_id,) if bot_id and bot_id != user_id else (),
    )


def _role(record: Json, profile: Json, user_id: str) -> Role:
    if user_id in SLACKBOT_IDS or truth(record.get("is_bot")) or truth(record.get("is_workflow_bot")):
        return Role.BOT
    if truth(record.get("is_stranger")):
        return Role.STRANGER
    if truth(record.get("is_owner")) or truth(record.get("is_primary_owner")):
        return Role.OWNER
    if truth(record.get("is_admin")):
        return Role.ADMIN
    if truth(record.get("is_ultra_restricted")):
        return Role.SINGLE_GUEST
    if truth(record.get("is_restricted")):
        return Role.GUEST
    return Role.BOT if string(profile.get("bot_id")) else Role.MEMBER


def _profile(profile: Json) -> Profile:
    return Profile(
        title=string(profile.get("title")),
        phone=string(profile.get("phone")),
        pronouns=string(profile.get("pronouns")),
        skype=string(profile.get("skype")),
        start_date=string(profile.get("start_date")),
        status_text=string(profile.get("status_text")),
        status_emoji=string(profile.get("status_emoji")),
        fields={
            name: value
            for name, entry in mapping(profile.get("fields")).items()
            if (value := string(mapping(entry).get("value")))
        },
    )


def picture(profile: Json) -> Bytes | None:
    """The largest picture a profile names."""
    for key in _PICTURES:
        url = profile.get(key)
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            return Remote(url)
    return None


class Met(Struct):
    """What messages tell about an id that no index lists."""

    reasons: set[str] = field(default_factory=set)
    profile: dict[str, Any] | None = None
    profile_ts: int = -1
    foreign_team: str = ""
    labels: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)  # bots: the names they posted under
    bot: bool = False
    avatar: Bytes | None = None

    def add(self, later: Met) -> None:
        self.reasons |= later.reasons
        if later.profile_ts >= self.profile_ts:
            self.profile, self.profile_ts = later.profile or self.profile, later.profile_ts
            self.foreign_team = later.foreign_team or self.foreign_team
        self.labels.update(later.labels)
        self.names.update(later.names)
        self.bot = self.bot or later.bot
        self.avatar = self.avatar or later.avatar


class People:
    """Collects during the first pass; `finish` makes everybody's entity."""

    def __init__(self, listed: Iterable[User]) -> None:
        self.listed: dict[UserId, User] = {user.id: user for user in listed}
        self.met: dict[UserId, Met] = {}
        self.bots: dict[str, UserId] = {bot: user.id for user in self.listed.values() for bot in user.bot_ids}
        self.bots |= dict.fromkeys(sorted(SLACKBOT_IDS - {SLACKBOT}), SLACKBOT)
        self._bots_before = 0

    def meet(self, user: UserId, reason: str) -> Met | None:
        """An id was seen; None where it is known already."""
        if user in self.listed:
            return None
        met = self.met.get(user)
        if met is None:
            met = self.met[user] = Met()
        met.reasons.add(reason)
        return met

    def meet_profile(self, user: UserId, profile: dict[str, Any], at: int, foreign_team: str) -> None:
        met = self.meet(user, "profile")
        if met is not None and at >= met.profile_ts:
            met.profile, met.profile_ts = profile, at
            met.foreign_team = foreign_team or met.foreign_team

    def meet_bot(self, bot: str, name: str, profile: dict[str, Any], avatar: Bytes | None) -> None:
        """A bot id was seen, perhaps with the user it belongs to (`bot_profile.user_id`)."""
        owner = string(profile.get("user_id"))
        if owner and bot not in self.bots:
            self.bots[bot] = owner
        user = self.bots.get(bot, bot)
        met = self.meet(user, "bot")
        if met is None:
            return
        met.bot = True
        if name := name or string(profile.get("name")):
            met.names[name] += 1
        met.avatar = met.avatar or avatar

    def is_known(self, user: UserId, reason: str) -> bool:
        """Whether it is no news to meet somebody for this reason, and to learn nothing else of them."""
        if user in self.listed:
            return True
        user = self.canonical(user)
        return user in self.listed or ((met := self.met.get(user)) is not None and reason in met.reasons)

    def canonical(self, user: UserId) -> UserId:
        """A bot's B… id is the same bot as its U… id."""
        return self.bots.get(user, user)

    def apart(self) -> People:
        """Those who are listed, to collect in one conversation whom it tells of; `join` brings that back."""
        people = People(())
        people.listed, people.bots, people._bots_before = self.listed, dict(self.bots), len(self.bots)
        return people

    @property
    def news(self) -> People:
        """Of people apart, what was collected alone: enough to be joined, in another process too."""
        people = People(())
        people.met, people.bots = self.met, dict(islice(self.bots.items(), self._bots_before, None))
        return people

    def join(self, other: People) -> None:
        """What was collected apart, as if it came after what was joined before."""
        for bot, owner in other.bots.items():
            self.bots.setdefault(bot, owner)
        for user, more in other.met.items():
            met = self.met.get(user)
            if met is None:
                self.met[user] = more
            else:
                met.add(more)

    def finish(self, workspace_team: str) -> dict[UserId, User]:
        """Everybody by id, those listed first; handles unique. Ids that turned out to be another's are folded in."""
        out = dict(self.listed)
        for bot in [bot for bot in self.met if self.bots.get(bot, bot) != bot]:
            folded = self.met.pop(bot)
            owner = self.bots[bot]
            if owner not in out:
                met = self.met.setdefault(owner, Met())
                met.reasons |= folded.reasons
                met.names.update(folded.names)
                met.bot, met.avatar = True, met.avatar or folded.avatar
        ids: dict[UserId, list[str]] = {}
        for bot, owner in sorted(self.bots.items()):
            if owner in out and bot not in out[owner].bot_ids and owner != SLACKBOT:
                ids.setdefault(owner, []).append(bot)
        taken = {user.handle for user in out.values()}
        for user in sorted(self.met):
            made = self._made_up(user, self.met[user], workspace_team, taken)
            taken.add(made.handle)
            out[user] = made
        for owner, bots in ids.items():
            user_ = out[owner]
            out[owner] = _with_bots(user_, bots)
        for bot, owner in sorted(self.bots.items()):
            if owner in out and owner in self.met and owner not in (bot, SLACKBOT):
                out[owner] = _with_bots(out[owner], [bot])
        return out

    def _made_up(self, user: UserId, met: Met, workspace_team: str, taken: set[str]) -> User:
        reason = next(reason for reason in REASONS if reason in met.reasons)
        profile = met.profile or {}
        label = _first(met.labels)
        full = string(profile.get("real_name"))
        spoken = _first(met.names)
        if user == SLACKBOT:
            name, handle, role = "Slackbot", "slackbot", Role.BOT
        elif met.bot or user.startswith(("B", "name:")):
            name = spoken or label or full or user.removeprefix("name:")
            handle, role = _slug(name) or user.lower(), Role.BOT
        else:
            name = string(profile.get("display_name")) or full or label or _WELL_KNOWN.get(user) or spoken or user
            handle = string(profile.get("name")) or label or _slug(spoken) or user.lower()
            role = _guest(profile)
            if met.foreign_team and met.foreign_team != workspace_team:
                role = Role.STRANGER
        return User(
            id=user,
            handle=_unique(handle, user, taken),
            name=name,
            full_name=full,
            role=role,
            team=met.foreign_team or string(profile.get("team")),
            avatar=met.avatar or picture(profile),
            reason=reason,
        )


def _guest(profile: Json) -> Role:
    if truth(profile.get("is_ultra_restricted")):
        return Role.SINGLE_GUEST
    return Role.GUEST if truth(profile.get("is_restricted")) else Role.MEMBER


def _with_bots(user: User, bots: list[str]) -> User:
    from msgspec.structs import replace

    return replace(user, bot_ids=tuple(dict.fromkeys((*user.bot_ids, *bots))))


def _first(counter: Counter[str]) -> str:
    """The most frequent, and of those the first in the alphabet."""
    return min(counter, key=lambda name: (-counter[name], name), default="")


def _slug(name: str) -> str:
    return _UNFIT.sub("-", name.lower()).strip("-.")


def _unique(handle: str, user: UserId, taken: set[str]) -> str:
    if handle not in taken:
        return handle
    tail = _slug(user)
    unique, number_ = f"{handle}-{tail}", 2
    while unique in taken:
        unique, number_ = f"{handle}-{tail}-{number_}", number_ + 1
    return unique
