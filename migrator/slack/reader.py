"""An opened export: the entities at once, the messages one by one. The door to everything in this folder.

Opening reads every record once (`scan`), because people, threads and damage are known only then; memory holds entities
and a few bytes per thread, never messages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import chain, filterfalse
from pathlib import Path
from posixpath import basename
from typing import Any, BinaryIO

from msgspec import Struct, field
from msgspec.structs import replace

from migrator.crew import Crew
from migrator.errors import SkipItem, UsageError
from migrator.ledger import Fate, Feature, Ledger, Loss, Quarantined
from migrator.model import (
    Author,
    Bytes,
    Conversation,
    ConversationId,
    ConversationKind,
    CustomEmoji,
    File,
    FileId,
    Loc,
    Local,
    Message,
    MessageKind,
    Missing,
    Remote,
    Ts,
    UserGroup,
    Workspace,
)
from migrator.slack.archive import Archive, open_archive
from migrator.slack.authors import author_of
from migrator.slack.census import Census, take_census
from migrator.slack.context import Context
from migrator.slack.conversations import INDEXES, listed_conversation, people_of, unlisted_kind
from migrator.slack.damage import Damaged
from migrator.slack.files import Files
from migrator.slack.found import found_in, reacted
from migrator.slack.layout import Folder, Layout, open_layout
from migrator.slack.loose import mapping, parse, string, strings
from migrator.slack.messages import Maker
from migrator.slack.names import is_day
from migrator.slack.order import ENVELOPES, WHOLE, Kept, Reading, in_order, moments_of, read
from migrator.slack.people import People, listed_user
from migrator.slack.scan import Absent, Findings, Index, Scanner
from migrator.slack.subtypes import SLACKBOT
from migrator.slack.times import among, instant, is_ts
from migrator.slack.wire import Record

__all__ = ["Export", "open_export"]

_ZIP_NAME = re.compile(r"(.+?) Slack export\b")
_NEVER = 1 << 62  # later than any moment
_REMEMBERED = 256  # members whose moments are kept while links are looked up
_AGAIN = "a later record of the same message replaces it"


class _Listing(Struct):
    """What the indexes say."""

    conversations: dict[ConversationId, Conversation] = field(default_factory=dict)
    private: bool = False  # whether indexes of private conversations are there


class Export:
    """An export, or several of one workspace. Close it after use."""

    def __init__(self, layout: Layout, crew: Crew) -> None:
        self.layout = layout
        self.fingerprint = layout.fingerprint
        self.quarantine: list[Quarantined] = list(layout.refused)
        self.listed_people = 0
        self._logs: tuple[str, dict[Loc, Record]] = ("", {})
        self._moments = lru_cache(_REMEMBERED)(partial(moments_of, layout))
        self._open(crew)

    def _open(self, crew: Crew) -> None:
        layout = self.layout
        avatars: dict[str, Bytes] = {
            user: Local(member, layout.size(member)) for user, member in layout.avatars.items()
        }
        listed = {}
        for record in chain(self._index("users", "id"), self._index("org_users", "id")):
            if (user := listed_user(record, avatars)) is not None:
                listed[user.id] = user
        self.listed_people = len(listed)
        self.people = People(listed.values())
        self._emoji = self._custom_emoji()
        listing = self._listing()
        members = self._members(listing)
        pinned = frozenset(pin.file for c in listing.conversations.values() for pin in c.pins if pin.file)
        self._found = Findings(self.people)
        self.indexes = self._scan(members, listing, pinned, crew)
        self.quarantine += self._found.quarantine
        self.workspace = self._workspace(listing)
        self.context = Context(self.workspace.domain, self.workspace.emoji)
        self._maker = Maker(self.workspace.users, self.people.canonical, Files(layout), self.context, self._again)

    def _scan(
        self, members: dict[ConversationId, list[str]], listing: _Listing, pinned: frozenset[FileId], crew: Crew
    ) -> dict[ConversationId, Index]:
        """The first pass, conversation by conversation, perhaps by several processes."""

        def scan(conversation: ConversationId) -> tuple[Index, Findings]:
            scanner = Scanner(self.layout, self.people, pinned)
            index = scanner.conversation(members[conversation], listed=conversation in listing.conversations)
            index.spans.members = []  # they are known here
            return index, scanner.findings

        def weight(conversation: ConversationId) -> int:
            return self.layout.weight(members[conversation])

        indexes = {}
        for conversation, (index, findings) in zip(members, crew.run(scan, list(members), weight), strict=True):
            index.spans.members = members[conversation]
            indexes[conversation] = index
            self._found.join(findings)
        return indexes

    def close(self) -> None:
        self.layout.close()

    # ── indexes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _index(self, kind: str, *needed: str) -> Iterator[dict[str, Any]]:
        """The records of an index that are objects, with a text under one of `needed`; what is not is set aside."""
        for at, piece in self.layout.index(kind):
            if isinstance(piece, Damaged):
                self.quarantine.append(Quarantined(at, piece.reason))
                continue
            try:
                value = parse(piece)
            except (ValueError, RecursionError):
                self.quarantine.append(Quarantined(at, "not valid JSON"))
                continue
            if not isinstance(value, dict):
                self.quarantine.append(Quarantined(at, "not an object"))
            elif needed and not any(string(value.get(key)) for key in needed):
                self.quarantine.append(Quarantined(at, f"no {' and no '.join(needed)}"))
            else:
                yield value

    def _custom_emoji(self) -> dict[str, CustomEmoji]:
        """emoji.json as emoji.list answers: {name: address or "alias:name"}, perhaps under "emoji"."""
        found = {}
        for record in self._index("emoji"):
            names = mapping(record.get("emoji")) or record
            for name, value in names.items():
                if not isinstance(value, str) or not value:
                    continue
                if value.startswith("alias:"):
                    found[name] = CustomEmoji(name, alias_of=value.removeprefix("alias:"))
                elif value.startswith("http"):
                    found[name] = CustomEmoji(name, Remote(value))
        return dict(sorted(found.items()))

    def _listing(self) -> _Listing:
        listing = _Listing()
        context = Context(emoji=self._emoji)
        for kind, means in INDEXES.items():
            for record in self._index(kind, "id", "name"):
                listing.private = listing.private or kind != "channels"
                for user in filterfalse(self.people.listed.__contains__, people_of(record)):
                    self.people.meet(user, "member")
                if (conversation := listed_conversation(record, means, context)) is not None:
                    listing.conversations[conversation.id] = conversation
        return listing

    def _members(self, listing: _Listing) -> dict[ConversationId, list[str]]:
        """Members of each conversation in the order in which later ones count."""
        members: dict[ConversationId, list[str]] = {conversation: [] for conversation in listing.conversations}
        self._folders: dict[ConversationId, Folder] = {}
        for folder in self.layout.folders:
            own = f"{folder.team}-{folder.name}" if folder.team else folder.name  # workspaces of a Grid share names
            conversation = folder.conversation or own
            members.setdefault(conversation, []).extend(folder.members)
            self._folders[conversation] = folder
        return members

    # ── entities ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _workspace(self, listing: _Listing) -> Workspace:
        scanner = self._found
        teams = scanner.teams.copy()
        for user in self.people.listed.values():
            if user.team:
                teams[user.team] += 1
        described = next(self._index("workspace"), {})
        team = string(described.get("team_id")) or string(described.get("id")) or _most(teams)
        domain = string(described.get("domain")) or _most(scanner.domains)
        stem = self.layout.archives[-1].path.resolve().stem
        named = _ZIP_NAME.match(stem)
        name = string(described.get("team")) or string(described.get("name"))
        name = name or (named[1] if named else "") or domain or stem
        groups = {id_: UserGroup(id_, handle or id_) for id_, handle in sorted(scanner.groups.items())}
        for record in self._index("usergroups"):
            if id_ := string(record.get("id")):
                handle, title = string(record.get("handle")), string(record.get("name"))
                groups[id_] = UserGroup(id_, handle or title or id_, title, tuple(strings(record.get("users"))))
        conversations = {id_: self._settled(c) for id_, c in listing.conversations.items()}
        for id_ in self.indexes:
            if id_ not in conversations:
                conversations[id_] = self._unlisted(id_, private=listing.private)
        users = self.people.finish(team)
        return Workspace(team or domain or name, name, domain, users, conversations, groups, self._emoji)

    def _settled(self, conversation: Conversation) -> Conversation:
        """With what only messages tell: whose a B… id is, where a pinned file was shown, pins of API-made exports."""
        index = self.indexes[conversation.id]
        members = tuple(dict.fromkeys(map(self.people.canonical, conversation.members)))
        pins = [replace(pin, ts=index.pinned.get(pin.file, "")) if pin.file else pin for pin in conversation.pins]
        known = {pin.ts for pin in pins}
        pins += [pin for pin in dict.fromkeys(index.pins) if pin.ts not in known]
        return replace(conversation, members=members, pins=tuple(pins))

    def _unlisted(self, id_: ConversationId, *, private: bool) -> Conversation:
        index, folder = self.indexes[id_], self._folders[id_]
        kind = unlisted_kind(folder.name, private_indexes=private)
        authors = {self.people.canonical(author) for author in index.authors}
        return Conversation(
            id=id_,
            name="" if kind is ConversationKind.DIRECT else folder.name,
            kind=kind,
            members=() if kind is ConversationKind.PUBLIC else tuple(sorted(authors - {SLACKBOT})),
            pins=tuple(dict.fromkeys(index.pins)),
            reason="folder",
        )

    # ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, conversation: ConversationId, ledger: Ledger | None = None) -> Iterator[Message]:
        """See `adapters.base.Source`. KeyError for a conversation that is not there."""
        index = self.indexes[conversation]
        ledger = ledger if ledger is not None else Ledger()
        plain, make, canonical, users = self._maker.plain, self._maker.make, self.people.canonical, self.workspace.users
        tally: Counter[Feature] = Counter()
        texts = replies = edits = reactions = rest = 0  # of plain records
        gaps, roots = iter(sorted(index.absent)), iter(index.roots)
        gap, root = next(gaps, _NEVER), next(roots, _NEVER)
        try:
            for kept in chain.from_iterable(self._batches(conversation, ledger, WHOLE)):
                if kept.replaced:
                    _set_aside(ledger, kept.replaced)
                moment = kept.instant
                while gap < moment:
                    yield self._placeholder(conversation, index.absent[gap], kept.at)
                    gap = next(gaps, _NEVER)
                while root < moment:
                    root = next(roots, _NEVER)
                message = plain(conversation, kept, index, replied=root == moment)
                if message is not None:
                    texts += 1
                    if message.thread:
                        replies += 1
                    if kept.record.edited is not None:
                        edits += 1
                    if kept.record.reactions:
                        named, more = reacted(kept.record.reactions)
                        reactions, rest = reactions + named, rest + more
                    yield message
                    continue
                author = author_of(kept.record, canonical)
                found = found_in(kept.record, index, author, users)
                for feature, count in found.items():
                    tally[feature] += count
                message, losses = make(conversation, kept, index, author, replied=root == moment)
                if losses:
                    _settle(kept.at, message, losses, found, ledger)
                if message is not None:
                    yield message
        finally:
            tally.update({Feature.MESSAGE: texts, Feature.REPLY: replies, Feature.EDIT: edits})
            tally.update({Feature.REACTION: reactions, Feature.REACTION_REST: rest})
            ledger.found.update(+tally)

    def holds(self, conversation: ConversationId, ts: Ts) -> bool:
        """See `adapters.base.Source`."""
        index = self.indexes.get(conversation)
        if index is None or not is_ts(ts):
            return False
        moment = instant(ts)
        return moment in index.absent or any(among(self._moments(m), moment) for m in index.spans.around(moment))

    def weight(self, conversation: ConversationId) -> int:
        """Bytes of its day files."""
        return self.layout.weight(self.indexes[conversation].spans.members)

    def kept(
        self, conversation: ConversationId, ledger: Ledger | None = None, reading: Reading = ENVELOPES
    ) -> Iterator[Kept]:
        """The raw records that count, in order. A `ledger` is told of the others."""
        ledger = ledger if ledger is not None else Ledger()
        for kept in chain.from_iterable(self._batches(conversation, ledger, reading)):
            if kept.replaced:
                _set_aside(ledger, kept.replaced)
            yield kept

    def _batches(self, conversation: ConversationId, ledger: Ledger, reading: Reading) -> Iterator[Iterable[Kept]]:
        """The same, several at a time; those that they replace are still to be set aside."""

        def damaged(at: Loc, reason: str) -> None:
            ledger.find(Feature.MESSAGE)
            ledger.settle(Feature.MESSAGE, Fate.QUARANTINED, note=reason, at=at)

        return in_order(self.layout, self.indexes[conversation].spans, damaged, reading)

    def _placeholder(self, conversation: ConversationId, absent: Absent, at: Loc) -> Message:
        author = Author(self.people.canonical(absent.author))
        return Message(conversation, absent.ts, at, author, MessageKind.PLACEHOLDER, is_root=True)

    def _again(self, at: Loc) -> Record | None:
        """The log of an edit, by its place; one member's logs are remembered."""
        if self._logs[0] != at.member:
            logs = {
                place: record
                for place, record in read(self.layout, at.member, lambda _at, _reason: None)
                if record.subtype == "message_changed"
            }
            self._logs = (at.member, logs)
        return self._logs[1].get(at)

    # ── bytes and counts ────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, file: File) -> BinaryIO:
        """The bytes of a file whose `data` is Local. Raises SkipItem where they turn out to be unreadable."""
        if not isinstance(file.data, Local):
            reason = file.data.reason if isinstance(file.data, Missing) else "its bytes are not in the export"
            raise SkipItem(reason)
        return self.layout.open(file.data.member)

    def census(self) -> Census:
        """Counts of everything, before any choice. Reads the export once more."""
        return take_census(self)


