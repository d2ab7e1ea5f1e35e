"""One conversation's share of a plan: what is new there, and the fate of everything its messages hold.

Messages that hold and lose the same are counted as one sort, and each sort is settled once, at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import filterfalse
from typing import Protocol, TypeAlias

from msgspec import Struct

from migrator.adapters.base import Composed, Draft, Key, Kind, Largest, Limits, RemoteId, Route, Source
from migrator.batches import AT_ONCE, batches
from migrator.ledger import SAMPLES, Fate, Feature, Ledger, Loss
from migrator.model import (
    Conversation,
    ConversationKind,
    File,
    FileMode,
    Loc,
    Local,
    Message,
    MessageKind,
    Reaction,
    UserId,
)
from migrator.survey import features
from migrator.survey_text import text_features

__all__ = [
    "NOT_THEIRS",
    "ConversationLine",
    "ConversationPlanner",
    "Share",
    "Snapshot",
    "file_shortfall",
    "is_notice",
    "post_key",
    "reaction_key",
]

NOT_THEIRS = "only they could do it themselves: nobody may act for them there"
_LOSSLESS, _FILE, _LONG_TEXT = Fate.LOSSLESS, Feature.FILE, Feature.LONG_TEXT  # members of enums are slow to find


class Snapshot(Protocol):
    """What is on the target already, as the journal and the target itself say."""

    serial: str

    def remote(self, kind: Kind, key: Key) -> RemoteId | None: ...
    def done(self, kind: Kind, conversation: str) -> Mapping[Key, tuple[RemoteId, str]]:
        """Posts or reactions of a conversation: key to (remote id, digest)."""
        ...


class ConversationLine(Struct, frozen=True):
    """One conversation in the plan. Counts are of posts: a message may become several, or none.

    `name` is for people to read: who is in it, where it has none of its own. `digest` is of the times and words of all
    its posts.
    """

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


class Share(Struct, frozen=True):
    """What the pass over one conversation adds to a plan."""

    line: ConversationLine
    ledger: Ledger
    largest: Largest


def post_key(message: Message, part: str = "") -> Key:
    base = f"{message.conversation}/{message.ts}"
    return f"{base}/{part}" if part else base


def reaction_key(message: Message, reaction: Reaction, user: str) -> Key:
    tone = f"::{reaction.tone}" if reaction.tone else ""
    return f"{message.conversation}/{message.ts}/{reaction.name}{tone}/{user}"


def is_notice(message: Message) -> bool:
    """Whether `--skip-notices` leaves this message out."""
    return message.kind is MessageKind.EVENT and not message.is_root and not message.thread


class _Sort:
    """Messages that hold and lose the same: how many, and the first of them by their number in the conversation."""

    __slots__ = ("count", "places")

    def __init__(self) -> None:
        self.count = 0
        self.places: list[tuple[int, Loc]] = []


# what a message holds, what its text holds, what was lost in composing, what stands in for its files, an orphaned reply
_Kind: TypeAlias = tuple[tuple[tuple[Feature, int], ...], tuple[Feature, ...], tuple[Loss, ...], tuple[str, ...], bool]
_Line: TypeAlias = tuple[Feature, Fate, str]  # of the ledger, with its note


class ConversationPlanner:
    """One conversation's pass: counts what is new, and what holds and loses the same; settles it all at the end."""

    def __init__(
        self,
        conversation: Conversation,
        route: Route,
        limits: Limits,
        snapshot: Snapshot,
        skip_notices: bool,
        may_act: Callable[[UserId], bool],
    ) -> None:
        self.conversation, self.may_act = conversation, may_act
        self.route, self.limits = route, limits
        self.snapshot, self.skip_notices = snapshot, skip_notices
        self.ledger, self.largest = Ledger(), Largest()
        self.placeholders: set[str] = set()
        self.posts = snapshot.done(Kind.POST, conversation.id)
        self.reactions = snapshot.done(Kind.REACTION, conversation.id)
        self.count = self.new = self.changed = self.present = self.new_reactions = 0
        self.first = self.last = ""
        self.digest = sha256()
        self.sorts: dict[_Kind, _Sort] = {}
        self.pinned = {pin.ts for pin in conversation.pins if pin.ts}
        self.here: set[str] = set()  # pinned messages that were met
        self.met: list[tuple[Message, Composed]] = []  # and not counted yet

    def watch(self, source: Source) -> Iterator[Message]:
        """The messages to move; each goes into `met` later, in this order, with what it became."""
        for batch in batches(source.messages(self.conversation.id, self.ledger)):
            self.first, self.last = self.first or batch[0].ts, batch[-1].ts
            if self.pinned:
                self.here.update(self.pinned.intersection([message.ts for message in batch]))
            if self.skip_notices:
                yield from filterfalse(self._skipped, batch)
            else:
                yield from batch
            if len(self.met) >= AT_ONCE:
                self._count()

    def share(self) -> Share:
        """The sum, after the last message."""
        self._count()
        self._settle()
        self._settle_pins()
        line = ConversationLine(
            id=self.conversation.id,
            name=self.conversation.name,
            kind=self.conversation.kind,
            exists=self.snapshot.remote(Kind.CONVERSATION, self.conversation.id) is not None,
            messages=self.count,
            new=self.new,
            changed=self.changed,
            present=self.present,
            reactions=self.new_reactions,
            first=self.first,
            last=self.last,
            digest=self.digest.hexdigest()[:24],
        )
        return Share(line, self.ledger, self.largest)

    # ── messages, many at once ──────────────────────────────────────────────────────────────────────────────────────

    def _count(self) -> None:
        met, self.met = self.met, []
        sorts, placeholders, words, new = self.sorts, self.placeholders, list[str](), 0
        for number, (message, composed) in enumerate(met, self.count):
            drafts = composed.drafts
            words.append(message.ts)
            for draft in drafts:
                words += (draft.part, draft.text)
            if self.posts:
                self._compare(message, drafts)
            else:
                new += len(drafts)
            held = features(message)
            if not held:
                placeholders.add(message.ts)
                continue
            missing = self._files(message.files) if message.files else ()
            if message.reactions:
                self._react(message)
            kind = held, text_features(message.body), composed.losses, missing, message.thread in placeholders
            sort = sorts.get(kind)
            if sort is None:
                sort = sorts[kind] = _Sort()
            sort.count += 1
            if sort.count <= SAMPLES:
                sort.places.append((number, message.at))
        self.count += len(met)
        self.new += new
        self.digest.update("\0".join([*words, ""]).encode("utf-8", "replace"))

    def _skipped(self, message: Message) -> bool:
        """Whether it is left out; then that is settled."""
        if not is_notice(message):
            return False
        self.count += 1
        for feature, n in features(message):
            self.ledger.settle(feature, Fate.SKIPPED, n, note="left out on request", at=message.at)
        return True

    def _compare(self, message: Message, drafts: Iterable[Draft]) -> None:
        """With what is on the target."""
        for draft in drafts:
            known = self.posts.get(post_key(message, draft.part))
            if known is None:
                self.new += 1
            elif known[1] in ("", draft.digest):
                self.present += 1
            else:
                self.changed += 1

    def _react(self, message: Message) -> None:
        for reaction in message.reactions:
            users: Iterable[UserId] = reaction.users
            if self.reactions:
                users = [user for user in users if reaction_key(message, reaction, user) not in self.reactions]
            self.new_reactions += sum(map(self.may_act, users))

    def _files(self, files: Iterable[File]) -> tuple[str, ...]:
        """What stands in for them."""
        for file in files:
            self.largest.see(file)
        return tuple([file_shortfall(file, self.limits) for file in files])

    # ── the ledger's lines ──────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        """Of all messages taken; samples are the first places in the conversation."""
        promised = {feature: (feature, support.fate, support.how) for feature, support in self.route.fates.items()}
        found, settled = Counter[Feature](), Counter[_Line]()
        places: dict[_Line, list[tuple[int, Loc]]] = {}
        for kind, sort in self.sorts.items():
            _, text, losses, _, _ = kind
            for feature in text:
                found[feature] += sort.count
            for loss in losses:
                if _is_new(loss):
                    found[loss.feature] += loss.count * sort.count
            for line, n in _fates(kind, promised):
                settled[line] += n * sort.count
                if line[1] is not _LOSSLESS:
                    places.setdefault(line, []).extend(sort.places)
        for feature, n in found.items():
            self.ledger.find(feature, n)
        for (feature, fate, note), n in settled.items():
            self.ledger.settle(feature, fate, n, note=note)
        for (feature, fate, note), some in places.items():
            for _, at in sorted(some)[:SAMPLES]:
                self.ledger.sample(feature, fate, note, at)

    def _settle_pins(self) -> None:
        for pin in self.conversation.pins:
            self.ledger.find(Feature.PIN)
            if (
                pin.ts in self.here
                and self.route.fates[Feature.PIN].fate is not Fate.DROPPED
                and not self.may_act(pin.by)
            ):
                self.ledger.settle(Feature.PIN, Fate.DROPPED, note=NOT_THEIRS)
            elif pin.ts in self.here:
                support = self.route.fates[Feature.PIN]
                self.ledger.settle(Feature.PIN, support.fate, note=support.how)
            else:
                note = "a pinned file, not a message" if pin.file else "the pinned message is not in the export"
                self.ledger.settle(Feature.PIN, Fate.DROPPED, note=note)


