"""Loading in rounds: convert, deliver, write receipts; killed anywhere, the next call goes on.

A round is a folder of its own: zips, its seal once all are written (see `seal`), `deliveries.json` for how far each is.
Nothing is imported of a round without a seal: it is converted afresh. A sealed
one is delivered as it is, for what its import began has changed the server that another conversion would start from.
"""

from __future__ import annotations

import asyncio
import shutil
import zipfile
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from migrator.adapters.base import Composed, Directory, Key, Kind, Limits, RemoteId
from migrator.adapters.bulk import Move
from migrator.adapters.mattermost import delivery, finish, preflight
from migrator.adapters.mattermost import seal as seals
from migrator.adapters.mattermost.book import Book
from migrator.adapters.mattermost.compose import MAX_TEXT
from migrator.adapters.mattermost.delivery import Deliveries, ImportRefused
from migrator.adapters.mattermost.images import largest_in
from migrator.adapters.mattermost.package import Part, describe, write, written
from migrator.adapters.mattermost.posts import Held
from migrator.adapters.mattermost.readback import RemotePost
from migrator.adapters.mattermost.seal import Edit, Seal
from migrator.adapters.mattermost.validate import refuse
from migrator.errors import ItemsFailed
from migrator.model import Message, UserId

if TYPE_CHECKING:
    from migrator.adapters.mattermost.driver import Driver

__all__ = ["Rounds"]


