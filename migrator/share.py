"""One conversation's share of a plan: what is new there, and the fate of everything its messages hold.

Messages that hold and lose the same are counted as one sort, and each sort is settled once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Protocol, TypeAlias

from msgspec import Struct

from migrator.adapters.base import Composed, Draft, Key, Kind, Largest, Limits, RemoteId, Route, Source
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
from migrator.survey import Signature, features, features_of, signature
from migrator.survey_text import is_bare, text_features

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
_PLACEHOLDER = MessageKind.PLACEHOLDER  # by name at once: members of enums are slow to find
PENDING = 1536  # words for the digest of a conversation that go in at once


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
_Kind: TypeAlias = tuple[Signature, tuple[tuple[Feature, int], ...], tuple[Loss, ...], tuple[str, ...], bool]


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
        self.pending: list[str] = []  # of the digest
        self.sorts: dict[_Kind, _Sort] = {}
        self.here: set[str] = set()  # pinned messages that were met

    def watch(self, source: Source, close: Callable[[Share], None]) -> Iterator[Message]:
        """The messages to move, each to be taken next; those left out are settled here. `close` is told the sum."""
        pinned, message = {pin.ts for pin in self.conversation.pins if pin.ts}, None
        for message in source.messages(self.conversation.id, self.ledger):
            self.count += 1
            if pinned and message.ts in pinned:
                self.here.add(message.ts)
            if not self.first:
                self.first = message.ts
            if self.skip_notices and is_notice(message):
                self._skip(message)
            else:
                yield message
        if message is not None:
            self.last = message.ts
        close(self.share())

    def take(self, message: Message, composed: Composed) -> None:
        if message.kind is _PLACEHOLDER:
            self.placeholders.add(message.ts)
        else:
            self._sort(message, composed)
        pending, drafts = self.pending, composed.drafts
        pending.append(message.ts)
        for draft in drafts:
            pending.append(draft.part)
            pending.append(draft.text)
        if len(pending) >= PENDING:
            self._hash()
        if self.posts:
            for draft in drafts:
                self._state(post_key(message, draft.part), draft)
        else:
            self.new += len(drafts)
        if message.reactions:
            self._react(message)
        for file in message.files:
            self.largest.see(file)

    def share(self) -> Share:
        """The sum, after the last message."""
        self._settle()
        self._settle_pins(self.here)
        self._hash()
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

    def _hash(self) -> None:
        self.digest.update("\0".join([*self.pending, ""]).encode("utf-8", "replace"))
        self.pending.clear()

    def _state(self, key: Key, draft: Draft) -> None:
        known = self.posts.get(key)
        if known is None:
            self.new += 1
        elif known[1] in ("", draft.digest):
            self.present += 1
        else:
            self.changed += 1

    def _react(self, message: Message) -> None:
        for reaction in message.reactions:
            users = [user for user in reaction.users if self.may_act(user)]
            if self.reactions:
                users = [user for user in users if reaction_key(message, reaction, user) not in self.reactions]
            self.new_reactions += len(users)

    def _skip(self, message: Message) -> None:
        for feature, n in features(message):
            self.ledger.settle(feature, Fate.SKIPPED, n, note="left out on request", at=message.at)

    def _sort(self, message: Message, composed: Composed) -> None:
        body, files = message.body, message.files
        text = () if is_bare(body) else tuple(text_features(body).items())
        missing = tuple([file_shortfall(file, self.limits) for file in files]) if files else ()
        kind = signature(message), text, composed.losses, missing, message.thread in self.placeholders
        sort = self.sorts.get(kind)
        if sort is None:
            sort = self.sorts[kind] = _Sort()
        sort.count += 1
        if sort.count <= SAMPLES:
            sort.places.append((self.count, message.at))

    def _settle(self) -> None:
        """The ledger's lines of all messages taken; samples are the first places in the conversation."""
        places: dict[tuple[Feature, Fate, str], list[tuple[int, Loc]]] = {}
        for kind, sort in self.sorts.items():
            _, text, losses, _, _ = kind
            for feature, n in (*text, *((loss.feature, loss.count) for loss in losses if _is_new(loss))):
                self.ledger.find(feature, n * sort.count)
            for feature, fate, n, note in self._fates(kind):
                self.ledger.settle(feature, fate, n * sort.count, note=note)
                if fate is not Fate.LOSSLESS:
                    places.setdefault((feature, fate, note), []).extend(sort.places)
        for (feature, fate, note), some in places.items():
            for _, at in sorted(some)[:SAMPLES]:
                self.ledger.sample(feature, fate, note, at)

    def _fates(self, kind: _Kind) -> Iterator[tuple[Feature, Fate, int, str]]:
        """Of one message: first what fares worse than the route promises, then the rest as promised."""
        held, text, losses, files, orphan = kind
        counts = dict(features_of(held))
        for feature, n in text:
            counts[feature] = counts.get(feature, 0) + n
        for loss in losses:
            yield loss.feature, loss.fate, loss.count, loss.note
            if not _is_new(loss):
                counts[loss.feature] = counts.get(loss.feature, 0) - loss.count
        for note in filter(None, files):
            yield Feature.FILE, Fate.APPROXIMATED, 1, note
            counts[Feature.FILE] -= 1
        if orphan and all(loss.feature is not Feature.REPLY for loss in losses):
            note = "the thread's first message is not in the export; a placeholder stands for it"
            yield Feature.REPLY, Fate.APPROXIMATED, 1, note
            counts[Feature.REPLY] -= 1
        for feature, n in counts.items():
            if n > 0:
                support = self.route.fates[feature]
                yield feature, support.fate, n, support.how

    def _settle_pins(self, here: set[str]) -> None:
        for pin in self.conversation.pins:
            self.ledger.find(Feature.PIN)
            if pin.ts in here and self.route.fates[Feature.PIN].fate is not Fate.DROPPED and not self.may_act(pin.by):
                self.ledger.settle(Feature.PIN, Fate.DROPPED, note=NOT_THEIRS)
            elif pin.ts in here:
                support = self.route.fates[Feature.PIN]
                self.ledger.settle(Feature.PIN, support.fate, note=support.how)
            else:
                note = "a pinned file, not a message" if pin.file else "the pinned message is not in the export"
                self.ledger.settle(Feature.PIN, Fate.DROPPED, note=note)


def _is_new(loss: Loss) -> bool:
    """Whether a loss is of something that only composing brings about: nobody found it in the export."""
    return loss.feature is Feature.LONG_TEXT


def file_shortfall(file: File, limits: Limits) -> str:
    """Why a file's bytes will not arrive ("" when they will, or when the file never had any but its address)."""
    if isinstance(file.data, Local):
        too_large = limits.file and file.data.size > limits.file
        return f"larger than the target takes ({limits.file} bytes); a placeholder names it" if too_large else ""
    if file.mode is FileMode.EXTERNAL and file.link:
        return ""
    reason = getattr(file.data, "reason", "its bytes are not in the export")
    return f"{reason}; a placeholder names it"
