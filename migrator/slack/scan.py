"""The first pass: reads every record once and keeps only what later ones need to know. slack-format.md 23.3.

Per conversation: which members when, which messages have replies, which threads lack their root. For the workspace: the
people, groups, team and domain that only messages tell of. A few bytes per thread; eight per message.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter

from msgspec import Struct, field

from migrator.ledger import Quarantined
from migrator.model import FileId, GroupId, Loc, Pin, Ts, UserId
from migrator.slack import glance
from migrator.slack.authors import author_of, own_name
from migrator.slack.day import day_of
from migrator.slack.glance import Glance
from migrator.slack.layout import Layout
from migrator.slack.logs import subject_of
from migrator.slack.loose import dicts, mapping, number, string
from migrator.slack.order import Spans, read
from migrator.slack.people import People, picture
from migrator.slack.subtypes import LOGS, SLACKBOT
from migrator.slack.times import among, before, instant, instants, is_ts, is_usual
from migrator.slack.wire import NULL, FileRecord, Record, loose

__all__ = ["Absent", "Findings", "Index", "Scanner", "pointed_at"]

_MENTION = re.compile(r"<@([A-Z0-9]{2,})(?:\|([^>]*))?>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|([^>]*))?>")
_RAW_USER = re.compile(rb'"(?:user_id|author_id)"\s*:\s*"([UWB][A-Z0-9]+)"')
_RAW_MENTION = re.compile(rb"(?:<|\\u003c)@([UWB][A-Z0-9]{2,})")
_RAW_GROUP = re.compile(rb'"usergroup_id"\s*:\s*"(S[A-Z0-9]+)"')
_TEAM = re.compile(r"https://files\.slack\.com/files-pri/(T[A-Z0-9]+)-")
_HOST = re.compile(r"https://([a-z0-9-]+)\.(?:enterprise\.)?slack\.com/files/")


class Absent(Struct, frozen=True):
    """A thread's root that the export does not hold: its ts, who wrote it where a reply tells, the first reply."""

    ts: Ts
    author: UserId
    at: Loc


class Index(Struct):
    """What the second pass knows of a conversation.

    `roots`: of messages that others reply to, sorted. `absent`: moment -> root to be
    made up. `moved`: moment of a thread's root that is itself a reply -> the true root. `shares`: file -> ts of the
    message it was uploaded with. `revisions`: ts -> places of the logs of its edits; `deleted`: ts of messages
    whose deletion is logged; `strays`: ts of messages that are neither there nor deleted, known by logs of their edits
    alone. `pins`: what messages tell of pins, for conversations whose index entry tells nothing; `pinned`: pinned file
    -> ts of a message that shows it.
    """

    spans: Spans = field(default_factory=Spans)
    roots: array[int] = field(default_factory=lambda: array("q"))
    absent: dict[int, Absent] = field(default_factory=dict)
    moved: dict[int, Ts] = field(default_factory=dict)
    shares: dict[FileId, Ts] = field(default_factory=dict)
    revisions: dict[Ts, list[Loc]] = field(default_factory=dict)
    deleted: set[Ts] = field(default_factory=set)
    strays: set[Ts] = field(default_factory=set)
    pins: list[Pin] = field(default_factory=list)
    pinned: dict[FileId, Ts] = field(default_factory=dict)
    authors: set[UserId] = field(default_factory=set)

    def is_root(self, moment: int) -> bool:
        return among(self.roots, moment)