class Rounds:
    """One load."""

    def __init__(self, driver: Driver, move: Move) -> None:
        self.driver, self.move, self.rest = driver, move, driver.rest
        self.advice: list[str] = []
        self.workers = driver.host.workers
        self._stopped = False
        self._changes = _Changes(move)

    @property
    def book(self) -> Book:
        book = self.driver.host.book
        assert book is not None  # noqa: S101 - the core prepares every adapter before it loads
        return book

    async def run(self) -> Sequence[str]:
        """Returns advice for the admin."""
        self.advice += await asyncio.to_thread(self._preflight)
        folder = seals.latest(self.move.folder)
        if folder is not None and (seal := seals.under_way(self.move.folder)) is not None:
            with ThreadPoolExecutor(1) as sending:
                known = Deliveries(folder / "deliveries.json")
                files = [folder / name for name in seal.parts]
                uploads = {file: sending.submit(self._send, file, known) for file in files}
                await self._import_all(folder, known, uploads, seal)
            if seal.fingerprint == self.move.source.fingerprint:
                return [*self.advice, *seal.advice]
            # whom and what it made must not get lines again: those would take passwords and read state
            await asyncio.to_thread(self.driver.look_around, self.move)
            self._changes = _Changes(self.move)
        await self._convert_and_deliver(self._next(folder))
        return self.advice

    def _preflight(self) -> list[str]:
        """Settings in the way; LimitExceeded where one would stop the import."""
        return preflight.settle(self.rest, self.driver.needs(), self.driver.host.may_change_settings)

    # ── folders ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _next(self, latest: Path | None) -> Path:
        """A new folder, or that of a round that was never sealed: nothing of it was imported, so it is converted again.

        What was uploaded of it is known there, and not sent again where it comes out the same.
        """
        number = int(latest.name.removeprefix("round-")) if latest else 0
        if latest is None or seals.sealed(latest):
            latest = self.move.folder / f"round-{number + 1:03}"
        latest.mkdir(mode=0o700, exist_ok=True)
        return latest

    # ── convert ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _convert_and_deliver(self, folder: Path) -> None:
        """Each zip is checked and uploaded while the rest is converted; imports begin when all are written and sealed.

        The first to be imported is written last: it has a thread of its own, so that it waits for no other's upload.
        """
        await asyncio.to_thread(self.driver.meet_direct_channels, self.book)
        facts, present = self.driver.facts, self.driver.host.present
        known = Deliveries(folder / "deliveries.json")
        sent: dict[Path, Future[None]] = {}
        with ThreadPoolExecutor(1) as sending, ThreadPoolExecutor(1) as sending_first:

            def ready(part: Part) -> None:
                refuse(part.path, present, facts.text if facts else MAX_TEXT)
                self._make_room(part)
                thread = sending_first if part.number == 1 else sending
                sent[part.path] = thread.submit(self._send, part.path, known)

            try:
                move = msgspec.structs.replace(self.move, done=self._changes.done)
                most = facts.file - preflight.ROOM if facts else 0
                limits = Limits(file=most)  # of a zip; messages are composed to the plan's
                package = write(move, self.book, self._compose, folder, held=self._held, ready=ready, limits=limits)
            except BaseException:
                self._stopped = True
                raise
            in_order = {part.path: sent[part.path] for part in package.parts}
            for left in known.retain({path.name for path in in_order}):
                delivery.discard(self.rest, left.held)
            seal = Seal(
                self.move.source.fingerprint,
                tuple(path.name for path in in_order),
                package.advice,
                tuple(self._changes.edits),
                tuple(self._changes.replaced.values()),
                self.book.newcomers,
            )
            seals.seal(folder, seal)
            self.advice += package.advice
            await self._import_all(folder, known, in_order, seal)

    def _held(self, conversation: str) -> Mapping[Key, Held]:
        """What the server holds of a conversation, by our keys: a repeated line carries exactly this."""
        remote = self.move.done(Kind.CONVERSATION, conversation)
        if remote is None:
            return {}
        posts = [
            post for post in self.driver.posts(remote.partition("/")[0]) if post.key.startswith(f"{conversation}/")
        ]
        held = {
            post.key: Held(
                message=post.message,
                create_at=post.create_at,
                type=post.type,
                props=dict(post.props or {}),
                edit_at=post.edit_at,
                is_pinned=post.is_pinned,
                files=tuple(info.name for info in (post.metadata.files if post.metadata else None) or ()),
            )
            for post in posts
        }
        # the moments that a post was moved past are taken, or were by a notice that is deleted and would be met again
        for post in posts:
            for moment in range(post.time // 1000, post.create_at):
                held.setdefault(f"{conversation}#{moment}", Held("", moment))
        self._changes.begin(held, {post.key: post.id for post in posts})
        return held

    def _make_room(self, part: Part) -> None:
        """A zip and what is in it must not be larger than the server takes; where settings may be changed they are."""
        facts = self.driver.facts
        if facts is None or not self.driver.host.may_change_settings:
            return
        found = preflight.needs_of_files(facts, largest_in(part.path), part.path.stat().st_size)
        if found:
            self.advice += preflight.change(self.rest, [msgspec.structs.replace(need, fatal=True) for need in found])
            self.driver.facts = preflight.look(self.rest, self.driver.host.team)

    def _compose(self, message: Message, directory: Directory, _limits: Limits) -> Composed:
        limits = self.move.target.limits if self.move.target else Limits()
        composed = self.driver.host.compose(message, directory, limits)
        self._changes.look(message, composed)
        return composed

    # ── deliver ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _import_all(self, folder: Path, known: Deliveries, sent: Mapping[Path, Future[None]], seal: Seal) -> None:
        """Import the zips in order, each when it is there; then write receipts and do the rest over REST."""
        self.move.progress.phase("importing", len(sent))
        with ThreadPoolExecutor(1) as importing:
            done = [importing.submit(self._import, file, known, upload) for file, upload in sent.items()]
            try:
                for job in done:
                    await asyncio.wrap_future(job)
                    self.move.progress.advance(1)
            except BaseException:
                self._stopped = True
                raise
        await asyncio.to_thread(self._edit, seal)
        await self._receipts(folder)
        for edit in seal.edits:
            self.move.record(Kind.POST, edit.key, edit.post, edit.digest)
        self.advice += await asyncio.to_thread(self._finish, seal.names.people)
        seals.arrive(folder)
        for file in sent:
            file.unlink(missing_ok=True)

    def _send(self, file: Path, known: Deliveries) -> None:
        if not self._stopped:
            delivery.send(self.rest, file, known.of(file), save=known.save)

    def _import(self, file: Path, known: Deliveries, sent: Future[None]) -> None:
        """Run the job of a zip. One that stops at a channel it has archived before is sent again without its line."""
        sent.result()
        while not self._stopped:
            try:
                delivery.run(self.rest, known.of(file), save=known.save, workers=self.workers)
                break
            except ImportRefused as refused:
                self.driver.refresh(())
                if not _drop_channels(file, self.driver.archived):
                    where = describe(file, refused.line) if refused.line else "some line"
                    raise ItemsFailed(
                        f"the server refused {where}, line {refused.line or '?'} of {file.name}: {refused.reason}",
                        hint="what stands before it has arrived; run the same command again once it is mended",
                    ) from None
                delivery.send(self.rest, file, known.of(file), save=known.save)

    # ── receipts ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _receipts(self, folder: Path) -> None:
        """Read back what arrived and note it: people, channels, posts, reactions."""
        book, record = self.book, self.move.record
        await asyncio.to_thread(self.driver.refresh, list(book.by_username))
        for person in book.people.values():
            if remote := person.there or self.driver.users.get(person.username):
                record(Kind.USER, person.user.id, remote, "")
        facts = self.driver.facts
        if facts is not None and facts.team:
            record(Kind.WORKSPACE, self.move.source.workspace.id, facts.team, "")
        for emoji in await asyncio.to_thread(lambda: list(self.rest.pages("/emoji"))):
            for name, made in book.emoji.items():
                if made == emoji["name"]:
                    record(Kind.EMOJI, name, str(emoji["id"]), "")
        digests: dict[str, list[tuple[Key, str]]] = {}
        for conversation, posts_of in written(folder):
            digests.setdefault(conversation, []).extend(posts_of)
        self.move.progress.phase("reading back what arrived", len(book.rooms))
        for conversation, room in book.rooms.items():
            place = await asyncio.to_thread(self.driver.place, room)
            self.move.progress.advance(1)
            if not place:
                continue
            record(Kind.CONVERSATION, conversation, place, "")
            posts = await asyncio.to_thread(self.driver.posts, place.partition("/")[0])
            by_key = {post.key: post for post in posts if post.key}
            for key, digest in digests.get(conversation, ()):
                if post := by_key.get(key):
                    record(Kind.POST, key, post.id, digest)
            if any(post.metadata and post.metadata.reactions for post in by_key.values()):
                for message in self.move.source.messages(conversation):
                    for key, remote in self._reactions(message, by_key):
                        record(Kind.REACTION, key, remote, "")

    def _reactions(self, message: Message, posts: Mapping[Key, RemotePost]) -> Iterator[tuple[Key, RemoteId]]:
        post = posts.get(f"{message.conversation}/{message.ts}")
        if not message.reactions or post is None or post.metadata is None:
            return
        there = {(r.emoji_name, r.user_id) for r in post.metadata.reactions or ()}
        for reaction in message.reactions:
            made = self.book.reaction(reaction)
            toned = f"{reaction.name}::{reaction.tone}" if reaction.tone else reaction.name
            for user in reaction.users:
                person = self.book.person(user)
                who = (person.there or self.driver.users.get(person.username, "")) if person else ""
                if (made, who) in there:
                    yield f"{message.conversation}/{message.ts}/{toned}/{user}", f"{post.id}:{toned}:{who}"

    def _edit(self, seal: Seal) -> None:
        """Posts that the newer export shows otherwise; notices cannot be edited, and were sent anew."""
        for edit in seal.edits:
            self.rest.driver.posts.patch_post(edit.post, {"message": edit.message})
        for post in seal.replaced:
            if (self.rest.find(f"/posts/{post}") or {}).get("delete_at") == 0:
                self.rest.driver.posts.delete_post(post)

    # ── the rest, over REST ─────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self, newcomers: Container[UserId]) -> list[str]:
        """What the format cannot carry; see `finish`. Only accounts that this round made are changed."""
        book, users = self.book, self.driver.users
        off = [
            users[person.username]
            for user, person in book.people.items()
            if user in newcomers and person.user.is_bot and not person.user.active and person.username in users
        ]
        finish.disable_bots(self.rest, off)
        zones = {
            users[person.username]: person.user.timezone
            for user, person in book.people.items()
            if user in newcomers and person.user.timezone and not person.user.is_bot and person.username in users
        }
        refused = finish.set_timezones(self.rest, zones)
        joined = finish.join(self.rest, self.driver.facts.team if self.driver.facts else "", self._joinings(newcomers))
        said = [f"{len(refused)} time zones are unknown to the server: {', '.join(refused[:5])}"] if refused else []
        return said + ([f"{joined} memberships of accounts that were there before were added"] if joined else [])

    def _joinings(self, newcomers: Container[UserId]) -> list[finish.Joining]:
        book = self.book
        places: dict[RemoteId, list[RemoteId]] = {}
        for room in book.rooms.values():
            channel = "" if room.direct else self.driver.channels.get(room.name, "")
            if not channel or channel in self.driver.archived.values():
                continue
            for user in room.conversation.members:
                person = book.person(user)
                if person is None or person.user.id in newcomers:
                    continue
                if person.there and person.active and not person.user.is_bot:
                    places.setdefault(person.there, []).append(channel)
        return [finish.Joining(user, tuple(channels)) for user, channels in sorted(places.items())]


class _Changes:
    """Notices, while a conversation is converted, which of its posts were sent otherwise before.

    What was sent is known by its digest in earlier rounds, so a post edited on the server is left as it is.
    """

    def __init__(self, move: Move) -> None:
        self.edits: list[Edit] = []
        self.replaced: dict[Key, RemoteId] = {}
        self._done = move.done
        self._held: dict[Key, Held] = {}
        self._ids: Mapping[Key, RemoteId] = {}
        self._sent: dict[Key, str] = {}
        for folder in sorted(move.folder.glob("round-*")):
            if seals.arrived(folder):
                for _, posts in written(folder):
                    self._sent.update(posts)
                self._sent.update((edit.key, edit.digest) for edit in seals.read(folder).edits)

    def begin(self, held: dict[Key, Held], ids: Mapping[Key, RemoteId]) -> None:
        """A conversation as the server holds it; what is to be sent anew is taken out of `held`."""
        self._held, self._ids = held, ids

    def look(self, message: Message, composed: Composed) -> None:
        for draft in composed.drafts:
            key = f"{message.conversation}/{message.ts}" + (f"/{draft.part}" if draft.part else "")
            held = self._held.get(key)
            if held is None or self._sent.get(key, draft.digest) == draft.digest:
                continue
            if held.message == draft.content.message:
                continue
            if held.type.startswith("system_"):
                self.replaced[key] = self._ids[key]
                del self._held[key]
            else:
                self.edits.append(Edit(self._ids[key], key, draft.content.message, draft.digest))

    def done(self, kind: Kind, key: Key) -> RemoteId | None:
        """As the journal says, but for what is to be sent anew."""
        return None if kind is Kind.POST and key in self.replaced else self._done(kind, key)


def _drop_channels(file: Path, archived: Mapping[str, RemoteId]) -> bool:
    """Take lines of channels that are archived by now out of a zip: the server stops at them. False: there are none."""
    draft = file.with_suffix(".part")
    dropped = False
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(draft, "w", allowZip64=True) as new:
        for entry in old.infolist():
            with old.open(entry) as body, new.open(entry, "w", force_zip64=True) as to:
                if not entry.filename.endswith(".jsonl"):
                    shutil.copyfileobj(body, to, 1 << 20)
                    continue
                for line in body:
                    if line.startswith(b'{"type":"channel"') and _channel_name(line) in archived:
                        dropped = True
                    else:
                        to.write(line)
    if dropped:
        draft.chmod(0o600)
        draft.replace(file)
    else:
        draft.unlink()
    return dropped


def _channel_name(line: bytes) -> str:
    return str(msgspec.json.decode(line)["channel"]["name"])
