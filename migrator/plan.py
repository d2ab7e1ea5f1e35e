"""What a move would do, worked out before anything is written.

Pure: source + what the target holds already + options + what the adapter declares -> plan. Reading everything once, it
composes every message as the target would show it, so the ledger of the plan is exact, and it balances or nothing runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from typing import Protocol

import msgspec
from msgspec import Struct

from migrator.adapters.base import ActsFor, Adapter, Composed, Draft, Key, Kind, Limits, RemoteId, Route, Source, Target
from migrator.directory import Names
from migrator.errors import StalePlan, UsageError
from migrator.ledger import Fate, Feature, Ledger, Line
from migrator.model import (
    Conversation,
    ConversationKind,
    File,
    FileMode,
    Local,
    Message,
    MessageKind,
    Reaction,
    Role,
    Workspace,
)
from migrator.survey import features
from migrator.survey_text import text_features

__all__ = [
    "ConversationLine",
    "Options",
    "Plan",
    "Planner",
    "Snapshot",
    "choose_route",
    "make_plan",
    "may_act",
    "post_key",
    "reaction_key",
]

PLAN_VERSION = 1


class Options(Struct, frozen=True, omit_defaults=True):
    """The mover's choices. `only`: names or ids of conversations (empty: all). `adapter`: choices for one target."""

    route: str = ""
    skip_notices: bool = False
    only: tuple[str, ...] = ()
    adapter: Mapping[str, str] = {}

    @property
    def digest(self) -> str:
        return blake2b(msgspec.json.encode(self, order="sorted"), digest_size=8).hexdigest()


class Snapshot(Protocol):
    """What is on the target already, as the journal and the target itself say."""

    serial: str

    def remote(self, kind: Kind, key: Key) -> RemoteId | None: ...
    def done(self, kind: Kind, conversation: str) -> Mapping[Key, tuple[RemoteId, str]]:
        """Posts or reactions of a conversation: key to (remote id, digest)."""
        ...


class ConversationLine(Struct, frozen=True):
    """One conversation in the plan. Counts are of posts: a message may become several, or none."""

    id: str
    name: str
    kind: ConversationKind
    exists: bool
    messages: int
    new: int
    changed: int
    present: int
    reactions: int  # new ones
    first: str = ""
    last: str = ""
    digest: str = ""


class Plan(Struct, frozen=True):
    """The plan as saved in the run folder. The first five fields say what it is bound to; see `refuse_if_stale`."""

    fingerprint: str
    target: str
    route: str
    options: str
    serial: str
    create: Mapping[str, int]  # entity kind to how many are new
    present: Mapping[str, int]
    conversations: tuple[ConversationLine, ...]
    ledger: tuple[Line, ...]
    found: Mapping[str, int]
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    version: int = PLAN_VERSION

    @property
    def posts(self) -> int:
        return sum(line.new + line.changed for line in self.conversations)

    @property
    def reactions(self) -> int:
        return sum(line.reactions for line in self.conversations)

    @property
    def changes(self) -> bool:
        return bool(self.posts or self.reactions or any(self.create.values()))

    def refuse_if_stale(self, fingerprint: str, target: str, options: str, serial: str) -> None:
        """Raises StalePlan naming what changed since the plan was made."""
        now = {"export": (self.fingerprint, fingerprint), "target": (self.target, target)}
        now |= {"options": (self.options, options), "run folder": (self.serial, serial)}
        if changed := [name for name, (then, today) in now.items() if then != today]:
            raise StalePlan(
                f"the {' and the '.join(changed)} changed since this plan was made",
                hint="make a new one: slack-migrator plan EXPORT --to TARGET",
            )


def post_key(message: Message, part: str = "") -> Key:
    base = f"{message.conversation}/{message.ts}"
    return f"{base}/{part}" if part else base


def reaction_key(message: Message, reaction: Reaction, user: str) -> Key:
    tone = f"::{reaction.tone}" if reaction.tone else ""
    return f"{message.conversation}/{message.ts}/{reaction.name}{tone}/{user}"


def choose_route(adapter: Adapter, wanted: str) -> Route:
    """The route asked for, else the adapter's first (its best). UsageError names the ones there are."""
    for route in adapter.routes:
        if wanted in ("", route.name):
            return route
    raise UsageError(
        f"{adapter.name} has no route {wanted!r}", hint=f"choose one of: {', '.join(r.name for r in adapter.routes)}"
    )


NOT_THEIRS = "only they could do it themselves: the target gives nobody the right to act for them"


