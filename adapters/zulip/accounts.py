"""People on the server: found by their address, made silently, and what can be done in their names.

Accounts that were there before are never changed: not their names, roles or settings. Keys of other accounts are had by
a JWT (any active account) or by the password an account was made with; they stay in RAM.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from migrator.adapters.zulip import people
from migrator.adapters.zulip.client import Refused, Server
from migrator.adapters.zulip.lent import Memory, Person
from migrator.adapters.zulip.loans import Loans
from migrator.adapters.zulip.names import full_name
from migrator.adapters.zulip.preflight import Facts
from migrator.errors import AuthError, SkipItem
from migrator.model import Role, User
from migrator.secret import Secret

__all__ = ["Account", "Accounts"]


class Account(Struct):
    """An account as the server lists it. `email` is the address it is known by as a sender."""

    id: int
    email: str
    name: str
    active: bool
    bot: bool
    hidden: bool  # its address is not shown, so that it cannot be a sender


class Accounts:
    """All accounts of the organisation, read once; kept up to date with what is made."""

    def __init__(
        self,
        server: Server,
        facts: Facts,
        memory: Memory,
        loans: Loans,
        jwt: Secret,
        domain: str,
        known: Mapping[str, str],
    ) -> None:
        self.server, self.facts, self.memory, self.loans = server, facts, memory, loans
        self._jwt, self._domain, self._known = jwt, domain or people.NO_ADDRESS, known
        self._lock = threading.RLock()
        self._by_id: dict[int, Account] = {}
        self._by_email: dict[str, Account] = {}
        self._keys: dict[int, Secret | None] = {}
        self._fields: dict[str, int] | None = None
        self._loaded = False

    def load(self) -> None:
        with self._lock:
            if self._loaded:
                return
            for row in self.server.call("GET", "users", {"client_gravatar": True})["members"]:
                self._note(row)
            self._loaded = True

    def get(self, account: int | str) -> Account | None:
        self.load()
        return self._by_id.get(int(account))

    def of_address(self, email: str) -> Account | None:
        self.load()
        return self._by_email.get(email.lower())

    def matching(self, user: User) -> Account | None:
        """The account that has this person's address."""
        return self.of_address(people.address(user, self._domain, self._known))

    def _note(self, row: Mapping[str, Any]) -> Account:
        real = row.get("delivery_email")
        shown = str(row["email"])
        account = Account(
            id=int(row["user_id"]),
            email=str(real or shown).lower(),
            name=str(row["full_name"]),
            active=bool(row.get("is_active", True)),
            bot=bool(row.get("is_bot")),
            hidden=bool(real) and str(real).lower() != shown.lower(),
        )
        self._by_id[account.id] = account
        self._by_email[account.email] = account
        return account

    # ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, user: User) -> Account:
        """The account that stands for a person: known from an earlier run, found by address, or made."""
        with self._lock:
            self.load()
            known = self.memory.state.people.get(user.id)
            if known is not None and (account := self._by_id.get(known.account)):
                known.name = user.name
                self.memory.save()
                return account
            taken = {person.account for person in self.memory.state.people.values()}
            email = people.address(user, self._domain, self._known)
            account, made = self._by_email.get(email), False
            if account is not None and account.id in taken:  # two people of the export share an address
                email = f"{people.bot_short_name(user)}@{self._domain}"
                account = self._by_email.get(email)
            if account is None:
                account, made = self._make(user, email), True
            self.memory.state.people[user.id] = Person(account.id, user.name, made, made)
            self.memory.save()
            return account

    def _make(self, user: User, email: str) -> Account:
        self.loans.quiet()
        self.loans.allow(people.domain_of(email))
        name = full_name(user)
        try:
            answer = self.server.call(
                "POST", "users", {"email": email, "password": self._password(email), "full_name": name}
            )
        except Refused as refusal:
            if "unique" not in refusal.message.lower():
                raise
            answer = self.server.call(
                "POST",
                "users",
                {"email": email, "password": self._password(email), "full_name": f"{name[:80]} ({user.id})"},
            )
        account = self._note(self.server.call("GET", f"users/{answer['user_id']}")["user"])
        changes: dict[str, Any] = {}
        role = people.ROLES[user.role]
        if role != people.ROLES[Role.MEMBER] and not (role == people.ROLES[Role.OWNER] and not self.facts.owner):
            changes["role"] = role
        if fields := people.profile_fields(user):
            ids = self._field_ids(fields)
            changes["profile_data"] = [
                {"id": ids[label], "value": value} for label, value in fields.items() if label in ids
            ]
        if changes:
            self.server.call("PATCH", f"users/{account.id}", changes)
        return account

    def _field_ids(self, labels: Iterable[str]) -> dict[str, int]:
        if self._fields is None:
            rows = self.server.call("GET", "realm/profile_fields")["custom_fields"]
            self._fields = {row["name"]: row["id"] for row in rows if row["type"] in (1, 2, 8)}
        for label in labels:
            if label in self._fields:
                continue
            try:
                made = self.server.call("POST", "realm/profile_fields", {"name": label, "field_type": 1})
            except Refused:
                continue  # a field of this name and another kind, or as many as there may be
            self._fields[label] = int(made["id"])
        return self._fields

    def _password(self, email: str) -> str:
        digest = hmac.new(self.memory.salt().encode(), email.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode()

    def acts_for(self, user: User) -> bool:
        """Whether this person's account can be entered, before it is made too: by a JWT, or since the move makes it."""
        known = self.memory.state.people.get(user.id)
        if known is not None:
            number, made = known.account, known.made
        else:
            there = self.matching(user)
            number, made = (there.id, False) if there else (0, True)
        return number == self.facts.account or bool(self._jwt) or (made and self.facts.passwords)

    # ── in other people's names ─────────────────────────────────────────────────────────────────────────────────────

    def key(self, account: int) -> Secret | None:
        """The API key of an account, None where it is not to be had."""
        with self._lock:
            if account not in self._keys:
                self._keys[account] = self._ask_key(account)
            return self._keys[account]

    def _ask_key(self, number: int) -> Secret | None:
        account = self.get(number)
        if account is None or not account.active:
            return None
        made = any(p.account == number and p.made for p in self.memory.state.people.values())
        try:
            if self._jwt:
                answer = self.server.call("POST", "jwt/fetch_api_key", {"token": _token(account.email, self._jwt)})
            elif made and self.facts.passwords:
                answer = self.server.call(
                    "POST", "fetch_api_key", {"username": account.email, "password": self._password(account.email)}
                )
            else:
                return None
        except (Refused, AuthError):
            return None
        return Secret(str(answer["api_key"]))

    def as_(self, number: int, method: str, path: str, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """A call as this account. SkipItem where its key is not to be had."""
        if number == self.facts.account:
            return self.server.call(method, path, parameters, **more)
        account, key = self.get(number), self.key(number)
        if account is None or key is None:
            raise SkipItem("the key of its author is not to be had (set jwt_key_file)")
        try:
            return self.server.call_as(account.email, key, method, path, parameters, **more)
        except AuthError:  # deactivated meanwhile, or the key was changed: costs this item, not the move
            self._keys.pop(number, None)
            raise SkipItem("the account of its author cannot be entered any more") from None

    def reader(self, accounts: Iterable[int]) -> int | None:
        """Somebody of these whose key can be had, woken for the time being if all are deactivated."""
        wanted = [account for number in accounts if (account := self.get(number)) is not None]
        for account in wanted:
            if account.id == self.facts.account or (account.active and self.key(account.id)):
                return account.id
        for account in wanted:
            if not account.active:
                self.wake(account)
                if self.key(account.id):
                    return account.id
        return None

    # ── coming and going ────────────────────────────────────────────────────────────────────────────────────────────

    def wake(self, account: Account) -> None:
        """Reactivate for as long as the move runs."""
        with self._lock:
            if account.active:
                return
            self.loans.wake(account.id)
            account.active = True
            self._keys.pop(account.id, None)

    def reveal(self, account: Account) -> None:
        """Show an address for as long as the move runs: senders are looked up by it. SkipItem without a key."""
        with self._lock:
            if not account.hidden:
                return
            if not account.active:
                self.wake(account)
            if self.key(account.id) is None:
                raise SkipItem("its author hides the e-mail address, and the key to show it is not to be had")
            asked = {"event_types": ["restart"], "fetch_event_types": ["user_settings"]}
            answer = self.as_(account.id, "POST", "register", asked)
            self.memory.state.revealed.setdefault(str(account.id), answer["user_settings"]["email_address_visibility"])
            self.memory.save()
            self.as_(account.id, "PATCH", "settings", {"email_address_visibility": 1})
            account.hidden = False

    def hide_again(self) -> None:
        """Before the accounts that were woken go to sleep again."""
        with self._lock:
            for number, before in list(self.memory.state.revealed.items()):
                with contextlib.suppress(SkipItem):  # deactivated or deleted meanwhile
                    self.as_(int(number), "PATCH", "settings", {"email_address_visibility": before})
                del self.memory.state.revealed[number]
                self.memory.save()

    def settle(self, users: Mapping[str, User]) -> None:
        """After the last message: new accounts have read everything and get the organisation's own defaults; who left
        is deactivated."""
        for slack_id, person in self.memory.state.people.items():
            account = self.get(person.account)
            if not person.made or not person.fresh or account is None or not account.active:
                continue
            leaving = slack_id in users and people.leaves(users[slack_id])
            with contextlib.suppress(SkipItem):  # deactivated by a call whose answer was lost, or no key: see `finish`
                self.as_(account.id, "POST", "mark_all_as_read", {})
                if self.memory.state.defaults and not leaving:
                    self.as_(account.id, "PATCH", "settings", self.memory.state.defaults)
            if leaving:
                self.server.call("DELETE", f"users/{account.id}")
                account.active = False
            person.fresh = False
            self.memory.save()


def _token(email: str, key: Secret) -> str:
    """A JWT (RFC 7519) that names an address, signed with HS256."""

    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'email': email})}"
    signature = hmac.new(key.reveal().encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
