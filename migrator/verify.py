"""Read the target back and hold it against the export, message by message.

The journal is not believed: it only serves to pair posts where a target keeps no key of ours. Expected is what the
source says (author, time, thread, words, reactions, file bytes), actual what the target returns; and the words of every
message must be found in what its posts show, whatever the renderer did. Where a target can be asked, markup and the
conversations themselves (name, topic, access, members, pins) are held to the export too.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from msgspec import Struct, structs

from migrator.adapters.base import (
    Adapter,
    Draft,
    KeepsMarkup,
    Key,
    Kind,
    Person,
    Place,
    RemoteId,
    RemoteMessage,
    RenamesReactions,
    Route,
    ShowsPeople,
    ShowsPlaces,
    ShowsWorkspace,
    Source,
    Target,
)
from migrator.directory import Names
from migrator.errors import SkipItem
from migrator.ledger import Fate, Feature
from migrator.model import Conversation, File, Local, Message, MessageKind, Reaction, User, UserId, micros
from migrator.patience import Patience, Tries
from migrator.plain import canonical, plain
from migrator.plan import Options, choose_route, chosen, is_skipped, leave_of
from migrator.share import file_shortfall, post_key
from migrator.verdict import SHOWN, Difference, Mismatch, Verdict, VerifiedConversation, short

__all__ = ["Pairing", "comparable", "given_as", "verify", "without_variation"]


async def verify(
    source: Source,
    adapter: Adapter,
    target: Target,
    pairing: Pairing,
    options: Options,
    tries: Tries | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Verdict:
    """Compare everything. `pairing` is a Journal (or anything with `remote` and `of_conversation`); `advance` is called
    after each conversation. TargetUnavailable where `tries` end."""
    names, route = Names(source.workspace, pairing.remote), choose_route(adapter, options.route)
    sides = _Sides(source, adapter, target, pairing, options, names, route, leave_of(adapter, route))
    tries = tries or Tries(Patience())

    async def compare(conversation: Conversation) -> VerifiedConversation:
        return await _Comparison(sides, conversation).run()

    done = []
    for conversation in chosen(source, options):
        done.append(await tries.attempt(partial(compare, conversation)))
        advance()
    others = await _Others(sides, tries).run()
    return Verdict(tuple(done), tuple(others))


class Pairing(Protocol):
    """What verify asks of a journal."""

    def remote(self, kind: Kind, key: Key) -> RemoteId | None: ...
    def of_conversation(self, kind: Kind, conversation: str) -> dict[Key, tuple[RemoteId, str]]: ...


class _Sides(Struct, frozen=True):
    """What is compared, and by what."""

    source: Source
    adapter: Adapter
    target: Target
    pairing: Pairing
    options: Options
    names: Names
    route: Route
    may_act: Callable[[UserId], bool]


class _Comparison:
    """One conversation."""

    def __init__(self, sides: _Sides, conversation: Conversation) -> None:
        self.source, self.adapter, self.target, self.options = sides.source, sides.adapter, sides.target, sides.options
        self.names, self.route, self.conversation = sides.names, sides.route, conversation
        self.may_act = sides.may_act
        pairing = sides.pairing
        self.remote_id = pairing.remote(Kind.CONVERSATION, conversation.id)
        posts = pairing.of_conversation(Kind.POST, conversation.id)
        self.remotes = {key: remote for key, (remote, _) in posts.items()}
        # a post of a package may stand for all parts of a message: then it is the message's first
        self.paired = {remote: key for key, (remote, _) in sorted(posts.items(), reverse=True)}
        self.reacted = Counter(_message_of(key) for key in pairing.of_conversation(Kind.REACTION, conversation.id))
        self.kept = 0
        self.marks_edits = self.route.fates[Feature.EDIT].fate is not Fate.DROPPED
        self.differences: Counter[str] = Counter()
        self.mismatches: list[Mismatch] = []
        self.found: dict[Key, RemoteMessage] = {}
        self.ids: dict[Key, RemoteId] = {}

    async def run(self) -> VerifiedConversation:
        try:
            foreign = await self._read_back() if self.remote_id is not None else 0
        except SkipItem as reason:
            return self._not_read(str(reason))
        self._check_order()
        messages = posts = matched = 0
        for message in self.source.messages(self.conversation.id):
            if is_skipped(message, self.options):
                continue
            messages += 1
            composed = self.adapter.compose(message, self.names, self.target.limits)
            before = self.differences.total()
            for draft in self._as_sent(message, composed.drafts):
                posts += 1
                self._check_post(message, draft)
            self._check_words(message, composed.drafts)
            matched += self.differences.total() == before
        for key, remote in self.found.items():
            if self.paired.get(remote.remote) == key:
                self.kept += 1
            else:
                self._differ(key, Difference.EXTRA, "nothing", "a post with our mark")
        await self._check_place()
        return VerifiedConversation(
            id=self.conversation.id,
            name=self.names.title(self.conversation),
            messages=messages,
            posts=posts,
            matched=matched,
            differences=dict(self.differences),
            mismatches=tuple(self.mismatches),
            foreign=foreign,
            kept=self.kept,
        )

    def _not_read(self, reason: str) -> VerifiedConversation:
        messages = sum(not is_skipped(message, self.options) for message in self.source.messages(self.conversation.id))
        name = self.names.title(self.conversation)
        return VerifiedConversation(self.conversation.id, name, messages, 0, 0, {}, (), unread=reason)

    def _differ(self, key: Key, what: Difference, expected: str, found: str, at: str = "") -> None:
        self.differences[what] += 1
        if len(self.mismatches) < SHOWN:
            self.mismatches.append(Mismatch(key, what, short(expected), short(found), at))

    async def _read_back(self) -> int:
        foreign = 0
        async for remote in self.adapter.messages(self.remote_id or "", hashes=True):
            key = remote.key or self.paired.get(remote.remote, "")
            if remote.deleted:
                continue
            if not key:
                foreign += 1
            elif key in self.found:
                self._differ(key, Difference.TWICE, "one post", f"also {remote.remote}")
            else:
                self.found[key] = remote
                self.ids[key] = remote.remote
        return foreign

    def _check_order(self) -> None:
        """Posts must stand in ts order, whatever clock the target shows."""
        latest = ""
        latest_time = -1
        for key in self.found:
            time = micros(key.split("/", 2)[1])
            if time < latest_time:
                self._differ(key, Difference.ORDER, f"before {latest}", "after it")
            else:
                latest, latest_time = key, time

    def _as_sent(self, message: Message, drafts: Iterable[Draft]) -> list[Draft]:
        """The drafts, those that one post of a package stands for as one."""
        sent: list[Draft] = []
        before = None
        for draft in drafts:
            remote = self.remotes.get(post_key(message, draft.part))
            if remote is not None and remote == before:
                text, files = f"{sent[-1].text}\n{draft.text}", (*sent[-1].files, *draft.files)
                sent[-1] = structs.replace(sent[-1], text=text, files=files)
            else:
                sent.append(draft)
            before = remote
        return sent

    def _check_post(self, message: Message, draft: Draft) -> None:
        key, at = post_key(message, draft.part), str(message.at)
        before = self.differences.total()
        remote = self.found.pop(key, None)
        if remote is None:
            self._differ(key, Difference.MISSING, f"a post at {message.ts}", "nothing", at)
            return
        author = self.names.remote_user(message.author.user)
        if remote.author != author:
            self._differ(key, Difference.AUTHOR, str(author), remote.author, at)
        unit = self.adapter.time_unit
        if remote.time // unit != micros(message.ts) // unit:
            self._differ(key, Difference.TIME, str(micros(message.ts)), str(remote.time), at)
        root = self.ids.get(f"{message.conversation}/{message.thread}") if draft.thread and message.thread else None
        if remote.root != root:
            self._differ(key, Difference.THREAD, str(root), str(remote.root), at)
        if comparable(remote.text) != comparable(draft.text):
            self._differ(key, Difference.TEXT, draft.text, remote.text, at)
        self._check_files(key, draft.files, remote, at)
        if not draft.part:
            self._check_reactions(key, message, remote, at)
        if message.edited and self.marks_edits and draft.part in ("", "broadcast") and not remote.edited:
            self._differ(key, Difference.EDITED, "marked as edited", "not marked", at)
        if isinstance(self.adapter, KeepsMarkup) and self.differences.total() == before:
            expected, found = _from_where_they_differ(self.adapter.markup(draft), remote.markup)
            if expected != found:
                self._differ(key, Difference.MARKUP, expected, found, at)

    async def _check_place(self) -> None:
        """The conversation itself. What people added there since (members, pins) is their own affair."""
        adapter, conversation = self.adapter, self.conversation
        if not isinstance(adapter, ShowsPlaces) or self.remote_id is None:
            return
        expected, found = adapter.foresee_place(conversation, self.names), await adapter.read_place(self.remote_id)
        members = {who for user in conversation.members if (who := self.names.remote_user(user)) is not None}
        for what, wanted, shown in _of_place(structs.replace(expected, members=frozenset(members)), found):
            self._differ(conversation.id, what, wanted, shown)
        for pin in conversation.pins:
            post = self.ids.get(f"{conversation.id}/{pin.ts}") if pin.ts else None
            if post is not None and post not in found.pins:
                self._differ(f"{conversation.id}/{pin.ts}", Difference.PINS, "pinned", "not pinned")

    def _check_words(self, message: Message, drafts: Iterable[Draft]) -> None:
        """What the source says must be in what the posts show; white space aside, since a split may fall into it."""
        if message.kind is MessageKind.PLACEHOLDER:
            return
        words = "".join(canonical(plain(message.body, self.names)).split())
        shown = "".join(canonical("".join(draft.text for draft in drafts if draft.part != "broadcast")).split())
        if words not in shown:
            self._differ(post_key(message), Difference.WORDS, words, shown, str(message.at))

    def _check_files(self, key: Key, files: tuple[File, ...], remote: RemoteMessage, at: str) -> None:
        expected = Counter(self._hashes(files))
        found = Counter(file.sha256 for file in remote.files)
        if expected != found:
            self._differ(key, Difference.FILES, _tally(expected), _tally(found), at)

    def _hashes(self, files: tuple[File, ...]) -> Iterator[str]:
        for file in files:
            if isinstance(file.data, Local) and not file_shortfall(file, self.target.limits):
                yield from filter(None, (_hash(self.source, file),))

    def _check_reactions(self, key: Key, message: Message, remote: RemoteMessage, at: str) -> None:
        if self.route.fates[Feature.REACTION].fate is Fate.DROPPED:
            return
        expected = {
            (given_as(reaction, self.adapter), who)
            for reaction in message.reactions
            for user in reaction.users
            if (who := self.names.remote_user(user)) is not None and self.may_act(user)
        }
        found = {(without_variation(emoji), who) for emoji, who in remote.reactions}
        gone, more = sorted(expected - found), sorted(found - expected)
        if not gone and len(more) <= self.reacted[post_key(message)] - len(expected):
            self.kept += len(more)
        elif expected != found:
            self._differ(key, Difference.REACTIONS, str(gone), str(more), at)


class _Others:
    """What belongs to no conversation: everybody's account, name and picture, and the workspace as a whole.

    Where the export holds no picture, whatever somebody chose is their own affair.
    """

    def __init__(self, sides: _Sides, tries: Tries) -> None:
        self.source, self.adapter, self.target, self.pairing = sides.source, sides.adapter, sides.target, sides.pairing
        self.route, self.tries = sides.route, tries
        self.may_act = sides.may_act
        self.mismatches: list[Mismatch] = []

    async def run(self) -> list[Mismatch]:
        adapter, workspace = self.adapter, self.source.workspace
        remote = self.pairing.remote(Kind.WORKSPACE, workspace.id)
        if isinstance(adapter, ShowsWorkspace) and remote is not None:
            found = await self.tries.attempt(partial(adapter.read_place, remote))
            for difference in _of_place(adapter.foresee_workspace(workspace), found):
                self._differ(workspace.id, *difference)
        if isinstance(adapter, ShowsPeople):
            people = [(u, who) for u in workspace.users.values() if (who := self.pairing.remote(Kind.USER, u.id))]
            lanes = self.target.limits.lanes or 1
            for some in (people[i : i + lanes] for i in range(0, len(people), lanes)):
                reads = (self.tries.attempt(partial(adapter.read_person, who)) for _, who in some)
                for (user, who), shown in zip(some, await asyncio.gather(*reads), strict=True):
                    self._check_person(user, who, adapter.foresee_person(user), shown)
        return self.mismatches

    def _check_person(self, user: User, who: RemoteId, expected: Person, found: Person | None) -> None:
        if found is None:
            self._differ(user.id, Difference.ACCOUNT, who, "no such account")
            return
        if expected.name != found.name:
            self._differ(user.id, Difference.NAME, expected.name, found.name)
        if self.route.fates[Feature.AVATAR].fate is Fate.DROPPED or not self.may_act(user.id):
            return
        if isinstance(user.avatar, Local):
            picture = _hash(self.source, File(f"avatar:{user.id}", "", data=user.avatar))
            if picture not in ("", found.picture):
                self._differ(user.id, Difference.PICTURE, picture, found.picture or "none")

    def _differ(self, key: Key, what: Difference, expected: str, found: str) -> None:
        self.mismatches.append(Mismatch(key, what, short(expected), short(found)))


def _of_place(expected: Place, found: Place) -> Iterator[tuple[Difference, str, str]]:
    """How two places differ. Members and addresses that somebody added are no difference."""
    for what, wanted, shown in (
        (Difference.NAME, expected.name, found.name),
        (Difference.TOPIC, expected.topic, found.topic),
        (Difference.ACCESS, expected.access, found.access),
        (Difference.CLOSED, str(expected.closed), str(found.closed)),
    ):
        if wanted != shown:
            yield what, wanted, shown
    for who in sorted(expected.members - found.members):
        yield Difference.MEMBERS, f"{who} in it", "not in it"
    for address in sorted(expected.addresses - found.addresses):
        yield Difference.ADDRESS, f"{address} leads here", "it does not"


def _hash(source: Source, file: File) -> str:
    """sha256 in hex of a file's bytes in the export; "" where they are not to be had."""
    digest = hashlib.sha256()
    try:
        with source.open(file) as body:
            while chunk := body.read(1 << 20):
                digest.update(chunk)
    except SkipItem:
        return ""
    return digest.hexdigest()


