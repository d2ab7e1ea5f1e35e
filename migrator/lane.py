"""One conversation's stream: collects messages, then sends what is missing, in order, with files and reactions.

A lane promises: posts leave strictly in ts order, one request in flight; intents are durable before the first act of
their batch; after a failure that may have landed all the same, the target is asked before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from migrator.adapters.base import Acts, Edits, Key, Kind, Post, ReactionPost, Reacts, Receipts, RemoteId
from migrator.errors import Retry, SkipItem
from migrator.means import Means
from migrator.model import Conversation, Message, MessageKind, micros
from migrator.share import post_key, reaction_key

__all__ = ["INTENTS", "Lane"]

INTENTS = 64  # posts written ahead of the acts, in one durable transaction


class Lane:
    """Made by the engine for each conversation. `add` every message in ts order, `flush` at the end."""

    def __init__(self, means: Means, conversation: Conversation, remote: RemoteId) -> None:
        self.means, self.conversation, self.remote = means, conversation, remote
        self.posts = _Sent(means, Kind.POST, conversation.id)
        self.reactions = _Sent(means, Kind.REACTION, conversation.id)
        self.last_of_thread: dict[str, Key] = {}
        self.batch: list[tuple[Message, list[Post]]] = []
        self.waiting = 0

    async def add(self, message: Message) -> None:
        """Compose a message and queue it; sends once enough is waiting."""
        posts = self._posts_of(message)
        if self.means.names.missed & {post_key(queued) for queued, _ in self.batch}:
            await self.flush()  # it links to a message that only waits for its turn
            posts = self._posts_of(message)
        self.batch.append((message, posts))
        fresh = sum(post.key not in self.posts for post in posts)
        if fresh and self.means.names.missed and isinstance(self.means.adapter, Edits):
            self.means.journal.await_links(post_key(message), self.means.names.missed)
        self.waiting += fresh
        if self.waiting >= INTENTS or len(self.batch) >= 16 * INTENTS:
            await self.flush()

    async def relink(self, message: Message) -> None:
        """Write a message that is there anew, now that messages it links to are there too."""
        for post in self._posts_of(message):
            if post.key in self.posts:
                await self._edit(post)

    def _posts_of(self, message: Message) -> list[Post]:
        """The posts of a message; `names.missed` then holds the messages it links to in vain."""
        means = self.means
        means.names.missed.clear()
        composed = means.adapter.compose(message, means.names, means.target.limits)
        author = means.names.remote_user(message.author.user) or ""
        posts = []
        for draft in composed.drafts:
            key = post_key(message, draft.part)
            thread = message.thread if draft.thread else ""
            root = f"{message.conversation}/{thread}" if thread else None
            previous = self.last_of_thread.get(thread) if thread else None
            posts.append(Post(key, message, draft, self.remote, author, micros(message.ts), root, previous))
            if thread:
                self.last_of_thread[thread] = key
        return posts

    async def flush(self) -> None:
        """Send the queue: intents for everything first, then message by message."""
        batch, self.batch, self.waiting = self.batch, [], 0
        reactions = {message.ts: self._wanted_reactions(message) for message, _ in batch if message.reactions}
        intents = [(Kind.POST, p.key, p.draft.digest) for _, posts in batch for p in posts if p.key not in self.posts]
        intents += [(Kind.REACTION, reaction.key, "") for some in reactions.values() for reaction in some]
        self.means.journal.intend(intents, within=self.remote)
        size = self.means.target.limits.batch or 1
        queue: list[Post] = []
        for message, posts in batch:
            for post in posts:
                if post.key not in self.posts:
                    queue.append(await self._with_files(post))
                elif self.posts.changed(post):
                    await self._edit(post)
            wanted = reactions.get(message.ts, ())
            if len(queue) >= size or wanted:
                await self._send(queue)
                queue = []
            if wanted:
                await self._react(message, wanted)
        await self._send(queue)

    async def _with_files(self, post: Post) -> Post:
        files = [(file, await self.means.upload(file, post.author, self.remote)) for file in post.draft.files]
        return msgspec.structs.replace(post, files=tuple(files)) if files else post

    async def _send(self, posts: Sequence[Post]) -> None:
        if not posts:
            return
        adapter = self.means.adapter
        await self._deliver(self.posts, {post.key: post for post in posts}, lambda left: adapter.send(left, self.posts))
        if isinstance(adapter, Acts):
            for post in posts:
                message = post.message
                if message.event is not None and message.kind is MessageKind.EVENT and not post.draft.part:
                    await self.means.tries.attempt(
                        partial(adapter.act, message.event, message, self.remote, post.author)
                    )

    async def _edit(self, post: Post) -> None:
        means, adapter = self.means, self.means.adapter
        remote = self.posts.remote(post.key)
        if remote is None or not isinstance(adapter, Edits):
            means.unapplied += 1
            return
        try:
            await means.tries.attempt(partial(adapter.edit, await self._with_files(post), remote))
        except SkipItem:
            means.unapplied += 1
            return
        means.journal.done(Kind.POST, post.key, remote, post.draft.digest)
        means.edits += 1

    def _wanted_reactions(self, message: Message) -> list[ReactionPost]:
        """Reactions that are not there yet, of people that are; the post's remote id is filled in when it is known."""
        if not isinstance(self.means.adapter, Reacts):
            return []
        wanted, order = [], 0
        for reaction in message.reactions:
            for user in reaction.users:
                key, who = reaction_key(message, reaction, user), self.means.names.remote_user(user)
                if who is not None and key not in self.reactions and self.means.may_act(user):
                    wanted.append(ReactionPost(key, self.remote, "", reaction, who, micros(message.ts), order))
                order += 1
        return wanted

    async def _react(self, message: Message, wanted: Sequence[ReactionPost]) -> None:
        adapter = self.means.adapter
        post = self.posts.remote(post_key(message))
        if post is None or not isinstance(adapter, Reacts):
            for reaction in wanted:
                self.means.journal.fail(Kind.REACTION, reaction.key, "its message was refused")
            return
        todo = {r.key: msgspec.structs.replace(r, post=post) for r in wanted}
        await self._deliver(self.reactions, todo, lambda left: adapter.react(left, self.reactions))

    async def _deliver(
        self, sent: _Sent, items: Mapping[Key, _Item], act: Callable[[Sequence[_Item]], Awaitable[None]]
    ) -> None:
        """Act on what has no receipt until all is sent or refused; look before acting again after an unsure failure."""
        means, tries = self.means, 0
        refused: set[Key] = set()
        while left := [item for key, item in items.items() if key not in sent and key not in refused]:
            await means.tries.hold_back()
            try:
                await act(left)
            except Retry as retry:
                tries = await means.tries.wait(retry, tries)
                if retry.landed:
                    keys = [item.key for item in left if item.key not in sent]
                    found = await means.tries.attempt(partial(means.adapter.find, sent.kind, keys, self.remote))
                    for key in keys:
                        if key in found:
                            sent.done(key, found[key])
            except SkipItem as reason:
                culprit = next(item.key for item in left if item.key not in sent)
                means.journal.fail(sent.kind, culprit, str(reason))
                refused.add(culprit)


_Item = TypeVar("_Item", Post, ReactionPost)


class _Sent(Receipts):
    """What is on the target of one kind in one conversation; writes receipts through to the journal."""

    def __init__(self, means: Means, kind: Kind, conversation: str) -> None:
        self.means, self.kind = means, kind
        self.known = means.journal.of_conversation(kind, conversation)

    def __contains__(self, key: Key) -> bool:
        return key in self.known

    def changed(self, post: Post) -> bool:
        """An empty digest is one we do not know (adopted, or just sent): not a change."""
        return self.known[post.key][1] not in ("", post.draft.digest)

    def done(self, key: Key, remote: RemoteId) -> None:
        self.means.journal.done(self.kind, key, remote)
        self.known[key] = (remote, "")
        if self.kind is Kind.POST:
            self.means.posts += 1
            self.means.progress.advance()
        else:
            self.means.reactions += 1

    def remote(self, key: Key) -> RemoteId | None:
        known = self.known.get(key)
        return known[0] if known else None
