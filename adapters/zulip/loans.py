"""What the move changes in the organisation for as long as it runs, and gives back: remembered before it is changed."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from migrator.adapters.zulip.client import Refused, Server
from migrator.adapters.zulip.lent import Memory
from migrator.adapters.zulip.preflight import QUIET, Facts
from migrator.errors import SkipItem

__all__ = ["HAND_OVER", "Loans"]

HAND_OVER = "slack-migrator hands over a file (deleted at once)"


class Loans:
    """Allowed domains, defaults of new accounts, the edit limit, sleeping accounts, own subscriptions."""

    def __init__(self, server: Server, facts: Facts, memory: Memory) -> None:
        self.server, self.facts, self.memory = server, facts, memory
        self._lock = threading.RLock()
        self._domains = set(facts.domains)
        self._quiet = self._editable = False

    def allow(self, domain: str) -> None:
        """Have the domain among the allowed ones: senders need it (5.2). SkipItem where the server refuses it."""
        with self._lock:
            if domain in self._domains:
                return
            self._remember(self.memory.state.domains, domain)
            try:
                self.server.call("POST", "realm/domains", {"domain": domain, "allow_subdomains": False})
            except Refused as refusal:
                if "already" not in refusal.message:
                    self.memory.state.domains.remove(domain)
                    self.memory.save()
                    raise SkipItem(f"the domain of its address is not accepted: {refusal.message}") from None
            self._domains.add(domain)

    def quiet(self) -> None:
        """New accounts get no mail and no push while the move runs."""
        with self._lock:
            if self._quiet:
                return
            changed = {name: value for name, value in QUIET.items() if self.facts.defaults.get(name, value) != value}
            if changed:
                if not self.memory.state.defaults:
                    self.memory.state.defaults = {name: self.facts.defaults[name] for name in changed}
                    self.memory.save()
                self.server.call("PATCH", "realm/user_settings_defaults", changed)
            self._quiet = True

    def editable(self) -> None:
        """Messages of any age may be edited by their authors while the move runs."""
        with self._lock:
            if self._editable:
                return
            if not self.facts.allow_edits:
                raise SkipItem("the organisation does not allow edits")
            if self.facts.edit_limit is not None:
                if not self.memory.state.realm:
                    self.memory.state.realm = {"message_content_edit_limit_seconds": self.facts.edit_limit}
                    self.memory.save()
                self.server.call("PATCH", "realm", {"message_content_edit_limit_seconds": "unlimited"})
            self._editable = True

    def wake(self, account: int) -> None:
        with self._lock:
            self._remember(self.memory.state.woken, account)
            self.server.call("POST", f"users/{account}/reactivate")

    def joined(self, channel: int) -> None:
        """The mover's own account is in a private channel to read it back; to be called before it joins."""
        with self._lock:
            self._remember(self.memory.state.joined, channel)

    def seated(self, channel: int, account: int) -> None:
        """Somebody is in a channel only to react there; to be called before they are let in."""
        with self._lock:
            self._remember(self.memory.state.seated, (channel, account))

    def unseat(self, channel: int, name: str | None, account: int) -> None:
        """They leave it again."""
        with self._lock:
            if name is not None:
                with contextlib.suppress(Refused):
                    request = {"subscriptions": [name], "principals": [account]}
                    self.server.call("DELETE", "users/me/subscriptions", request)
            self._forget(self.memory.state.seated, (channel, account))

    def handing_over(self) -> None:
        """To be called before the first hand-over message; `give_back` then looks for such as were left."""
        with self._lock:
            if not self.memory.state.handed:
                self.memory.state.handed = True
                self.memory.save()

    def give_back(self, channel_names: dict[int, str]) -> None:
        """Everything as it was. What was given back is forgotten at once, so that it may be interrupted too."""
        state, call = self.memory.state, self.server.call
        with self._lock:
            if state.handed:
                self._sweep()
                state.handed = False
                self.memory.save()
            for channel, account in list(state.seated):
                self.unseat(channel, channel_names.get(channel), account)
            for channel in list(state.joined):
                if name := channel_names.get(channel):
                    with contextlib.suppress(Refused):
                        call("DELETE", "users/me/subscriptions", {"subscriptions": [name]})
                self._forget(state.joined, channel)
            for account in list(state.woken):
                with contextlib.suppress(Refused):
                    call("DELETE", f"users/{account}")
                self._forget(state.woken, account)
            if state.defaults:
                call("PATCH", "realm/user_settings_defaults", state.defaults)
                state.defaults = {}
                self.memory.save()
            if state.realm:
                call("PATCH", "realm", state.realm)
                state.realm = {}
                self.memory.save()
            for domain in list(state.domains):
                with contextlib.suppress(Refused):
                    call("DELETE", f"realm/domains/{domain}")
                self._forget(state.domains, domain)
                self._domains.discard(domain)
            self._quiet = self._editable = False

    def _sweep(self) -> None:
        """Delete hand-over messages that a killed run left."""
        found = self.server.call(
            "GET",
            "messages",
            {
                "anchor": "newest",
                "num_before": 1000,
                "num_after": 0,
                "narrow": [{"operator": "is", "operand": "dm"}],
                "apply_markdown": False,
            },
        )
        for message in found["messages"]:
            if str(message["content"]).startswith(HAND_OVER):
                with contextlib.suppress(Refused):
                    self.server.call("DELETE", f"messages/{message['id']}")

    def _remember(self, items: list[Any], item: object) -> None:
        if item not in items:
            items.append(item)
            self.memory.save()

    def _forget(self, items: list[Any], item: object) -> None:
        items.remove(item)
        self.memory.save()