def may_act(adapter: Adapter, route: Route, user: str) -> bool:
    """Whether what only this person could do can be done for them. A package needs nobody's leave."""
    return route.by_hand is not None or not isinstance(adapter, ActsFor) or adapter.acts_for(user)


def is_skipped(message: Message, options: Options) -> bool:
    """Whether the mover asked to leave this message out."""
    return options.skip_notices and message.kind is MessageKind.EVENT and not message.is_root and not message.thread


def chosen(source: Source, options: Options) -> list[Conversation]:
    """The conversations to move, in a stable order. UsageError for a name that is not there."""
    everything = list(source.workspace.conversations.values())
    if not options.only:
        return everything
    wanted = {name.lstrip("#") for name in options.only}
    picked = [c for c in everything if c.id in wanted or c.name in wanted]
    if missing := wanted - {c.id for c in picked} - {c.name for c in picked}:
        raise UsageError(
            f"there is no conversation {', '.join(sorted(missing))} in the export",
            hint="slack-migrator inspect EXPORT lists them",
        )
    return picked


def make_plan(source: Source, adapter: Adapter, target: Target | None, snapshot: Snapshot, options: Options) -> Plan:
    """Read everything, write nothing. Raises BalanceError where the conservation law does not hold."""
    planner = Planner(source, adapter, target, snapshot, options)
    for conversation in chosen(source, options):
        for message in planner.watch(conversation):
            planner.take(message, adapter.compose(message, planner.names, planner.limits))
    return planner.plan()


class Planner:
    """A plan in the making: whoever composes the messages it hands out tells it what they became.

    `make_plan` does so before anything is written; a route that needs no server can do it while it writes.
    """

    def __init__(
        self, source: Source, adapter: Adapter, target: Target | None, snapshot: Snapshot, options: Options
    ) -> None:
        self.source, self.adapter, self.target = source, adapter, target
        self.snapshot, self.options = snapshot, options
        self.route = choose_route(adapter, options.route)
        self.limits = target.limits if target else Limits()
        self.names = Names(source.workspace, partial(_foreseen, source.workspace, self.route, snapshot))
        self.ledger = Ledger()
        self.may_act = partial(may_act, adapter, self.route)
        self._create, self._present = _entities(source, snapshot, self.route, self.ledger, self.may_act)
        self._lines: dict[str, ConversationLine] = {}
        self._open: dict[str, _ConversationPlanner] = {}

    def watch(self, conversation: Conversation) -> Iterator[Message]:
        """The messages of a conversation that are to move. Once for each conversation, to its end."""
        planner = _ConversationPlanner(
            conversation, self.route, self.limits, self.snapshot, self.options, self.ledger, self.may_act
        )
        self._open[conversation.id] = planner
        yield from planner.watch(self.source)
        self._lines[conversation.id] = self._open.pop(conversation.id).line()

    def take(self, message: Message, composed: Composed) -> None:
        """What a message that was handed out became."""
        self._open[message.conversation].take(message, composed)

    def plan(self) -> Plan:
        """The plan, after the last conversation. BalanceError where the law does not hold."""
        if self.options.only:
            _skip_the_rest(self.source, self.options, self.ledger)
        self.ledger.balance()
        lines = [self._lines[conversation.id] for conversation in chosen(self.source, self.options)]
        posts = sum(line.new + line.changed + line.reactions for line in lines)
        found = {feature.value: self.ledger.found[feature] for feature in Feature if self.ledger.found[feature]}
        return Plan(
            fingerprint=self.source.fingerprint,
            target=self.target.identity if self.target else self.adapter.name,
            route=self.route.name,
            options=self.options.digest,
            serial=self.snapshot.serial,
            create=self._create,
            present=self._present,
            conversations=tuple(lines),
            ledger=tuple(self.ledger.lines()),
            found=found,
            warnings=self.target.warnings if self.target else (),
            seconds=posts / self.route.rate if self.route.rate else 0.0,
        )


FORESEEN = "0" * 24  # the id of what is not there yet but will be; any text will do, digests hold no remote ids


def _foreseen(workspace: Workspace, route: Route, snapshot: Snapshot, kind: Kind, key: Key) -> RemoteId | None:
    """What a writer will find when messages are sent: by then people, conversations, groups and emoji are made."""
    if (remote := snapshot.remote(kind, key)) is not None:
        return remote
    if kind is Kind.EMOJI:
        emoji = workspace.emoji.get(key)
        made = emoji is not None and isinstance(emoji.image, Local) and _holds(route, Feature.CUSTOM_EMOJI)
    elif kind is Kind.GROUP:
        made = key in workspace.groups and _holds(route, Feature.USER_GROUP)
    else:
        made = (kind is Kind.USER and key in workspace.users) or (
            kind is Kind.CONVERSATION and key in workspace.conversations
        )
    return FORESEEN if made else None