class Findings:
    """What messages tell of the workspace: whom and which groups they name, their team and domain, what is damaged."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.groups: dict[GroupId, str] = {}
        self.teams: Counter[str] = Counter()
        self.domains: Counter[str] = Counter()
        self.quarantine: list[Quarantined] = []

    def join(self, other: Findings) -> None:
        """Those of one more conversation. The order of conversations counts; who read them does not."""
        self.people.join(other.people)
        for group, label in other.groups.items():
            self.groups[group] = label or self.groups.get(group, "")
        self.teams.update(other.teams)
        self.domains.update(other.domains)
        self.quarantine += other.quarantine


class Scanner(Findings):
    """Reads the members of one conversation, and finds what they tell."""

    def __init__(self, layout: Layout, people: People, pinned: frozenset[FileId]) -> None:
        """`pinned`: files that some conversation has pinned."""
        super().__init__(people.apart())
        self.layout, self.pinned = layout, pinned

    def conversation(self, members: list[str], *, listed: bool) -> Index:
        """The index of the conversation whose records lie in these members. Spans are in their order."""
        pass_ = _Pass(self, listed)
        pass_.index.spans.members = members
        for member in members:
            pass_.member(member)
        return pass_.finish()

    @property
    def findings(self) -> Findings:
        """For another process: without what was known before."""
        out = Findings(self.people.news)
        out.groups, out.teams, out.domains, out.quarantine = self.groups, self.teams, self.domains, self.quarantine
        return out

    def damaged(self, at: Loc, reason: str) -> None:
        self.quarantine.append(Quarantined(at, reason))

    def see(self, record: Record, moment: int) -> None:
        """Gather what one record tells of the workspace."""
        self._see_author(record, moment)
        text = record.text
        if text and "<" in text:
            self._see_text(text)
        if record.reactions:
            for reaction in record.reactions:
                for user in reaction.users or ():
                    self._meet(user, "reaction")
        if record.blocks is not NULL or record.attachments is not NULL:
            self._see_raw(record)
        if record.edited is not None and record.edited.user:
            self._meet(record.edited.user, "author")
        if record.inviter or record.parent_user_id or record.welcome_party_user_id:
            for named in (record.inviter, record.parent_user_id, record.welcome_party_user_id):
                self._meet(named, "mention")
        if record.file is not None:
            self._see_file(record.file)
        for file in record.files or ():
            self._see_file(file)
        if record.room is not NULL:
            room = mapping(loose(record.room))
            for key in ("participants", "participant_history"):
                for user in room.get(key) or ():
                    self._meet(user, "member")
        if record.team:
            self.teams[record.team] += 1

    def _meet(self, user: object, reason: str) -> None:
        if isinstance(user, str) and user and user not in self.people.listed:
            self.people.meet(self.people.canonical(user), reason)

    def _see_author(self, record: Record, moment: int) -> None:
        people = self.people
        if record.bot_id and not (record.user and record.user in people.listed):
            profile = mapping(loose(record.bot_profile)) if record.bot_profile is not NULL else {}
            if not record.user or string(profile.get("user_id")) == record.user:
                icons = mapping(loose(record.icons)) if record.icons is not NULL else mapping(profile.get("icons"))
                people.meet_bot(record.bot_id, own_name(record), profile, picture(icons))
        user = author_of(record, people.canonical)
        if user in people.listed:
            return
        if user == record.user and record.user_profile is not NULL:
            profile = mapping(loose(record.user_profile))
            home, host = record.user_team or string(profile.get("team")), record.team or ""
            people.meet_profile(user, profile, moment, home if host and home != host else "")
        met = people.meet(user, "author")
        if met is None:
            return
        if record.username and user == record.user and not record.bot_id:
            met.reasons.add("label")
            met.labels[record.username] += 1
        elif user.startswith("name:"):
            met.names[user.removeprefix("name:")] += 1

    def _see_text(self, text: str) -> None:
        if "<@" in text:
            for user, label in _MENTION.findall(text):
                if user in self.people.listed or user[0] not in "UWB":
                    continue
                met = self.people.meet(self.people.canonical(user), "label" if label else "mention")
                if met is not None and label:
                    met.labels[label.lstrip("@")] += 1
        if "<!subteam^" in text:
            for group, label in _GROUP.findall(text):
                self.groups[group] = label.lstrip("@") or self.groups.get(group, "")

    def _see_raw(self, record: Record) -> None:
        for raw in (record.blocks, record.attachments):
            data = bytes(raw)
            if b'user_id"' in data or b'author_id"' in data:
                for user in _RAW_USER.findall(data):
                    self._meet(user.decode(), "mention")
            if b"@" in data:
                for user in _RAW_MENTION.findall(data):
                    self._meet(user.decode(), "mention")
            if b'usergroup_id"' in data:
                for group in _RAW_GROUP.findall(data):
                    self.groups.setdefault(group.decode(), "")

    def _see_file(self, file: FileRecord) -> None:
        if file.user:
            self._meet(file.user, "author")
        for reaction in file.reactions or ():
            for user in reaction.users or ():
                self._meet(user, "reaction")
        if file.permalink and (host := _HOST.match(file.permalink)):
            self.domains[host[1]] += 1
        if file.url_private and (team := _TEAM.match(file.url_private)):
            self.teams[team[1]] += 1


class _Pass:
    """One conversation's first pass."""

    def __init__(self, scanner: Scanner, listed: bool) -> None:
        self.scanner, self.listed = scanner, listed
        self.index = Index()
        self.moments = array("q")  # of all records
        self.targets: set[int] = set()  # moments of roots
        self.unseen: dict[int, tuple[UserId, int, Loc]] = {}  # those not met before their replies: author, first reply
        self.spelling: dict[int, Ts] = {}  # of moments whose ts is not written as usual
        self.reply_moments, self.reply_roots = array("q"), array("q")
        self.comments: list[tuple[FileId, int]] = []
        self.ascending = True

    def member(self, member: str) -> None:
        """Read a member: its sound and common records at a glance, any other one closely."""
        if not self._glance(member):
            self._read(member)

    def _read(self, member: str) -> None:
        first, last = -1, 0
        for at, record in read(self.scanner.layout, member, self.scanner.damaged):
            moment = instant(record.ts)
            first, last = moment if first < 0 else min(first, moment), max(last, moment)
            if self.moments and moment < self.moments[-1]:
                self.ascending = False
            self.moments.append(moment)
            self._see(record, moment, at)
        self._span(max(first, 0), last)

    def _glance(self, member: str) -> bool:
        """Whether a glance was enough; if not, nothing was noted."""
        content = self.scanner.layout.content(member)
        day = day_of(content, glance.decode_all) if content is not None else None
        if content is None or day is None or not day.rising:
            return False
        records, moments = day.records, day.moments
        close = glance.look_closely(content, records, self.scanner.people)
        if close is None:
            return False
        if moments and self.moments and moments[0] < self.moments[-1]:
            self.ascending = False
        self.moments.extend(moments)
        self._span(*((moments[0], moments[-1]) if moments else (0, 0)))
        quiet = [record for place, record in enumerate(records) if place not in close] if close else records
        self.scanner.teams.update([record.team for record in quiet if record.team])
        if not self.listed:
            self.index.authors.update(record.user for record in quiet if record.user)
        replies = {
            place: record.thread_ts
            for place, record in enumerate(records)
            if record.thread_ts is not None and record.thread_ts != record.ts and place not in close
        }
        targets = dict(zip(replies, instants(list(replies.values())) or (), strict=False))
        for place in sorted({*replies, *close}) if close else replies:
            moment, at = moments[place], Loc(member, place)
            if place in close:
                self._see(close[place], moment, at)
            elif place not in targets:
                self._thread(records[place], moment, at)
            elif targets[place] < moment:
                self._reply(records[place], targets[place], moment, at)
        return True

    def _span(self, first: int, last: int) -> None:
        self.index.spans.firsts.append(first)
        self.index.spans.lasts.append(last)

    def _see(self, record: Record, moment: int, at: Loc) -> None:
        self.scanner.see(record, moment)
        if record.subtype not in LOGS:
            self._thread(record, moment, at)
        if record.subtype is not None or record.hidden:
            self._odd(record, at)
        if record.files or record.file is not None or record.pinned_to:
            self._pins(record)
        if not self.listed:
            self._unlisted(record)

    def _thread(self, record: Record | Glance, moment: int, at: Loc) -> None:
        root = pointed_at(record)
        if root is None:
            return
        target = instant(root)
        if not is_usual(root) and root != _usual(target):
            self.spelling[target] = root
        self._reply(record, target, moment, at)

    def _reply(self, record: Record | Glance, target: int, moment: int, at: Loc) -> None:
        if target not in self.targets or target in self.unseen:  # else it is a root that was met before
            self.targets.add(target)
            if not (self.ascending and among(self.moments, target)):
                author, first, place = self.unseen.get(target, ("", moment, at))
                earliest = (moment, at) if moment < first else (first, place)
                self.unseen[target] = (author or record.parent_user_id or "", *earliest)
        self.reply_moments.append(moment)
        self.reply_roots.append(target)

    def _odd(self, record: Record, at: Loc) -> None:
        file = record.file
        if record.subtype == "file_share" and file is not None and file.id:
            self.index.shares.setdefault(file.id, record.ts)
        elif record.subtype == "file_comment" and file is not None and file.id:
            self.comments.append((file.id, instant(record.ts)))
        elif record.subtype in LOGS and (subject := subject_of(record)):
            if record.subtype == "message_changed":
                self.index.revisions.setdefault(subject, []).append(at)
            elif record.subtype == "message_deleted":
                self.index.deleted.add(subject)

    def _pins(self, record: Record) -> None:
        for file in (record.file, *(record.files or ())):
            if file is not None and file.id in self.scanner.pinned:
                self.index.pinned.setdefault(file.id, record.ts)
        if record.pinned_to:
            details = mapping(mapping(loose(record.pinned_info)).get(record.pinned_to[0]))
            pin = Pin(record.ts, by=string(details.get("pinned_by")), at=number(details.get("pinned_ts")))
            self.index.pins.append(pin)

    def _unlisted(self, record: Record) -> None:
        self.index.authors.add(author_of(record, self.scanner.people.canonical))
        if record.subtype == "pinned_item":
            for quote in dicts(loose(record.attachments)):
                if is_ts(target := string(quote.get("ts"))):
                    self.index.pins.append(Pin(target, by=record.user or "", at=number(record.ts)))

    def finish(self) -> Index:
        index = self.index
        moments = self.moments if self.ascending else array("q", sorted(self.moments))
        for file, moment in self.comments:
            share = index.shares.get(file)
            if share is not None and instant(share) < moment:
                self.targets.add(instant(share))
        above = {m: r for m, r in zip(self.reply_moments, self.reply_roots, strict=True) if m in self.targets}
        for moment in above:
            top = moment
            while top in above:  # ends: a root is always earlier than its reply
                top = above[top]
            index.moved[moment] = self.spelling.get(top) or _usual(top)
        for target, (author, _, at) in self.unseen.items():
            if target not in above and not among(moments, target):
                absent = Absent(self.spelling.get(target) or _usual(target), author or SLACKBOT, at)
                index.absent[target] = absent
                self.scanner.people.meet(absent.author, "author")
        for ts in [ts for ts in index.revisions if not among(moments, instant(ts))]:
            del index.revisions[ts]
            if ts not in index.deleted:
                index.strays.add(ts)
        index.roots = array("q", sorted(self.targets - above.keys()))
        return index


def _usual(moment: int) -> Ts:
    """A moment as Slack writes it."""
    return f"{moment // 1_000_000}.{moment % 1_000_000:06d}"


def pointed_at(record: Record | Glance) -> Ts | None:
    """The root's ts of a reply; None for anything else, a root and a link forward in time included."""
    thread = record.thread_ts
    if thread is None or thread == record.ts or not is_ts(thread):
        return None
    return thread if before(thread, record.ts) else None
