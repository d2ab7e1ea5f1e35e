"""The engine of the live route: carries out a plan by an adapter's verbs.

One lane per conversation, strictly in ts order within it, lanes in parallel. The journal's protocol around every act:
intent, act, receipt. A killed run leaves intents without receipts; `_resolve_doubts` asks the target about each before
anything is sent again. Errors are treated by what they ask for: `Retry` waits and, where the act may have landed, looks
first; `SkipItem` costs one item and is reported; anything else ends the run, which resumes when started again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import groupby
from mimetypes import guess_type

import msgspec
from msgspec import Struct

from migrator.adapters.base import (
    Finishes,
    Key,
    Kind,
    Pins,
    PutsAvatars,
    PutsEmoji,
    PutsGroups,
    PutsWorkspace,
    RemoteId,
)
from migrator.errors import SkipItem
from migrator.lane import Lane
from migrator.means import Means
from migrator.model import Conversation, CustomEmoji, File, Local, User
from migrator.plan import chosen, is_skipped
from migrator.share import post_key

__all__ = ["Engine", "Outcome"]


class Outcome(Struct, frozen=True):
    """What a run leaves to say. `unapplied`: changed messages that the target cannot edit."""

    posts: int
    reactions: int
    edits: int
    failures: tuple[tuple[Kind, Key, str], ...]
    unapplied: int
    advice: tuple[str, ...]
    resolved: int  # doubts of an earlier, killed run


class Engine(Means):
    """One run. `run()` may be called once; a later run is a new engine on the same journal."""

    async def run(self, total: int = 0) -> Outcome:
        """Do everything that is not done (`total` posts, for the bar). Raises MigratorError to stop; what was
        acknowledged stays acknowledged."""
        self.journal.forget_failures()
        resolved = await self._resolve_doubts()
        await self._put_entities()
        self.progress.phase("messages", total)
        async with _Lanes() as lanes:
            for conversation in chosen(self.source, self.options):
                lanes.start(self._lane(conversation))
        await self._relink()
        advice: Sequence[str] = ()
        adapter = self.adapter
        if isinstance(adapter, Finishes):
            users = self._remotes(Kind.USER, self.source.workspace.users)
            advice = await self.tries.attempt(partial(adapter.finish, self.source.workspace, users))
        return Outcome(
            posts=self.posts,
            reactions=self.reactions,
            edits=self.edits,
            failures=tuple(self.journal.failures()),
            unapplied=self.unapplied,
            advice=tuple(advice),
            resolved=resolved,
        )

    # ── doubts of a killed run ──────────────────────────────────────────────────────────────────────────────────────

    async def _resolve_doubts(self) -> int:
        doubts = self.journal.doubts()
        if not doubts:
            return 0
        settle = self.target.limits.settle if self.patience.settle is None else self.patience.settle
        await asyncio.sleep(max(0.0, settle - self.journal.idle_seconds()))
        grouped: dict[tuple[Kind, RemoteId], list[Key]] = defaultdict(list)
        for kind, key, within in doubts:
            grouped[kind, within].append(key)
        for (kind, within), keys in grouped.items():
            # entities need no question: their verbs return what is there already
            asks = kind in (Kind.POST, Kind.REACTION)
            found = await self.tries.attempt(partial(self.adapter.find, kind, keys, within)) if asks else {}
            for key in keys:
                if key in found:
                    self.journal.done(kind, key, found[key])
                else:
                    self.journal.forget(kind, key)
        return len(doubts)

    # ── entities ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _put_entities(self) -> None:
        workspace, adapter = self.source.workspace, self.adapter
        if isinstance(adapter, PutsWorkspace):
            remote = await self.tries.attempt(partial(adapter.put_workspace, workspace))
            self.journal.done(Kind.WORKSPACE, workspace.id, remote, "")
        self.progress.phase("people", len(workspace.users))
        async with _Lanes() as lanes:
            for user in workspace.users.values():
                lanes.start(self._put(Kind.USER, user.id, user, partial(adapter.put_user, user)))
        if isinstance(adapter, PutsAvatars):
            async with _Lanes() as lanes:
                for user in workspace.users.values():
                    if isinstance(user.avatar, Local) and self.may_act(user.id):
                        lanes.start(self._put_avatar(adapter, user, user.avatar))
        if isinstance(adapter, PutsEmoji):
            for emoji in workspace.emoji.values():
                if isinstance(image := _image_of(emoji, workspace.emoji), Local):
                    act = partial(self._put_emoji, adapter, emoji, image)
                    await self._put(Kind.EMOJI, emoji.name, emoji, act)
        conversations = chosen(self.source, self.options)
        self.progress.phase("conversations", len(conversations))
        async with _Lanes() as lanes:
            for conversation in conversations:
                members = self._remotes(Kind.USER, conversation.members)
                act = partial(adapter.put_conversation, conversation, members)
                lanes.start(self._put(Kind.CONVERSATION, conversation.id, conversation, act))
        if isinstance(adapter, PutsGroups):
            for group in workspace.groups.values():
                members = self._remotes(Kind.USER, group.members)
                await self._put(Kind.GROUP, group.id, group, partial(adapter.put_group, group, members))

    async def _put_avatar(self, adapter: PutsAvatars, user: User, image: Local) -> None:
        remote = self.journal.remote(Kind.USER, user.id)
        if remote is None:
            return
        name = image.member.rpartition("/")[2]
        mime = guess_type(name)[0] or "image/png"
        picture = File(id=f"avatar:{user.id}", name=name, data=image, mime=mime, size=image.size)

        async def act() -> RemoteId:
            with self.source.open(picture) as body:
                return await adapter.put_avatar(user, remote, picture, body)

        await self._put(Kind.FILE, picture.id, image, act)

    async def _put_emoji(self, adapter: PutsEmoji, emoji: CustomEmoji, image: Local) -> RemoteId:
        picture = File(id=f"emoji:{emoji.name}", name=emoji.name, data=image, size=image.size)
        with self.source.open(picture) as body:
            return await adapter.put_emoji(emoji, body)

    async def _put(self, kind: Kind, key: Key, content: object, act: Callable[[], Awaitable[RemoteId]]) -> None:
        """Put an entity unless the journal holds it with the same content."""
        digest = blake2b(msgspec.json.encode(content, order="sorted"), digest_size=12).hexdigest()
        self.progress.advance()
        if self.journal.digest(kind, key) == digest:
            return
        async with self.lanes:
            self.journal.intend([(kind, key, digest)])
            try:
                remote = await self.tries.attempt(act)
            except SkipItem as reason:
                self.journal.fail(kind, key, str(reason))
                return
            self.journal.done(kind, key, remote, digest)

    def _remotes(self, kind: Kind, ids: Sequence[str] | Mapping[str, object]) -> dict[str, RemoteId]:
        found = ((i, self.journal.remote(kind, self.names.canonical_user(i))) for i in ids)
        return {i: remote for i, remote in found if remote is not None}

    # ── a lane ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _lane(self, conversation: Conversation) -> None:
        async with self.lanes:
            remote = self.journal.remote(Kind.CONVERSATION, conversation.id)
            if remote is None:
                return  # the conversation itself was refused and is reported as such
            lane = Lane(self, conversation, remote)
            for message in self.source.messages(conversation.id):
                if is_skipped(message, self.options):
                    continue
                await lane.add(message)
            await lane.flush()
            await self._pin(conversation, remote)
            if isinstance(self.adapter, Finishes):
                members = self._remotes(Kind.USER, conversation.members)
                adapter = self.adapter
                act = partial(adapter.finish_conversation, conversation, remote, members)
                await self._last_touch(conversation, "closing it", act)

    async def _last_touch(self, conversation: Conversation, what: str, act: Callable[[], Awaitable[None]]) -> bool:
        """Something about a conversation that is there; refused, it costs the others nothing."""
        try:
            await self.tries.attempt(act)
        except SkipItem as reason:
            self.journal.fail(Kind.CONVERSATION, f"{conversation.id}, {what}", str(reason))
            return False
        return True

    async def _relink(self) -> None:
        """Links to messages that were sent after the message that links to them: lanes run in parallel, and people
        edit old messages to point to newer ones."""
        waiting = self.journal.linkable()
        self.progress.phase("links", len(waiting))
        for conversation, keys in groupby(waiting, key=lambda key: key.rpartition("/")[0]):
            wanted = set(keys)
            remote = self.journal.remote(Kind.CONVERSATION, conversation)
            if remote is None or conversation not in self.source.workspace.conversations:
                continue
            lane = Lane(self, self.source.workspace.conversations[conversation], remote)
            for message in self.source.messages(conversation):
                if post_key(message) in wanted:
                    await lane.relink(message)
                    self.journal.linked(post_key(message))
                    self.progress.advance()

    async def _pin(self, conversation: Conversation, remote: RemoteId) -> None:
        adapter = self.adapter
        if not isinstance(adapter, Pins) or not conversation.pins:
            return
        pins = sorted(conversation.pins, key=lambda pin: (pin.at, pin.ts))
        found = (self.journal.remote(Kind.POST, f"{conversation.id}/{pin.ts}") for pin in pins if pin.ts)
        posts = [post for post in found if post is not None]
        state = blake2b("\n".join(posts).encode(), digest_size=12).hexdigest()
        if not posts or self.journal.meta(f"pins:{conversation.id}") == state:
            return
        if await self._last_touch(conversation, "its pins", partial(adapter.pin, remote, posts)):
            self.journal.set_meta(f"pins:{conversation.id}", state)


def _image_of(emoji: CustomEmoji, known: Mapping[str, CustomEmoji]) -> object:
    """An alias shows the picture of the emoji at the end of the chain; None where that is a standard one, or a loop."""
    for _ in known:
        if not emoji.alias_of:
            return emoji.image
        if emoji.alias_of not in known:
            return None
        emoji = known[emoji.alias_of]
    return None


class _Lanes:
    """A task group that raises the first error itself, not a group of one."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> _Lanes:
        await self._group.__aenter__()
        return self

    def start(self, work: Awaitable[None]) -> None:
        self._group.create_task(_as_coroutine(work))

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._group.__aexit__(*error)  # type: ignore[arg-type]
        except BaseExceptionGroup as group:
            raise _first(group) from None


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
