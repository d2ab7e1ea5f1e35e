"""What came of a package that somebody loaded by hand: found on the target, and written into the journal.

Such a target keeps no key of ours, so posts are told by what they look like: who wrote them, when, and their words. An
exact likeness is taken first; what is left is paired by what still fits, so that a post that differs is named by verify
as different and not as missing. After this a later export can be moved as if we had sent everything ourselves.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from hashlib import blake2b

from msgspec import Struct, structs

from migrator.adapters.base import Adapter, Key, Kind, Limits, RemoteId, RemoteMessage, Source, Target
from migrator.adapters.bulk import Recognises
from migrator.directory import Names
from migrator.errors import SkipItem
from migrator.journal import Journal
from migrator.model import Message, micros
from migrator.plan import Options, chosen, is_skipped
from migrator.share import post_key, reaction_key
from migrator.verify import comparable, given_as, without_variation

__all__ = ["Looks", "pair", "recognise"]


class Looks(Struct, frozen=True):
    """A post as it is told from others. `time` in the target's own unit, `words` a digest of them."""

    author: RemoteId
    time: int
    words: bytes


async def recognise(
    source: Source, adapter: Adapter, target: Target, package: Limits, journal: Journal, options: Options
) -> int:
    """Write receipts for what a package of these limits brought. Returns how many posts were recognised."""
    if not isinstance(adapter, Recognises):
        return 0
    for kind, found in (await adapter.recognise(source)).items():
        for key, remote in found.items():
            if journal.remote(kind, key) is None:
                journal.done(kind, key, remote, "")
    names = Names(source.workspace, journal.remote)
    taken: dict[RemoteId, set[RemoteId]] = defaultdict(set)
    count = 0
    for conversation in chosen(source, options):
        place = journal.remote(Kind.CONVERSATION, conversation.id)
        if place is None:
            continue
        known = journal.of_conversation(Kind.POST, conversation.id)
        taken[place].update(remote for remote, _ in known.values())
        look = _Looking(adapter, names, package, target.limits)
        messages = (m for m in source.messages(conversation.id) if not is_skipped(m, options))
        wanted = [post for message in messages for post in look.posts(message) if post[0] not in known]
        if not wanted:
            continue
        try:
            there = [m async for m in adapter.messages(place) if not m.deleted and m.remote not in taken[place]]
        except SkipItem:
            continue  # verify says so
        for key, message in pair(wanted, there, adapter.time_unit):
            journal.done(Kind.POST, key, message.remote, "")
            for more in look.more.get(key, ()):
                journal.done(Kind.POST, more, message.remote, "")
            given = {(without_variation(emoji), who) for emoji, who in message.reactions}
            for reaction, emoji, who in look.reactions.get(key, ()):
                if (emoji, who) in given:
                    journal.done(Kind.REACTION, reaction, f"{message.remote}/{emoji}/{who}", "")
            taken[place].add(message.remote)
            count += 1
    return count


class _Looking:
    """What the posts of one conversation look like. `more`: posts that a call per message would make of one beyond its
    own limits, which the package holds whole; `reactions`: key, emoji and person."""

    def __init__(self, adapter: Adapter, names: Names, package: Limits, live: Limits) -> None:
        self.adapter, self.names, self.package, self.live = adapter, names, package, live
        self.more: dict[Key, list[Key]] = {}
        self.reactions: dict[Key, list[tuple[Key, str, RemoteId]]] = {}

    def posts(self, message: Message) -> Iterator[tuple[Key, Looks]]:
        author = self.names.remote_user(message.author.user) or ""
        time = micros(message.ts) // self.adapter.time_unit
        drafts = self.adapter.compose(message, self.names, self.package).drafts
        for draft in drafts:
            yield post_key(message, draft.part), Looks(author, time, _words(draft.text))
        parts = {draft.part for draft in drafts}
        live = self.adapter.compose(message, self.names, self.live).drafts
        if more := [post_key(message, draft.part) for draft in live if draft.part not in parts]:
            self.more[post_key(message)] = more
        if message.reactions:
            self.reactions[post_key(message)] = [
                (reaction_key(message, reaction, user), given_as(reaction, self.adapter), who)
                for reaction in message.reactions
                for user in reaction.users
                if (who := self.names.remote_user(user)) is not None
            ]


def _words(text: str) -> bytes:
    return blake2b(comparable(text).encode(), digest_size=8).digest()


def pair(
    wanted: Sequence[tuple[Key, Looks]], there: Iterable[RemoteMessage], unit: int
) -> Iterator[tuple[Key, RemoteMessage]]:
    """Pair keys with posts of a conversation, both in order: first what is alike in everything, then what differs in
    its words, its author or its time only."""
    left = list(wanted)
    found = [(m, Looks(m.author, m.time // unit, _words(m.text))) for m in there]
    alike: tuple[Callable[[Looks], Hashable], ...] = (
        structs.astuple,
        lambda look: (look.author, look.time),
        lambda look: (look.time, look.words),
        lambda look: (look.author, look.words),
    )
    for same in alike:
        queues: dict[Hashable, deque[int]] = defaultdict(deque)
        for number, (_, look) in enumerate(found):
            queues[same(look)].append(number)
        used: set[int] = set()
        rest = []
        for key, look in left:
            if queue := queues.get(same(look)):
                used.add(queue[0])
                yield key, found[queue.popleft()][0]
            else:
                rest.append((key, look))
        left = rest
        if not left:
            return
        found = [one for number, one in enumerate(found) if number not in used]