def _holds(route: Route, feature: Feature) -> bool:
    return route.fates[feature].fate is not Fate.DROPPED


class _ConversationPlanner:
    """One conversation's pass: counts what is new, settles every feature."""

    def __init__(
        self,
        conversation: Conversation,
        route: Route,
        limits: Limits,
        snapshot: Snapshot,
        options: Options,
        ledger: Ledger,
        may_act: Callable[[str], bool],
    ) -> None:
        self.conversation, self.may_act = conversation, may_act
        self.route, self.limits = route, limits
        self.snapshot, self.options, self.ledger = snapshot, options, ledger
        self.placeholders: set[str] = set()
        self.posts = snapshot.done(Kind.POST, conversation.id)
        self.reactions = snapshot.done(Kind.REACTION, conversation.id)
        self.count, self.tally = 0, Counter[str]()
        self.first = self.last = ""
        self.seen = blake2b(digest_size=12)
        self.here: set[str] = set()  # pinned messages that were met

    def watch(self, source: Source) -> Iterator[Message]:
        """The messages to move, each to be taken next; those left out are settled here."""
        pinned = {pin.ts for pin in self.conversation.pins if pin.ts}
        for message in source.messages(self.conversation.id, self.ledger):
            self.count += 1
            self.first, self.last = self.first or message.ts, message.ts
            if message.ts in pinned:
                self.here.add(message.ts)
            if is_skipped(message, self.options):
                self._skip(message)
            else:
                yield message

    def take(self, message: Message, composed: Composed) -> None:
        self._settle(message, composed)
        for draft in composed.drafts:
            self.seen.update(f"{post_key(message, draft.part)}={draft.digest};".encode())
            self.tally[self._state(post_key(message, draft.part), draft)] += 1
        self.tally["reactions"] += sum(
            reaction_key(message, reaction, user) not in self.reactions and self.may_act(user)
            for reaction in message.reactions
            for user in reaction.users
        )

    def line(self) -> ConversationLine:
        """The sum, after the last message."""
        tally = self.tally
        self._settle_pins(self.here)
        return ConversationLine(
            id=self.conversation.id,
            name=self.conversation.name,
            kind=self.conversation.kind,
            exists=self.snapshot.remote(Kind.CONVERSATION, self.conversation.id) is not None,
            messages=self.count,
            new=tally["new"],
            changed=tally["changed"],
            present=tally["present"],
            reactions=tally["reactions"],
            first=self.first,
            last=self.last,
            digest=self.seen.hexdigest(),
        )

    def _state(self, key: Key, draft: Draft) -> str:
        known = self.posts.get(key)
        if known is None:
            return "new"
        return "present" if known[1] in ("", draft.digest) else "changed"

    def _skip(self, message: Message) -> None:
        for feature, n in features(message):
            self.ledger.settle(feature, Fate.SKIPPED, n, note="left out on request", at=message.at)

    def _settle(self, message: Message, composed: Composed) -> None:
        counts = Counter(dict(features(message)))
        if message.kind is MessageKind.PLACEHOLDER:
            self.placeholders.add(message.ts)
            return
        for feature, n in text_features(message.body).items():
            self.ledger.find(feature, n)
            counts[feature] += n
        for feature, n in self._exceptions(message, composed):
            counts[feature] -= n
        for feature, n in counts.items():
            if n > 0:
                support = self.route.fates[feature]
                self.ledger.settle(feature, support.fate, n, note=support.how, at=message.at)

    def _exceptions(self, message: Message, composed: Composed) -> Iterator[tuple[Feature, int]]:
        """Settle what fares worse than the route promises; yields what is thereby accounted for."""
        for loss in composed.losses:
            self.ledger.settle(loss.feature, loss.fate, loss.count, note=loss.note, at=message.at)
            if loss.feature is Feature.LONG_TEXT:
                self.ledger.find(loss.feature, loss.count)
            else:
                yield loss.feature, loss.count
        barred = sum(not self.may_act(user) for reaction in message.reactions for user in reaction.users)
        if barred and _holds(self.route, Feature.REACTION):
            self.ledger.settle(Feature.REACTION, Fate.DROPPED, barred, note=NOT_THEIRS, at=message.at)
            yield Feature.REACTION, barred
        for file in message.files:
            if note := file_shortfall(file, self.limits):
                self.ledger.settle(Feature.FILE, Fate.APPROXIMATED, note=note, at=message.at)
                yield Feature.FILE, 1
        if message.thread in self.placeholders and all(loss.feature is not Feature.REPLY for loss in composed.losses):
            note = "the thread's first message is not in the export; a placeholder stands for it"
            self.ledger.settle(Feature.REPLY, Fate.APPROXIMATED, note=note, at=message.at)
            yield Feature.REPLY, 1

    def _settle_pins(self, here: set[str]) -> None:
        for pin in self.conversation.pins:
            self.ledger.find(Feature.PIN)
            if pin.ts in here and _holds(self.route, Feature.PIN) and not self.may_act(pin.by):
                self.ledger.settle(Feature.PIN, Fate.DROPPED, note=NOT_THEIRS)
            elif pin.ts in here:
                support = self.route.fates[Feature.PIN]
                self.ledger.settle(Feature.PIN, support.fate, note=support.how)
            else:
                note = "a pinned file, not a message" if pin.file else "the pinned message is not in the export"
                self.ledger.settle(Feature.PIN, Fate.DROPPED, note=note)


