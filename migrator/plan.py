"""What a move would do, worked out before anything is written.

Pure: source + what the target holds already + options + what the adapter declares -> plan. Reading everything once, it
composes every message as the target would show it, so the ledger of the plan is exact, and it balances or nothing runs.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from hashlib import blake2b
from itertools import chain

import msgspec
from msgspec import Struct, structs

from migrator.adapters.base import (
    ActsFor,
    Adapter,
    Composed,
    Concludes,
    Edits,
    Key,
    Kind,
    Largest,
    Limits,
    RemoteId,
    Route,
    Source,
    Target,
)
from migrator.batches import batches
from migrator.directory import Names
from migrator.errors import StalePlan, UsageError
from migrator.ledger import SAMPLES, Fate, Feature, Ledger, Line
from migrator.model import (
    Conversation,
    ConversationId,
    ConversationKind,
    Loc,
    Local,
    Message,
    Role,
    UserId,
)
from migrator.share import NOT_THEIRS, ConversationLine, ConversationPlanner, Share, Snapshot, is_notice
from migrator.survey import features

__all__ = [
    "Options",
    "Plan",
    "Planner",
    "choose_route",
    "leave_of",
    "make_plan",
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


def choose_route(adapter: Adapter, wanted: str) -> Route:
    """The route asked for, else the adapter's first (its best). UsageError names the ones there are."""
    for route in adapter.routes:
        if wanted in ("", route.name):
            return route
    raise UsageError(
        f"{adapter.name} has no route {wanted!r}", hint=f"choose one of: {', '.join(r.name for r in adapter.routes)}"
    )


def is_skipped(message: Message, options: Options) -> bool:
    """Whether the mover asked to leave this message out."""
    return options.skip_notices and is_notice(message)


def chosen(source: Source, options: Options) -> list[Conversation]:
    """The conversations to move, in a stable order. UsageError for a name that is not there."""
    everything = list(source.workspace.conversations.values())
    if not options.only:
        return everything
    wanted = {name.lstrip("#") for name in options.only}
    picked = [c for c in everything if c.id in wanted or c.name in wanted]
    if missing := sorted(wanted - {c.id for c in picked} - {c.name for c in picked}):
        close = get_close_matches(missing[0], [c.name for c in everything], 1)
        raise UsageError(
            f"there is no conversation {', '.join(missing)} in the export",
            hint=(f"did you mean {close[0]}? " if close else "") + "slack-migrator plan EXPORT --to TARGET lists them",
        )
    return picked


def leave_of(adapter: Adapter, route: Route) -> Callable[[UserId], bool]:
    """Tells of somebody whether what only they could do can be done for them. A package needs nobody's leave."""
    if route.by_hand is None and isinstance(adapter, ActsFor):
        return adapter.acts_for
    return lambda _user: True


def make_plan(source: Source, adapter: Adapter, target: Target | None, snapshot: Snapshot, options: Options) -> Plan:
    """Read everything, write nothing. Raises BalanceError where the conservation law does not hold."""
    planner = Planner(source, adapter, target, snapshot, options)
    conversations = [conversation.id for conversation in chosen(source, options)]
    planner.compose(conversations)
    planner.adopt(planner.harvest(conversations))
    return planner.plan()