def _set_aside(ledger: Ledger, replaced: Iterable[Loc]) -> None:
    for at in replaced:
        ledger.find(Feature.MESSAGE)
        ledger.settle(Feature.MESSAGE, Fate.SKIPPED, note=_AGAIN, at=at)


def _settle(
    at: Loc, message: Message | None, losses: Sequence[Loss], found: Mapping[Feature, int], ledger: Ledger
) -> None:
    """What a record holds and its message does not; where there is none, all that was found."""
    if message is None:
        (why,) = losses
        for feature, count in found.items():
            ledger.settle(feature, why.fate, count, note=why.note, at=at)
        return
    for loss in losses:
        if loss.feature not in found:
            ledger.find(loss.feature, loss.count)
        ledger.settle(loss.feature, loss.fate, loss.count, note=loss.note, at=at)


def open_export(paths: Sequence[Path], crew: Crew | None = None) -> Export:
    """One or more exports of one workspace, in any order: the one with the newest day is the latest. `crew` reads.

    ExportError where one cannot be read at all, UsageError for none.
    """
    if not paths:
        raise UsageError("no export was given", hint="slack-migrator inspect EXPORT")
    archives = []
    try:
        for path in paths:
            archives.append(open_archive(path))  # noqa: PERF401 - those opened so far are closed on an error
    except BaseException:
        for archive in archives:
            archive.close()
        raise
    layout = open_layout(_by_age(archives))
    try:
        _refuse_strangers(layout)
    except BaseException:
        layout.close()
        raise
    return Export(layout, crew or Crew())


