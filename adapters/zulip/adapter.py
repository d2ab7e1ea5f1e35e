"""Zulip: into an existing organisation by its API, or into a new one by an archive for `manage.py import`.

See docs/zulip.md for what the admin does before and after.

Settings: `site`, `email`, `api_key_file` (or _command); optional `jwt_key_file`, `ca_file`, `threads` (topics, quotes),
`topic` (the main topic), `email_domain` (of made-up addresses), `people_file` (CSV: Slack id or handle, address) and
`lanes`.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeVar

from migrator.adapters.base import (
    Composed,
    Directory,
    Key,
    Kind,
    Limits,
    Post,
    ReactionPost,
    Receipts,
    RemoteId,
    RemoteMessage,
    Route,
    Source,
    Target,
)
from migrator.adapters.bulk import Move
from migrator.adapters.zulip import topics
from migrator.adapters.zulip.client import Server
from migrator.adapters.zulip.compose import LiveWriter, compose
from migrator.adapters.zulip.fates import ARCHIVE, LIVE
from migrator.adapters.zulip.lent import Memory
from migrator.adapters.zulip.names import group_name
from migrator.adapters.zulip.preflight import Told, tell
from migrator.adapters.zulip.session import Session
from migrator.adapters.zulip.threads import Policy
from migrator.config import number
from migrator.errors import Retry, SkipItem, TargetUnavailable, UsageError
from migrator.model import Conversation, CustomEmoji, File, GroupId, Message, User, UserGroup, Workspace
from migrator.secret import Secret, read_secret

__all__ = ["Zulip"]

T = TypeVar("T")

LANES = 4  # a server answers 4 at a time no slower than 8 (5.4)


class Zulip:
    """The adapter. Calls of the client block, so each runs in a thread of the pool."""

    name: ClassVar[str] = "zulip"
    time_unit: ClassVar[int] = 1_000_000
    skin_tones: ClassVar[bool] = False
    one_pass: ClassVar[bool] = True  # of the archive route
    routes: ClassVar[tuple[Route, ...]] = (LIVE, ARCHIVE)
    knows: ClassVar[tuple[str, ...]] = (
        *("site", "email", "api_key", "api_key_file", "api_key_command", "jwt_key", "jwt_key_file", "jwt_key_command"),
        *("ca_file", "threads", "topic", "email_domain", "people_file", "lanes"),
        *("version", "sequences", "idle", "icon_file"),  # of the archive
    )

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = settings or {}
        try:
            self.policy = Policy(str(self.settings.get("threads", Policy.TOPICS)))
        except ValueError:
            raise UsageError(
                f"threads = {self.settings['threads']!r} is no thread policy", hint="choose topics or quotes"
            ) from None
        self.main_topic = str(self.settings.get("topic") or topics.MAIN_TOPIC)[: topics.MAX_TOPIC]
        self.lanes = number(self.settings, "lanes", LANES)
        self.memory = Memory()
        self._session: Session | None = None
        self._users: Mapping[str, User] = {}
        self._groups: dict[GroupId, UserGroup] = {}
        self._writer: LiveWriter | None = None
        self._acting: dict[str, bool] = {}  # so that plan and move are of one mind
        self._remote: Callable[[Kind, Key], RemoteId | None] = lambda _kind, _key: None
        self._pool: ThreadPoolExecutor | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            raise UsageError("zulip was not opened", hint="add --config FILE")
        return self._session

    async def _run(self, act: Callable[..., T], *arguments: Any, **more: Any) -> T:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.lanes + 1, thread_name_prefix="zulip")
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(act, *arguments, **more))

    # ── required of every adapter ───────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> Target:
        if self._session is None:
            for name in ("site", "email"):
                if not self.settings.get(name):
                    raise UsageError(f"the configuration has no {name}", hint=f'add {name} = "…" under [zulip]')
            self._session = await self._run(
                Session,
                site=str(self.settings["site"]),
                email=str(self.settings["email"]),
                key=read_secret(self.settings, "api_key"),
                jwt=read_secret(self.settings, "jwt_key", required=False),
                ca_file=str(self.settings.get("ca_file", "")),
                domain=str(self.settings.get("email_domain", "")),
                known=_known_people(self.settings.get("people_file")),
                policy=self.policy,
                main_topic=self.main_topic,
                memory=self.memory,
            )
        return self.session.target(self.lanes)

    def keep_in(self, folder: Path) -> None:
        self.memory.keep_in(folder)

    async def close(self) -> None:
        session, self._session = self._session, None
        try:
            if session is not None:
                await self._run(session.close)
        finally:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    async def find(self, kind: Kind, keys: Sequence[Key], within: RemoteId | None = None) -> dict[Key, RemoteId]:
        return await self._run(self.session.find, kind, list(keys), within)

    def compose(self, message: Message, directory: Directory, limits: Limits) -> Composed:
        if self._writer is None or self._writer.directory is not directory:
            self._writer = LiveWriter(directory, self._group)
        return compose(message, directory, limits, self.policy, self._writer, self.acts_for)

    def _group(self, group: GroupId) -> str | None:
        """The name of a user group that is, or will be, on the server as the source calls it."""
        known = self._groups.get(group)
        return known.handle if known is not None and group_name(known) == known.handle else None

    async def messages(self, conversation: RemoteId, *, hashes: bool = False) -> AsyncIterator[RemoteMessage]:
        reading = self.session.posts.read(conversation, hashes=hashes)
        while (message := await self._run(next, reading, None)) is not None:
            yield message

    def _tell(self) -> Told | None:
        """What the server says of itself; None where there is none to ask, or it is silent and a version was given."""
        if not self.settings.get("site"):
            return None
        server = Server(str(self.settings["site"]), "", Secret(""), str(self.settings.get("ca_file", "")))
        try:
            return tell(server)
        except (Retry, SkipItem) as error:
            if self.settings.get("version"):
                return None
            raise TargetUnavailable(
                f"{server.site} does not say which version it is: {error}", hint="say it with --set version=VERSION"
            ) from None
        finally:
            server.close()

    # ── required of a target that takes a package ───────────────────────────────────────────────────────────────────

    async def load(self, move: Move) -> Sequence[str]:
        """Write the archive, in this thread: the journal is tied to it. The admin has the server take it."""
        from migrator.adapters.zulip import archive

        known = _known_people(self.settings.get("people_file"))
        told = await self._run(self._tell)
        chosen = archive.choices(self.settings, told, self.policy, self.main_topic, known)
        return archive.write(move, chosen, Path(str(move.options.get("out") or "") or move.folder))

    async def recognise(self, source: Source) -> Mapping[Kind, Mapping[Key, RemoteId]]:
        """What came of an archive; in this thread, to which the source may be tied."""
        from migrator.adapters.zulip.recognise import recognise

        known = _known_people(self.settings.get("people_file"))
        return recognise(self.session, source, known, str(self.settings.get("email_domain") or ""))

    # ── required of a target that is written by calls ───────────────────────────────────────────────────────────────

    async def put_user(self, user: User) -> RemoteId:
        account = await self._run(self.session.accounts.put, user)
        return str(account.id)

    async def put_conversation(self, conversation: Conversation, members: Mapping[str, RemoteId]) -> RemoteId:
        return await self._run(self.session.places.put, conversation, members)

    async def put_file(self, file: File, body: BinaryIO, owner: RemoteId | None, conversation: RemoteId) -> RemoteId:
        return await self._run(self.session.put_file, file, body, owner)

    async def send(self, posts: Sequence[Post], receipts: Receipts) -> None:
        for post in posts:
            receipts.done(post.key, await self._run(self.session.posts.send, post, receipts_in(receipts, post)))

    # ── optional verbs ──────────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self, workspace: Workspace, remote: Callable[[Kind, Key], RemoteId | None]) -> None:
        self._users = {bot: user for user in workspace.users.values() for bot in user.bot_ids} | dict(workspace.users)
        self._groups = dict(workspace.groups)
        self._remote = remote

    def acts_for(self, user: str) -> bool:
        """Without a server there is no saying: then yes. What nobody did, nobody can do."""
        if self._session is None or not self._users:
            return True
        if user not in self._acting:
            self._acting[user] = user in self._users and self.session.accounts.acts_for(self._users[user])
        return self._acting[user]

    async def put_avatar(self, user: User, remote: RemoteId, image: File, body: BinaryIO) -> RemoteId:
        return await self._run(self.session.put_avatar, remote, image.name, body.read())

    async def put_workspace(self, workspace: Workspace) -> RemoteId:
        return await self._run(self.session.begin)

    async def put_emoji(self, emoji: CustomEmoji, body: BinaryIO | None) -> RemoteId:
        return await self._run(self.session.put_emoji, emoji.name, body)

    async def put_group(self, group: UserGroup, members: Mapping[str, RemoteId]) -> RemoteId:
        try:
            return await self._run(self.session.put_group, group, members)
        except SkipItem:
            self._groups.pop(group.id, None)  # a mention of it would be none
            raise

    async def react(self, reactions: Sequence[ReactionPost], receipts: Receipts) -> None:
        for reaction in reactions:
            await self._run(self.session.react, reaction)
            receipts.done(reaction.key, f"{reaction.post}/{reaction.reaction.name}/{reaction.user}")

    async def edit(self, post: Post, remote: RemoteId) -> None:
        await self._run(self.session.posts.edit, post, remote)

    async def finish_conversation(
        self, conversation: Conversation, remote: RemoteId, members: Mapping[str, RemoteId]
    ) -> None:
        self.session.posts.forget(remote)
        await self._star(conversation)
        await self._run(self.session.places.close, conversation, remote)

    async def _star(self, conversation: Conversation) -> None:
        """Pins become stars of whoever pinned."""
        for pin in conversation.pins:
            by = self._users.get(pin.by)
            if not pin.ts or by is None or not self.acts_for(pin.by):
                continue
            post = self._remote(Kind.POST, f"{conversation.id}/{pin.ts}")
            account = self._remote(Kind.USER, by.id)
            if post is not None and account is not None:
                await self._run(self.session.star, account, post)

    async def finish(self, workspace: Workspace, users: Mapping[str, RemoteId]) -> Sequence[str]:
        return await self._run(self.session.finish, workspace)


class _Asked(Receipts):
    """Receipts asked beforehand, in the engine's own thread: its journal belongs to it."""

    def __init__(self, known: Mapping[Key, RemoteId | None]) -> None:
        self._known = known

    def done(self, key: Key, remote: RemoteId) -> None:
        raise NotImplementedError

    def remote(self, key: Key) -> RemoteId | None:
        return self._known.get(key)


def receipts_in(receipts: Receipts, post: Post) -> Receipts:
    """What the post may ask of the journal."""
    return _Asked({key: receipts.remote(key) for key in (post.root, post.previous) if key})


def _known_people(path: object) -> dict[str, str]:
    """The mover's list: Slack id or handle to e-mail address, one a line. UsageError where it cannot be read."""
    if not path:
        return {}
    try:
        text = Path(str(path)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("people_file cannot be read", hint="two columns: Slack id or handle, e-mail address") from None
    rows = [row for row in csv.reader(io.StringIO(text)) if len(row) >= 2]
    return {row[0].strip(): row[1].strip() for row in rows if "@" in row[1]}
