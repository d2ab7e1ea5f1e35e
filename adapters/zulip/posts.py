"""Posts of the live route: sent as their authors at their times, found again after an unsure failure, edited, read.

Zulip keeps no key of ours and has no idempotency key. So before a post leaves, `Memory.sending` notes what tells it
from all others: its conversation's newest id, sender, second and Markdown. A lane has one post on its way, so a
doubtful one is the first later post that looks like this, or it is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from hashlib import blake2b

from migrator.adapters.base import Key, Post, Receipts, RemoteFile, RemoteId, RemoteMessage
from migrator.adapters.zulip import people, places, threads
from migrator.adapters.zulip.accounts import Account, Accounts
from migrator.adapters.zulip.client import MIRROR, Refused, Server
from migrator.adapters.zulip.compose import BROADCAST, FILE, Content
from migrator.adapters.zulip.lent import Memory, Pending
from migrator.adapters.zulip.loans import HAND_OVER, Loans
from migrator.adapters.zulip.places import Places
from migrator.adapters.zulip.preflight import Facts
from migrator.adapters.zulip.read import read
from migrator.adapters.zulip.reading import Roots, decoded_topic, remote_message, split, uploads
from migrator.adapters.zulip.threads import Policy
from migrator.adapters.zulip.topics import thread_topic, topic_url
from migrator.errors import Retry, SkipItem

__all__ = ["Posts"]

REMEMBERED = 512  # posts kept for `find`, and roots for quotes
_LABEL = rf"(?:{re.escape(threads.POINTER)}|{re.escape(threads.BACK)})"
_POINTER = re.compile(rf"\n*(?:\[{_LABEL}\]\(([^)\s]+)\)|{_LABEL}: #\*\*[^*]+\*\*)\s*\Z")
_HEAD = re.compile(rf"@_\*\*\|\d+\*\* \[{threads.HEAD_LINK}\]\(")


class Posts:
    def __init__(
        self,
        server: Server,
        facts: Facts,
        memory: Memory,
        loans: Loans,
        accounts: Accounts,
        where: Places,
        policy: Policy,
        main_topic: str,
    ) -> None:
        self.server, self.facts, self.memory, self.loans = server, facts, memory, loans
        self.accounts, self.places, self.policy, self.main_topic = accounts, where, policy, main_topic
        self._lock = threading.Lock()
        self._newest: dict[RemoteId, int] = {}
        self._topics: dict[RemoteId, dict[Key, str]] = defaultdict(dict)
        self._roots: OrderedDict[RemoteId, tuple[str, str]] = OrderedDict()  # raw text and thread's topic of roots
        self._done: OrderedDict[Key, RemoteId] = OrderedDict()

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, post: Post, receipts: Receipts) -> RemoteId:
        """One post. SkipItem where it can never be accepted; Retry as the contract says."""
        sender = self._author(post)
        place = post.conversation
        root = receipts.remote(post.root) if post.root else None
        topic = "" if places.is_direct(place) else self._topic(post, root, receipts)
        lent: list[int] = []
        try:
            return self._send(post, sender, root, topic, self._is_first(post, receipts), lent)
        finally:
            self._take_back(lent)

    def _take_back(self, lent: list[int]) -> None:
        """Only after the post: a deleted message shows nobody a file. Says nothing of the post, so nothing that fails
        here may look as if the post had failed; what is left is deleted in the end (`Loans.give_back`)."""
        for number in lent:
            with contextlib.suppress(Retry, SkipItem):
                self.server.call("DELETE", f"messages/{number}")

    def _send(
        self, post: Post, sender: Account, root: RemoteId | None, topic: str, first: bool, lent: list[int]
    ) -> RemoteId:
        place = post.conversation
        source = self._source(post, sender, root, topic, lent, first=first)
        if place not in self._newest:
            self._newest[place] = self.places.newest(place)
        second = post.time // 1_000_000
        pending = Pending(post.key, self._newest[place], sender.id, second, _mark(source))
        self.memory.sending(place, pending)
        remote = str(self._post(post, sender, topic, source))
        self._newest[place] = max(self._newest[place], int(remote))
        self._remember(post, remote, source, topic)
        return remote

    def _author(self, post: Post) -> Account:
        account = self.accounts.get(post.author) if post.author else None
        if account is None:
            raise SkipItem("its author has no account")
        if account.hidden:
            self.accounts.reveal(account)
        self.loans.allow(people.domain_of(account.email))
        return account

    def _post(self, post: Post, sender: Account, topic: str, source: str) -> int:
        request = {
            "content": source,
            "sender": sender.email,
            "forged": "yes",
            "time": f"{post.time // 1_000_000}.{post.time % 1_000_000:06}",
            "read_by_sender": True,
            "client": MIRROR,
        }
        if not places.is_direct(post.conversation):
            channel = self.places.channel(places.number_of(post.conversation))
            request |= {"type": "channel", "to": f'"{_quoted(channel.name)}"', "topic": topic}
            return int(self.server.call("POST", "messages", request)["id"])
        everybody = [a for n in places.participants(post.conversation) if (a := self.accounts.get(n)) is not None]
        if sender.id not in {account.id for account in everybody}:
            self._note_guest(post.conversation, sender.id)
        for account in everybody:
            self.loans.allow(people.domain_of(account.email))
            if not account.active:
                self.accounts.wake(account)
        request |= {"type": "direct", "to": [account.email for account in everybody]}
        return int(self.server.call("POST", "messages", request)["id"])

    def _note_guest(self, place: RemoteId, guest: int) -> None:
        with self.memory.lock:
            guests = self.memory.state.guests.setdefault(place, [])
            if guest not in guests:
                guests.append(guest)
                self.memory.save()

    def _remember(self, post: Post, remote: RemoteId, source: str, topic: str) -> None:
        with self._lock:
            self._done[post.key] = remote
            if len(self._done) > REMEMBERED:
                self._done.popitem(last=False)
            if post.root and post.draft.thread:
                self._topics[post.conversation][post.root] = topic
            if post.message.is_root and not post.draft.part:
                self._roots[remote] = (_POINTER.sub("", source), post.draft.content.topic)
                if len(self._roots) > REMEMBERED:
                    self._roots.popitem(last=False)

    # ── what a post says ────────────────────────────────────────────────────────────────────────────────────────────

    def _source(
        self, post: Post, sender: Account, root: RemoteId | None, topic: str, lent: list[int], *, first: bool
    ) -> str:
        """The Markdown with everything that depends on the server's ids."""
        content: Content = post.draft.content
        source = self._with_files(post, content.source, sender, lent)
        place, direct = post.conversation, places.is_direct(post.conversation)
        if content.topic and not direct and self.policy is Policy.TOPICS and not post.draft.part:
            return f"{source}\n\n{threads.pointer(place, content.topic)}"
        if post.draft.part == BROADCAST:
            return f"{source}\n\n{threads.pointer(place, self._thread_of(post, root), threads.BACK)}"
        if root is None or not post.draft.thread or not (first or direct or self.policy is Policy.QUOTES):
            return source
        return self._head(post, root, len(source)) + "\n" + source

    def _head(self, post: Post, root: RemoteId, taken: int) -> str:
        raw, _ = self._root(post.conversation, root, post.root or "")
        place = post.conversation
        url = f"/#narrow/near/{root}" if places.is_direct(place) else topic_url(place, self.main_topic, root)
        author = self._author_of(post.conversation, root)
        room = (self.facts.max_message or 10_000) - taken - 300
        quotable = "/user_uploads/" not in raw and not _HEAD.match(raw) and len(raw) <= min(room, 1000)
        return threads.head(author, url, raw.removeprefix("/me ") if quotable else "")

    def _author_of(self, place: RemoteId, remote: RemoteId) -> int:
        return int(self.places.message(place, remote, raw=True)["sender_id"])

    def _with_files(self, post: Post, source: str, sender: Account, lent: list[int]) -> str:
        for file, remote in post.files:
            if remote is None:
                source = re.sub(
                    rf"\[([^\n]*)\]\({re.escape(FILE + file.id)}\)", r"(file \1: the server did not take it)", source
                )
                continue
            owner, _, address = remote.partition(" ")
            if int(owner) != sender.id:
                self._hand_over(int(owner), sender, address, lent)
            source = source.replace(f"]({FILE}{file.id})", f"]({address})")
        return source

    def _hand_over(self, owner: int, sender: Account, address: str, lent: list[int]) -> None:
        """Let somebody post a file that another account uploaded: a message's links count only where its sender may
        see the file, so its owner shows it to them in a direct message, which is deleted (`lent`) after the post."""
        giver = self.accounts.get(owner)
        mine = self.accounts.get(self.facts.account)
        if giver is None or mine is None:
            return
        self.loans.handing_over()
        for account in (giver, mine):
            self.loans.allow(people.domain_of(account.email))
        if not sender.active:
            self.accounts.wake(sender)
        request = {
            "type": "direct",
            "to": sorted({sender.email, mine.email}),
            "content": f"{HAND_OVER}: [file]({address})",
            "sender": giver.email,
            "forged": "yes",
            "read_by_sender": True,
            "client": MIRROR,
        }
        lent.append(int(self.server.call("POST", "messages", request)["id"]))

    # ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_first(self, post: Post, receipts: Receipts) -> bool:
        """Whether nothing of its thread is there yet, but the root."""
        return post.previous is None or receipts.remote(post.previous) is None

    def _topic(self, post: Post, root: RemoteId | None, receipts: Receipts) -> str:
        """Where a post goes: the thread's topic, which is where its last post stands, else the one that its root
        points to, else the one that the root's words and time name."""
        if not post.root or not post.draft.thread or self.policy is Policy.QUOTES:
            return self.main_topic
        known = self._topics[post.conversation].get(post.root)
        if known is not None:
            return known
        if post.previous and (before := receipts.remote(post.previous)):
            return str(self.places.message(post.conversation, before, raw=True)["subject"])
        return self._root(post.conversation, root, post.root)[1] if root else thread_topic(_ts(post.root), "")

    def _thread_of(self, post: Post, root: RemoteId | None) -> str:
        """The topic of the thread that a broadcast belongs to; its first copy has just been sent there."""
        key = f"{post.message.conversation}/{post.message.thread}"
        known = self._topics[post.conversation].get(key)
        if known is not None:
            return known
        alone = str(post.key).removesuffix(f"/{BROADCAST}")
        with self._lock:
            there = self._done.get(alone)
        if there is not None:
            return str(self.places.message(post.conversation, there, raw=True)["subject"])
        return thread_topic(post.message.thread, "")

    def _root(self, place: RemoteId, root: RemoteId, key: Key) -> tuple[str, str]:
        """A root's Markdown without its pointer, and the topic it points to or would point to."""
        with self._lock:
            if root in self._roots:
                return self._roots[root]
        raw = str(self.places.message(place, root, raw=True)["content"])
        pointed = _POINTER.search(raw)
        topic = decoded_topic(pointed[1]) if pointed and pointed[1] else None
        if topic is None:
            shown = split(str(self.places.message(place, root, raw=False)["content"]))
            topic = shown.pointer or thread_topic(_ts(key), read(shown.html))
        found = (_POINTER.sub("", raw), topic)
        with self._lock:
            self._roots[root] = found
        return found

    def forget(self, place: RemoteId) -> None:
        """A conversation has ended."""
        self._topics.pop(place, None)

    # ── looking before sending again ────────────────────────────────────────────────────────────────────────────────

    def find(self, keys: list[Key], place: RemoteId) -> dict[Key, RemoteId]:
        with self._lock:
            found = {key: self._done[key] for key in keys if key in self._done}
        pending = self.memory.sent_last(place)
        if pending is None or pending.key not in keys or pending.key in found:
            return found
        sender = {"operator": "sender", "operand": pending.sender}
        for message in self.places.read(place, after=pending.after, narrow=(sender,), raw=True):
            same = int(message["timestamp"]) == pending.second and _mark(str(message["content"])) == pending.content
            if same and int(message["sender_id"]) == pending.sender:
                found[pending.key] = str(message["id"])
                # the next post may look just like this one: it is to be looked for after it
                self._newest[place] = max(self._newest.get(place, pending.after), int(message["id"]))
                break
        return found

    # ── changing and reading ────────────────────────────────────────────────────────────────────────────────────────

    def edit(self, post: Post, remote: RemoteId) -> None:
        """As the author, whose key it takes: nobody else may change a message's words (5.2)."""
        sender = self._author(post)
        there = self.places.message(post.conversation, remote, raw=True)
        old = str(there["content"])
        first = _HEAD.match(old) is not None
        root = None
        if post.root and first:
            root = threads.near(old.split("](", 1)[1].split(")", 1)[0])
        lent: list[int] = []
        try:
            source = self._source(post, sender, root, str(there.get("subject", "")), lent, first=first)
            if source.strip() != old.strip():
                self.loans.editable()
                self.accounts.as_(sender.id, "PATCH", f"messages/{remote}", {"content": source})
        finally:
            self._take_back(lent)
        with self._lock:
            self._roots.pop(remote, None)

    def read(self, place: RemoteId, *, hashes: bool) -> Iterator[RemoteMessage]:
        names, channels = ({str(n): name for n, name in some.items()} for some in places.shown_names(self.memory))
        direct = places.is_direct(place)
        roots = Roots(self.main_topic, quotes=direct or self.policy is Policy.QUOTES)
        for message in self.places.read(place):
            parts = split(str(message["content"]))
            files = tuple(self._file(place, address, label, hashes) for address, label in uploads(parts.html))
            root = roots.of(message, parts, direct)
            yield remote_message(message, parts, root, files, names.get, channels.get, self.memory.state.emoji)

    def _file(self, place: RemoteId, address: str, label: str, hashes: bool) -> RemoteFile:
        if not hashes:
            return RemoteFile(label, 0)
        try:
            where = self.places.call_as(self.places.reader(place), "GET", address.removeprefix("/"), {})["url"]
        except Refused:
            return RemoteFile(label, 0, "not readable")
        digest, size = hashlib.sha256(), 0
        for chunk in self.server.fetch(where):
            digest.update(chunk)
            size += len(chunk)
        return RemoteFile(label, size, digest.hexdigest())


def _mark(source: str) -> str:
    return blake2b(source.strip().encode(), digest_size=12).hexdigest()


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _ts(key: Key) -> str:
    """ "conversation/ts" -> ts"""
    return key.split("/", 2)[1]