def file_shortfall(file: File, limits: Limits) -> str:
    """Why a file's bytes will not arrive ("" when they will, or when the file never had any but its address)."""
    if isinstance(file.data, Local):
        too_large = limits.file and file.data.size > limits.file
        return f"larger than the target takes ({limits.file} bytes); a placeholder names it" if too_large else ""
    if file.mode is FileMode.EXTERNAL and file.link:
        return ""
    reason = getattr(file.data, "reason", "its bytes are not in the export")
    return f"{reason}; a placeholder names it"


def _entities(
    source: Source, snapshot: Snapshot, route: Route, ledger: Ledger, may_act: Callable[[str], bool]
) -> tuple[dict[str, int], dict[str, int]]:
    """Count people, conversations, groups and emoji, and settle what hangs on them."""
    create, present = Counter[str](), Counter[str]()
    workspace = source.workspace

    def settle(feature: Feature, n: int = 1) -> None:
        ledger.find(feature, n)
        support = route.fates[feature]
        ledger.settle(feature, support.fate, n, note=support.how)

    def drop(feature: Feature, note: str) -> None:
        ledger.find(feature)
        ledger.settle(feature, Fate.DROPPED, note=note)

    for user in workspace.users.values():
        (present if snapshot.remote(Kind.USER, user.id) else create)[Kind.USER] += 1
        settle(Feature.BOT if user.is_bot else Feature.STRANGER if user.role is Role.STRANGER else Feature.USER)
        if not user.active:
            settle(Feature.DEACTIVATED)
        if isinstance(user.avatar, Local) and _holds(route, Feature.AVATAR) and not may_act(user.id):
            drop(Feature.AVATAR, NOT_THEIRS)
        elif isinstance(user.avatar, Local):
            settle(Feature.AVATAR)
        elif user.avatar is not None:
            drop(Feature.AVATAR, "the export holds only its address")
        if user.profile != type(user.profile)():
            settle(Feature.PROFILE)
    kinds = {
        ConversationKind.PUBLIC: Feature.PUBLIC,
        ConversationKind.PRIVATE: Feature.PRIVATE,
        ConversationKind.GROUP: Feature.GROUP,
        ConversationKind.DIRECT: Feature.DIRECT,
    }
    for conversation in workspace.conversations.values():
        (present if snapshot.remote(Kind.CONVERSATION, conversation.id) else create)[Kind.CONVERSATION] += 1
        settle(kinds[conversation.kind])
        settle(Feature.MEMBERSHIP, len(conversation.members))
        if conversation.archived:
            settle(Feature.ARCHIVED)
        if conversation.topic.body:
            settle(Feature.TOPIC)
        if conversation.purpose.body:
            settle(Feature.PURPOSE)
    settle(Feature.USER_GROUP, len(workspace.groups))
    for emoji in workspace.emoji.values():
        if isinstance(emoji.image, Local) or emoji.alias_of:
            settle(Feature.CUSTOM_EMOJI)
        else:
            drop(Feature.CUSTOM_EMOJI, "its image is not in the export")
    return dict(create), dict(present)


def _skip_the_rest(source: Source, options: Options, ledger: Ledger) -> None:
    """Account for the conversations that --only leaves out."""
    moving = {c.id for c in chosen(source, options)}
    for conversation in source.workspace.conversations.values():
        if conversation.id in moving:
            continue
        for message in source.messages(conversation.id, ledger):
            for feature, n in features(message):
                ledger.settle(feature, Fate.SKIPPED, n, note="its conversation was not chosen (--only)", at=message.at)