def _message_of(reaction: Key) -> Key:
    """ "conversation/ts/emoji/user" -> "conversation/ts" """
    conversation, ts, _ = reaction.split("/", 2)
    return f"{conversation}/{ts}"


def shown_as(reaction: Reaction) -> str:
    """A reaction's emoji as targets return it: characters without variation selectors, or ":name:"."""
    return without_variation(reaction.char) if reaction.char else f":{reaction.name}:"


def given_as(reaction: Reaction, adapter: Adapter) -> str:
    """As `shown_as`, on this target: without the skin tone where it knows none, or by another name."""
    if isinstance(adapter, RenamesReactions) and (name := adapter.reaction_shown(reaction)):
        return without_variation(name)
    shown = shown_as(reaction)
    toned = getattr(adapter, "skin_tones", True)
    return shown if toned else shown.translate(dict.fromkeys(range(0x1F3FB, 0x1F400)))


def without_variation(emoji: str) -> str:
    return emoji.replace("\ufe0f", "")


def comparable(text: str) -> str:
    """Canonical; some targets need white space before a mention, where the source has none."""
    return canonical(text).replace(" @", "@")


def _tally(hashes: Counter[str]) -> str:
    return ", ".join(f"{digest[:12]}×{n}" for digest, n in sorted(hashes.items())) or "none"


def _from_where_they_differ(expected: str, found: str) -> tuple[str, str]:
    """Both texts without what they begin with in common, but for a few characters that show where that is."""
    same = next((i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), None)
    start = max(0, (min(len(expected), len(found)) if same is None else same) - 24)
    return expected[start:], found[start:]