class Planner:
    """A plan in the making: whoever composes the messages it hands out tells it what they became.

    `make_plan` does so before anything is written; a route that needs no server can do it while it writes.
    Conversations share nothing, so several processes can take some each: `harvest` there, `adopt` here.
    """

    def __init__(
        self, source: Source, adapter: Adapter, target: Target | None, snapshot: Snapshot, options: Options
    ) -> None:
        self.source, self.adapter, self.target = source, adapter, target
        self.snapshot, self.options = snapshot, options
        self.route = choose_route(adapter, options.route)
        self.limits = target.limits if target else Limits()
        relinked = frozenset(c.id for c in chosen(source, options)) if _relinks(adapter, self.route) else frozenset()
        self.names = Names(source.workspace, partial(_foreseen, source, self.route, snapshot, relinked))
        self.ledger = Ledger()
        self.may_act = leave_of(adapter, self.route)
        self._create, self._present = _entities(source, snapshot, self.route, self.ledger, self.may_act)
        self._order = {conversation: place for place, conversation in enumerate(source.workspace.conversations)}
        self._lines: dict[ConversationId, ConversationLine] = {}
        self._largest = Largest()
        self._samples: dict[tuple[Feature, Fate, str], list[tuple[int, list[Loc]]]] = {}  # by place of the conversation
        self._open: dict[ConversationId, ConversationPlanner] = {}

    def compose(self, conversations: Iterable[ConversationId]) -> None:
        """Take all their messages for what the adapter makes of them."""
        compose, names, limits = self.adapter.compose, self.names, self.limits
        for conversation in conversations:
            planner = self._planner(self.source.workspace.conversations[conversation])
            for batch in batches(planner.watch(self.source)):
                planner.met += [(message, compose(message, names, limits)) for message in batch]

    def watch(self, conversation: Conversation) -> Iterator[Message]:
        """The messages of a conversation that are to move. Once for each conversation, to its end."""
        return self._planner(conversation).watch(self.source)

    def _planner(self, conversation: Conversation) -> ConversationPlanner:
        planner = self._open[conversation.id] = ConversationPlanner(
            conversation, self.route, self.limits, self.snapshot, self.options.skip_notices, self.may_act
        )
        return planner

    def take(self, messages: Sequence[Message], made: Sequence[Composed]) -> None:
        """What some messages of one conversation became that were handed out, in their order."""
        self._open[messages[0].conversation].met += zip(messages, made, strict=True)

    def harvest(self, conversations: Iterable[ConversationId]) -> list[Share]:
        """The sums of conversations of which everything was taken; they are for whoever makes the plan to adopt."""
        return [self._open.pop(conversation).share() for conversation in conversations]

    def adopt(self, shares: Iterable[Share]) -> None:
        """Conversations that were taken, perhaps in another process. Little is kept of each: there may be thousands."""
        for share in shares:
            self._lines[share.line.id] = share.line
            self._largest.merge(share.largest)
            self.ledger.found.update(share.ledger.found)
            self.ledger.fates.update(share.ledger.fates)
            for line, places in share.ledger.samples.items():
                insort(first := self._samples.setdefault(line, []), (self._order[share.line.id], places))
                del first[SAMPLES:]

    def plan(self) -> Plan:
        """The plan, after the last conversation. BalanceError where the law does not hold."""
        for line, first in self._samples.items():
            for at in chain.from_iterable(places for _, places in first):
                self.ledger.sample(*line, at)
        if self.options.only:
            _skip_the_rest(self.source, self.options, self.ledger)
        self.ledger.balance()
        lines = [
            structs.replace(self._lines[conversation.id], name=self.names.title(conversation))
            for conversation in chosen(self.source, self.options)
        ]
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
            warnings=self._warnings(),
            seconds=posts / self.route.rate if self.route.rate else 0.0,
        )

    def _warnings(self) -> tuple[str, ...]:
        said = self.target.warnings if self.target else ()
        return (*said, *self.adapter.conclude(self._largest)) if isinstance(self.adapter, Concludes) else said


FORESEEN = "0" * 24  # the id of what is not there yet but will be; any text will do, digests hold no remote ids


def _relinks(adapter: Adapter, route: Route) -> bool:
    """Whether links to messages that are sent later will be mended: the engine does, where posts can be edited."""
    return route.name == "live" and isinstance(adapter, Edits)


def _foreseen(
    source: Source, route: Route, snapshot: Snapshot, relinked: frozenset[str], kind: Kind, key: Key
) -> RemoteId | None:
    """What a writer will find in the end: people, conversations, groups, emoji, and messages of `relinked` ones."""
    if (remote := snapshot.remote(kind, key)) is not None:
        return remote
    workspace = source.workspace
    if kind is Kind.POST:
        conversation, _, ts = key.partition("/")
        made = conversation in relinked and source.holds(conversation, ts)
    elif kind is Kind.EMOJI:
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
