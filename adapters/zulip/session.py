"""An opened server: everything that knows it, put together, and the verbs too small for a room of their own."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO, TypeVar

from migrator.adapters.base import Key, Kind, Limits, ReactionPost, RemoteId, Target
from migrator.adapters.zulip.accounts import Accounts
from migrator.adapters.zulip.client import Refused, Server
from migrator.adapters.zulip.emoji import custom_name, reaction_name
from migrator.adapters.zulip.foresight import foreseen
from migrator.adapters.zulip.lent import Memory
from migrator.adapters.zulip.loans import Loans
from migrator.adapters.zulip.names import group_name
from migrator.adapters.zulip.pictures import stand_in, suffix
from migrator.adapters.zulip.places import Places, is_direct
from migrator.adapters.zulip.posts import Posts
from migrator.adapters.zulip.preflight import complaints, inspect, missing_rights, role_line
from migrator.adapters.zulip.threads import Policy
from migrator.config import in_the_clear
from migrator.errors import Retry, SkipItem, TargetUnavailable, UsageError
from migrator.model import Conversation, File, Local, User, UserGroup, Workspace
from migrator.secret import Secret

__all__ = ["Session"]

MAX_PICTURE = 5 << 20  # bytes, of an emoji or an avatar
TRIES, FIRST_WAIT = 7, 0.05  # attempts and seconds

T = TypeVar("T")


class Session:
    """Blocking throughout; made and used in the adapter's threads."""

    def __init__(
        self,
        site: str,
        email: str,
        key: Secret,
        jwt: Secret,
        ca_file: str,
        domain: str,
        known: Mapping[str, str],
        policy: Policy,
        main_topic: str,
        memory: Memory,
    ) -> None:
        self.server = Server(site, email, key, ca_file)
        self.memory, self._jwt = memory, jwt
        self.facts = _answered(site, lambda: inspect(self.server))
        self.loans = Loans(self.server, self.facts, memory)
        self.accounts = Accounts(self.server, self.facts, memory, self.loans, jwt, domain, known)
        self.places = Places(self.server, self.facts, memory, self.loans, self.accounts)
        self.posts = Posts(self.server, self.facts, memory, self.loans, self.accounts, self.places, policy, main_topic)
        _answered(site, self.accounts.load)  # a plan may be made in several processes, none of which may ask
        self._lock = threading.Lock()
        self._emoji: set[str] | None = None
        self.unstarred = 0  # pins that could not become stars

    def target(self, lanes: int) -> Target:
        limits = Limits(text=self.facts.max_message, file=self.facts.max_file, lanes=lanes, batch=1)
        return Target(
            identity=f"zulip:{self.facts.realm}",
            version=self.facts.version,
            limits=limits,
            warnings=(*filter(None, [in_the_clear(self.server.site)]), *complaints(self.facts, bool(self._jwt))),
        )

    def foresee(self, users: Iterable[User], conversations: Iterable[Conversation]) -> list[str]:
        return list(foreseen(users, conversations, self.accounts, self.places))

    def begin(self) -> RemoteId:
        """The first verb that may write: stops where rights are missing."""
        if error := missing_rights(self.facts):
            raise error
        self.loans.quiet()
        return self.facts.realm

    def close(self) -> None:
        """Give back what was lent, by this run or a killed one."""
        try:
            if self.memory.owes:
                _patiently(self._give_back)
        except Retry as retry:
            raise TargetUnavailable(
                f"the organisation's settings are not all given back: {retry}",
                hint="slack-migrator verify RUN gives them back",
            ) from None
        finally:
            self.server.close()

    def _give_back(self) -> None:
        self.accounts.hide_again()
        self.loans.give_back(self.places.channel_names())

    def find(self, kind: Kind, keys: list[Key], within: RemoteId | None) -> dict[Key, RemoteId]:
        state = self.memory.state
        if kind is Kind.POST:
            return self.posts.find(keys, within) if within else {}
        if kind is Kind.USER:
            return {key: str(state.people[key].account) for key in keys if key in state.people}
        if kind is Kind.CONVERSATION:
            return {key: str(state.channels[key][0]) for key in keys if key in state.channels}
        return {}  # reactions, emoji and the like: putting them again changes nothing

    def finish(self, workspace: Workspace) -> list[str]:
        self.accounts.settle(workspace.users)
        advice = [
            f"take back the rights, on the Zulip host: {role_line(right, self.facts, revoke=True)}"
            for right in ("can_forge_sender", "can_create_users")
        ]
        advice.append("delete the file with the API key, and make a new key for the account")
        if self._jwt:
            advice.append(
                "remove JWT_AUTH_KEYS from /etc/zulip/settings.py, restart the server, delete the file with it"
            )
        if self.facts.rate >= 10_000 or not self.facts.rate:
            advice.append("remove RATE_LIMITING_RULES or RATE_LIMITING from /etc/zulip/settings.py if you set it")
        made = [p.account for p in self.memory.state.people.values() if p.made]
        keyless = sum(1 for n in made if (a := self.accounts.get(n)) and a.active and self.accounts.key(n) is None)
        if self.unstarred:
            advice.append(f"{self.unstarred} pins did not become stars: whoever pinned cannot see the message")
        if keyless:
            advice.append(
                f"{keyless} new accounts could not be entered: their messages stay unread and their notifications off"
            )
        return advice

    # ── small verbs ─────────────────────────────────────────────────────────────────────────────────────────────────

    def put_file(self, file: File, body: BinaryIO, owner: RemoteId | None) -> RemoteId:
        """Returns "OWNER ADDRESS". Uploaded as its owner where the key can be had, else as the mover's account."""
        data = body.read()
        if isinstance(file.data, Local) and len(data) != file.data.size:
            raise SkipItem(f"{len(data)} bytes came instead of {file.data.size}")
        if len(data) > self.facts.max_file:
            raise SkipItem(f"larger than this server takes ({self.facts.max_file} bytes)")
        upload = _Named(data, file.name)
        number = int(owner) if owner else self.facts.account
        account, key = self.accounts.get(number), self.accounts.key(number)
        if number == self.facts.account or account is None or key is None:
            number = self.facts.account
            answer = self.server.call("POST", "user_uploads", file=upload)
        else:
            answer = self.accounts.as_(number, "POST", "user_uploads", {}, file=upload)
        return f"{number} {answer.get('url') or answer['uri']}"

    def put_emoji(self, name: str, body: BinaryIO | None) -> RemoteId:
        """A custom emoji under the name that Zulip allows; where the picture is refused, a stand-in."""
        there = custom_name(name)
        with self._lock:
            known = self._known_emoji()
            self.memory.state.emoji[there] = name
            self.memory.save()
            if there in known:
                return there
            data = body.read() if body is not None else stand_in()
            if len(data) > MAX_PICTURE:
                data = stand_in()
            try:
                self.server.call("POST", f"realm/emoji/{there}", file=_Named(data, f"{there}{suffix(data)}"))
            except Refused as refusal:
                if "already" not in refusal.message:
                    self.server.call("POST", f"realm/emoji/{there}", file=_Named(stand_in(), f"{there}.png"))
            known.add(there)
        return there

    def has_emoji(self, name: str) -> bool:
        """Whether the organisation has a custom emoji of this name."""
        with self._lock:
            return name in self._known_emoji()

    def _known_emoji(self) -> set[str]:
        if self._emoji is None:
            rows = self.server.call("GET", "realm/emoji")["emoji"].values()
            self._emoji = {str(row["name"]) for row in rows if not row.get("deactivated")}
        return self._emoji

    def put_group(self, group: UserGroup, members: Mapping[str, RemoteId]) -> RemoteId:
        name = group_name(group)
        for row in self.server.call("GET", "user_groups")["user_groups"]:
            if str(row["name"]).casefold() == name.casefold():
                number = int(row["id"])
                missing = sorted({int(remote) for remote in members.values()} - set(row.get("members", ())))
                if missing:
                    self.server.call("POST", f"user_groups/{number}/members", {"add": missing})
                return str(number)
        request = {
            "name": name,
            "description": group.name or group.handle,
            "members": sorted({int(remote) for remote in members.values()}),
        }
        self.server.call("POST", "user_groups/create", request)
        rows = self.server.call("GET", "user_groups")["user_groups"]
        return next(str(row["id"]) for row in rows if str(row["name"]) == name)

    def put_avatar(self, remote: RemoteId, name: str, data: bytes) -> RemoteId:
        """Only of accounts that the move made: others keep the picture they have."""
        number = int(remote)
        if not any(person.account == number and person.made for person in self.memory.state.people.values()):
            return "their own"
        if len(data) > MAX_PICTURE:
            raise SkipItem(f"the picture is larger than Zulip takes ({MAX_PICTURE} bytes)")
        self._awake(number)
        self.accounts.as_(number, "POST", "users/me/avatar", {}, file=_Named(data, name))
        return f"avatar {number}"

    def star(self, account: RemoteId, message: RemoteId) -> None:
        """What a pin becomes: a star of whoever pinned. Where that is refused, `finish` says how often."""
        self._awake(int(account))
        try:
            request = {"messages": [int(message)], "op": "add", "flag": "starred"}
            self.accounts.as_(int(account), "POST", "messages/flags", request)
        except SkipItem:
            self.unstarred += 1

    def _awake(self, number: int) -> None:
        """Only who is active can do anything; who was not goes to sleep again when the move ends."""
        account = self.accounts.get(number)
        if account is not None and not account.active:
            self.accounts.wake(account)

    def react(self, reaction: ReactionPost) -> None:
        """As the person; there already is as good as done."""
        wanted = reaction_name(reaction.reaction)
        if wanted is None:
            raise SkipItem("Zulip has no such emoji")
        if not wanted.code and wanted.name not in self._known_emoji():
            self.put_emoji(reaction.reaction.name, None)
        request = {"emoji_name": wanted.name}
        if wanted.code:
            request |= {"emoji_code": wanted.code, "reaction_type": wanted.reaction_type}
        person = int(reaction.user)
        self._awake(person)
        try:
            self._react(person, reaction.post, request)
        except Refused as refusal:
            if "invalid message" not in refusal.message.lower() or is_direct(reaction.conversation):
                raise
            with self.places.seat(reaction.conversation, person):
                self._react(person, reaction.post, request)

    def _react(self, person: int, post: RemoteId, request: Mapping[str, str]) -> None:
        try:
            self.accounts.as_(person, "POST", f"messages/{post}/reactions", request)
        except Refused as refusal:
            if refusal.code != "REACTION_ALREADY_EXISTS" and "already exists" not in refusal.message:
                raise


def _answered(site: str, act: Callable[[], T]) -> T:
    """The first questions: who cannot answer them is no server for us."""
    try:
        return _patiently(act)
    except Retry as retry:
        raise TargetUnavailable(f"{site} does not answer: {retry}", hint="check site under [zulip]") from None
    except Refused as refusal:
        raise UsageError(f"{site} is no Zulip server that can be used: {refusal.message}", hint="check site") from None


def _patiently(act: Callable[[], T]) -> T:
    """For what the engine does not drive: tries again a few times, and as often as the server names a wait."""
    tries = 0
    while True:
        try:
            return act()
        except Retry as retry:
            if retry.after is None and (tries := tries + 1) >= TRIES:
                raise
            time.sleep(retry.after if retry.after is not None else FIRST_WAIT * 2**tries)


class _Named(io.BytesIO):
    """Bytes with the name of a file, as the client wants them."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = " ".join(name.replace("/", "-").split()) or "file"