def _fates(kind: _Kind, promised: Mapping[Feature, _Line]) -> Iterator[tuple[_Line, int]]:
    """Of one message: first what fares worse than the route promises, then the rest as promised."""
    held, text, losses, files, orphan = kind
    counts = dict(held)
    for feature in text:
        counts[feature] = counts.get(feature, 0) + 1
    for loss in losses:
        yield (loss.feature, loss.fate, loss.note), loss.count
        if not _is_new(loss):
            counts[loss.feature] = counts.get(loss.feature, 0) - loss.count
    for note in filter(None, files):
        yield (_FILE, Fate.APPROXIMATED, note), 1
        counts[_FILE] -= 1
    if orphan and all(loss.feature is not Feature.REPLY for loss in losses):
        note = "the thread's first message is not in the export; a placeholder stands for it"
        yield (Feature.REPLY, Fate.APPROXIMATED, note), 1
        counts[Feature.REPLY] -= 1
    for feature, n in counts.items():
        if n > 0:
            yield promised[feature], n


def _is_new(loss: Loss) -> bool:
    """Whether a loss is of something that only composing brings about: nobody found it in the export."""
    return loss.feature is _LONG_TEXT


def file_shortfall(file: File, limits: Limits) -> str:
    """Why a file's bytes will not arrive ("" when they will, or when the file never had any but its address)."""
    if isinstance(file.data, Local):
        too_large = limits.file and file.data.size > limits.file
        return f"larger than the target takes ({limits.file} bytes); a placeholder names it" if too_large else ""
    if file.mode is FileMode.EXTERNAL and file.link:
        return ""
    reason = getattr(file.data, "reason", "its bytes are not in the export")
    return f"{reason}; a placeholder names it"