def _refuse_strangers(layout: Layout) -> None:
    """Several exports must be of one workspace, as far as their lists of people tell."""
    if len(layout.archives) == 1:
        return
    teams: dict[str, Counter[str]] = {}
    for at, piece in layout.index("users"):
        with suppress(ValueError, RecursionError):
            if not isinstance(piece, Damaged) and (user := listed_user(mapping(parse(piece)), {})) and user.team:
                teams.setdefault(at.member.partition("/")[0], Counter())[user.team] += 1
    homes = {label: _most(counted) for label, counted in teams.items()}
    if len({*homes.values()}) > 1:
        raise UsageError(
            f"these exports are of different workspaces: {', '.join(f'{name} of {t}' for name, t in homes.items())}",
            hint="move each workspace by a command of its own",
        )


def _by_age(archives: list[Archive]) -> list[Archive]:
    """The latest last; as given where an archive has no day files to tell by."""
    if len(archives) == 1:
        return archives
    newest = [max(filter(is_day, map(basename, archive.names())), default="") for archive in archives]
    if not all(newest):
        return archives
    return [archives[number] for number in sorted(range(len(archives)), key=newest.__getitem__)]


def _most(counter: dict[str, int]) -> str:
    """The most frequent; of equals the first in the alphabet."""
    return min(counter, key=lambda key: (-counter[key], key), default="")
