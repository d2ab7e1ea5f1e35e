"""An organisation on a pretended Zulip server: what it takes, refuses, cuts and does behind one's back.

The rules are those of the facts file (sections 5 and 6) and of the server's own checks; text is rendered by the oracle.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from tests.oracles.zulip.dialect import Zulip as Dialect

MIRRORS = ("jabber_mirror", "JabberMirror", "irc_mirror")
UPLOAD = re.compile(r"/user_uploads/(\d+/[^)\s\"]+)")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
WELCOME = 2


class Refusal(Exception):
    def __init__(self, message: str, code: str = "BAD_REQUEST", status: int = 400) -> None:
        super().__init__(message)
        self.answer = {"result": "error", "msg": message, "code": code}
        self.status = status


@dataclass
class User:
    id: int
    email: str
    name: str
    role: int = 400
    active: bool = True
    bot: bool = False
    dummy: bool = False
    password: str = ""
    key: str = ""
    forge: bool = False
    create: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    profile: dict[int, str] = field(default_factory=dict)
    avatar: bytes = b""

    @property
    def admin(self) -> bool:
        return self.role <= 200

    @property
    def public_email(self) -> str:
        return self.email if self.settings.get("email_address_visibility", 1) == 1 else f"user{self.id}@zulip.invalid"


@dataclass
class Channel:
    id: int
    name: str
    description: str = ""
    private: bool = False
    archived: bool = False
    members: set[int] = field(default_factory=set)


@dataclass
class Message:
    id: int
    sender: int
    content: str
    time: float
    channel: int | None
    topic: str
    people: frozenset[int]
    client: str
    unread: set[int] = field(default_factory=set)
    starred: set[int] = field(default_factory=set)
    reactions: list[dict[str, Any]] = field(default_factory=list)
    edited: bool = False
    widget: bool = False
    deleted: bool = False


@dataclass
class Upload:
    owner: int
    name: str
    data: bytes
    messages: set[int] = field(default_factory=set)


class Realm:
    """Without a fault of its own; `tests.fakes.zulip` adds the wire. Not thread-safe: the wire holds a lock."""

    def __init__(self, names: dict[str, str], version: str = "11.0", level: int = 400) -> None:
        self.version, self.level, self.emoji_names = version, level, names
        self.codes = {code: name for name, code in names.items()}
        self.users: dict[int, User] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.uploads: dict[str, Upload] = {}
        self.emoji: dict[str, bytes] = {}
        self.groups: dict[int, dict[str, Any]] = {}
        self.fields: dict[int, dict[str, Any]] = {1: {"id": 1, "name": "Phone", "type": 1}}
        self.domains = ["example.invalid"]
        self.defaults = {
            "enable_offline_email_notifications": True,
            "enable_offline_push_notifications": True,
            "enable_online_push_notifications": True,
            "enable_stream_email_notifications": False,
            "enable_stream_push_notifications": False,
            "enable_followed_topic_email_notifications": True,
            "enable_followed_topic_push_notifications": True,
            "email_address_visibility": 3,
        }
        self.settings: dict[str, Any] = {"message_content_edit_limit_seconds": 600, "allow_message_editing": True}
        self.max_message, self.max_file = 10_000, 1 << 20
        self.jwt_key = ""
        self.passwords = True
        self.mails: list[tuple[int, int]] = []
        self.dummies: list[str] = []
        self.next = 100
        self.add_user("admin@example.invalid", "Mover", role=100, key="admin-key", forge=True, create=True)
        self.add_channel("general")

    # ── for tests ───────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self) -> int:
        self.next += 1
        return self.next

    def add_user(self, email: str, name: str, **more: Any) -> User:
        user = User(self.number(), email, name, **more)
        user.settings = {"email_address_visibility": 1, "enable_offline_email_notifications": False} | user.settings
        user.key = user.key or f"key-{user.id}"
        self.users[user.id] = user
        return user

    def add_channel(self, name: str, **more: Any) -> Channel:
        channel = Channel(self.number(), name, **more)
        self.channels[channel.id] = channel
        return channel

    def in_channel(self, name: str, topic: str | None = None) -> list[Message]:
        number = next(c.id for c in self.channels.values() if c.name == name)
        found = [m for m in self.messages.values() if m.channel == number and not m.deleted]
        return [m for m in found if topic is None or m.topic == topic]

    def html(self, content: str) -> str:
        known = dict(self.emoji_names) | dict.fromkeys(self.emoji, "")
        channels = {channel.name: str(channel.id) for channel in self.channels.values()}
        groups = {group["name"]: str(number) for number, group in self.groups.items()}
        return Dialect({str(u.id): u.name for u in self.users.values()}, known, channels, groups).html(content)

    # ── who may what ────────────────────────────────────────────────────────────────────────────────────────────────

    def by_key(self, email: str, key: str) -> User:
        for user in self.users.values():
            if user.email.lower() == email.lower() and hmac.compare_digest(user.key.encode(), key.encode()):
                if not user.active:
                    raise Refusal("Account is deactivated", "USER_DEACTIVATED", 401)
                return user
        raise Refusal("Invalid API key", "INVALID_API_KEY", 401)

    def by_email(self, email: str) -> User | None:
        return next((u for u in self.users.values() if u.email.lower() == email.strip().lower()), None)

    def need_admin(self, user: User) -> None:
        if not user.admin:
            raise Refusal("Must be an organization administrator", "UNAUTHORIZED_PRINCIPAL")

    def may_read(self, user: User, message: Message) -> bool:
        if message.channel is None:
            return user.id in message.people
        channel = self.channels[message.channel]
        return user.id in channel.members or (not channel.private and user.role < 600)

    def access(self, user: User, number: int) -> Message:
        message = self.messages.get(number)
        if message is None or message.deleted or not self.may_read(user, message):
            raise Refusal("Invalid message(s)")
        return message

    def may_open(self, user: User, path: str) -> bool:
        upload = self.uploads[path]
        return upload.owner == user.id or any(
            self.may_read(user, self.messages[n]) for n in upload.messages if not self.messages[n].deleted
        )

    # ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def name_allowed(self, name: str) -> str:
        name = name.strip()
        if len(name) > 100:
            raise Refusal("Name too long!")
        if len(name) < 2:
            raise Refusal("Name too short!")
        if set(name) & set('*`\\>"@') or not name.isprintable():
            raise Refusal("Invalid characters in name!")
        return name

    def create_user(self, actor: User, email: str, password: str, full_name: str) -> dict[str, Any]:
        self.need_admin(actor)
        if not actor.create:
            raise Refusal("User not authorized to create users")
        name = self.name_allowed(full_name)
        if not EMAIL.fullmatch(email):
            raise Refusal("Bad name or username")
        if self.by_email(email):
            raise Refusal(f"Email '{email}' is already in use.")
        if len(password) < 12:
            raise Refusal("The password is too weak.", "PASSWORD_TOO_WEAK")
        user = self.add_user(email, name, password=password, settings=dict(self.defaults))
        hello = Message(
            self.number(), WELCOME, "Hello!", time.time(), None, "", frozenset({WELCOME, user.id}), "Internal"
        )
        hello.unread = {user.id}
        self.messages[hello.id] = hello
        return {"user_id": user.id}

    def listed(self, actor: User, user: User) -> dict[str, Any]:
        return {
            "user_id": user.id,
            "email": user.public_email,
            "delivery_email": user.email if actor.admin else None,
            "full_name": user.name,
            "role": user.role,
            "is_active": user.active,
            "is_bot": user.bot,
            "is_admin": user.admin,
            "is_owner": user.role == 100,
        }

    def patch_user(
        self, actor: User, user: User, role: int | None, profile: list[dict[str, Any]], name: str | None
    ) -> None:
        self.need_admin(actor)
        if role is not None:
            if role not in (100, 200, 300, 400, 600):
                raise Refusal("Invalid role")
            if role == 100 and actor.role != 100:
                raise Refusal("Must be an organization owner")
            user.role = role
        if name is not None:
            user.name = self.name_allowed(name)
        for row in profile:
            if row["id"] not in self.fields:
                raise Refusal(f"Field id {row['id']} not found.")
            if len(row["value"]) > 50:
                raise Refusal("value is too long (limit: 50 characters)")
            user.profile[row["id"]] = row["value"]

    def deactivate(self, actor: User, user: User) -> None:
        self.need_admin(actor)
        if user.role == 100 and sum(u.role == 100 and u.active for u in self.users.values()) == 1:
            raise Refusal("Cannot deactivate the only organization owner")
        user.active = False

    def key_by_password(self, username: str, password: str) -> dict[str, Any]:
        user = self.by_email(username)
        if not self.passwords:
            raise Refusal("Password authentication is disabled", "PASSWORD_AUTH_DISABLED", 401)
        if user is None or not password or user.password != password:
            raise Refusal("Your username or password is incorrect", "AUTHENTICATION_FAILED", 401)
        if not user.active:
            raise Refusal("Account is deactivated", "USER_DEACTIVATED", 401)
        return {"api_key": user.key, "email": user.email, "user_id": user.id}

    def key_by_jwt(self, token: str) -> dict[str, Any]:
        if not self.jwt_key:
            raise Refusal("JWT authentication is not enabled for this organization")
        signed, _, signature = token.rpartition(".")
        wanted = hmac.new(self.jwt_key.encode(), signed.encode(), hashlib.sha256).digest()
        if base64.urlsafe_b64encode(wanted).rstrip(b"=").decode() != signature:
            raise Refusal("Bad JSON web token")
        body = signed.split(".")[1]
        user = self.by_email(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["email"])
        if user is None or not user.active:
            raise Refusal("Account is deactivated", "USER_DEACTIVATED", 401)
        return {"api_key": user.key, "email": user.email}

    # ── channels ────────────────────────────────────────────────────────────────────────────────────────────────────

    def subscribe(self, actor: User, request: dict[str, Any]) -> dict[str, Any]:
        principals = request.get("principals") or [actor.id]
        for number in principals:
            if number not in self.users:
                raise Refusal("Invalid user ID")
            if not self.users[number].active:
                raise Refusal("User is deactivated")
        for row in request["subscriptions"]:
            name = row["name"].strip()
            if not name or len(name) > 60:
                raise Refusal("Channel name too long (limit: 60 characters).")
            channel = next((c for c in self.channels.values() if c.name.lower() == name.lower()), None)
            if channel is None:
                if len(row.get("description", "")) > 1024:
                    raise Refusal("description is too long (limit: 1024 characters)")
                private = bool(request.get("invite_only"))
                channel = self.add_channel(
                    name, private=private, description=row.get("description", "").replace("\n", " ")
                )
            elif channel.archived or (channel.private and actor.id not in channel.members and not actor.admin):
                raise Refusal(f"Unable to access channel ({name}).")
            channel.members |= set(principals)
        return {"subscribed": {}, "already_subscribed": {}}

    def listed_channel(self, channel: Channel) -> dict[str, Any]:
        return {
            "stream_id": channel.id,
            "name": channel.name,
            "description": channel.description,
            "invite_only": channel.private,
            "is_archived": channel.archived,
        }

    # ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, actor: User, request: dict[str, Any], agent: str) -> dict[str, Any]:
        client = str(request.get("client", agent))
        forged = request.get("forged") in ("yes", "true")
        if forged and not actor.forge:
            raise Refusal("User not authorized for this query")
        kind = {"stream": "channel", "private": "direct"}.get(request["type"], request["type"])
        to = _recipients(str(request.get("to", "")))
        sender = self._sender(actor, request, client, kind, to)
        content = self._content(str(request["content"]))
        moment = float(request["time"]) if forged and "time" in request else time.time()
        if kind == "channel":
            channel = self._channel(to[0])
            if channel.archived and client not in MIRRORS:
                raise Refusal(f"Not authorized to send to channel '{channel.name}'")
            people, number, topic = (
                frozenset(channel.members | {sender.id}),
                channel.id,
                _topic(str(request.get("topic", ""))),
            )
        else:
            people, number, topic = self._people(sender, to), None, ""
        message = Message(self.number(), sender.id, content, moment, number, topic, people, client)
        message.unread = set(people) - ({sender.id} if str(request.get("read_by_sender")).lower() == "true" else set())
        message.widget = content.startswith(("/poll", "/todo"))
        self.messages[message.id] = message
        self._claim(message, sender)
        self._notify(message, sender)
        return {"id": message.id}

    def _sender(self, actor: User, request: dict[str, Any], client: str, kind: str, to: list[Any]) -> User:
        given = request.get("sender")
        if client not in MIRRORS:
            if given is not None:
                raise Refusal("Invalid mirrored message")
            return actor
        if given is None:
            raise Refusal("Missing sender")
        if kind != "direct" and not actor.forge:
            raise Refusal("User not authorized for this query")
        if not all(isinstance(one, str) for one in to):
            raise Refusal("Mirroring not allowed with recipient user IDs")
        addresses = {str(given).strip().lower(), *(map(str.lower, to) if kind == "direct" else ())}
        for address in addresses:
            if not EMAIL.fullmatch(address) or address.rpartition("@")[2] not in self.domains:
                raise Refusal("Invalid mirrored message")
        for address in addresses:
            known = self.by_email(address)
            if known is not None and known.public_email != known.email:
                raise Refusal("Internal server error", "INTERNAL_SERVER_ERROR", 500)
            if known is None:
                self.dummies.append(address)
                self.add_user(address, f"{address.partition('@')[0]} (XMPP)", active=False, dummy=True)
        found = self.by_email(str(given))
        assert found is not None
        return found

    def _content(self, content: str) -> str:
        content = content.rstrip().lstrip("\n")
        if not content.strip():
            raise Refusal("Message must not be empty")
        if "\0" in content:
            raise Refusal("Message must not contain null bytes")
        if len(content) > self.max_message:
            mark = "\n[message truncated]"
            content = content[: self.max_message - len(mark)] + mark
        return content

    def _channel(self, name: Any) -> Channel:
        for channel in self.channels.values():
            if channel.id == name or (isinstance(name, str) and channel.name.lower() == name.strip().lower()):
                return channel
        raise Refusal(f"Channel '{name}' does not exist", "STREAM_DOES_NOT_EXIST")

    def _people(self, sender: User, to: list[Any]) -> frozenset[int]:
        people = {sender.id}
        for one in to:
            user = self.users.get(one) if isinstance(one, int) else self.by_email(one)
            if user is None:
                raise Refusal(f"Invalid email '{one}'")
            if not user.active and not user.dummy and user.id != sender.id:
                raise Refusal(f"'{user.email}' is no longer using Zulip.")
            people.add(user.id)
        return frozenset(people)

    def _claim(self, message: Message, sender: User) -> None:
        for path in UPLOAD.findall(message.content):
            if path in self.uploads and self.may_open(sender, path):
                self.uploads[path].messages.add(message.id)

    def _notify(self, message: Message, sender: User) -> None:
        loud = {int(n) for n in re.findall(r"(?<!_)@\*\*[^*]*\|(\d+)\*\*", message.content)}
        wild = re.search(r"@\*\*(?:all|everyone|channel)\*\*", message.content) is not None
        for number in message.people - {sender.id}:
            user = self.users.get(number)
            if (
                user
                and user.settings.get("enable_offline_email_notifications")
                and (message.channel is None or number in loud or wild)
            ):
                self.mails.append((message.id, number))

    def shown(self, message: Message, user: User, markdown: bool) -> dict[str, Any]:
        sender = self.users.get(message.sender)
        row: dict[str, Any] = {
            "id": message.id,
            "sender_id": message.sender,
            "sender_email": sender.public_email if sender else "",
            "sender_full_name": sender.name if sender else "Welcome Bot",
            "timestamp": int(message.time),
            "client": message.client,
            "subject": message.topic,
            "content": self.html(message.content) if markdown else message.content,
            "is_me_message": message.content.startswith("/me "),
            "reactions": message.reactions,
            "flags": [] if user.id in message.unread else ["read"],
            "type": "private" if message.channel is None else "stream",
        }
        if message.channel is not None:
            row |= {"stream_id": message.channel, "display_recipient": self.channels[message.channel].name}
        if message.edited:
            row["last_edit_timestamp"] = int(time.time())
        return row

    def history(self, user: User, request: dict[str, Any]) -> dict[str, Any]:
        before, after = int(request.get("num_before", 0)), int(request.get("num_after", 0))
        if before + after > 5000:
            raise Refusal("Too many messages requested (maximum 5000).")
        found = [m for m in self.messages.values() if not m.deleted and self.may_read(user, m)]
        for term in request.get("narrow", []):
            found = [m for m in found if self._matches(user, m, term["operator"], term["operand"])]
        found.sort(key=lambda m: m.id)
        anchor = request.get("anchor", "newest")
        point = float("inf") if anchor == "newest" else float(anchor)
        included = str(request.get("include_anchor", True)).lower() == "true"
        lower = [m for m in found if m.id < point]
        upper = [m for m in found if m.id > point]
        exact = [m for m in found if m.id == point] if included else []
        page = lower[max(0, len(lower) - before) :] * bool(before) + exact + upper[:after]
        markdown = str(request.get("apply_markdown", True)).lower() == "true"
        return {
            "messages": [self.shown(m, user, markdown) for m in page],
            "found_newest": len(upper) <= after,
            "found_oldest": len(lower) <= before,
            "anchor": anchor if anchor != "newest" else 10**16,
        }

    def _matches(self, user: User, message: Message, operator: str, operand: Any) -> bool:
        if operator == "channel":
            channel = self.channels.get(operand)
            if channel is None or (channel.private and user.id not in channel.members):
                raise Refusal("Invalid narrow operator: unknown channel")
            return message.channel == operand
        if operator == "dm":
            return message.channel is None and message.people == frozenset({*operand, user.id})
        if operator == "sender":
            return message.sender == operand
        if operator == "is" and operand == "dm":
            return message.channel is None
        raise Refusal(f"Invalid narrow operator: unknown {operator}")

    def edit(self, user: User, message: Message, request: dict[str, Any]) -> None:
        if "topic" in request:
            self.need_admin(user)
            message.topic = _topic(str(request["topic"]))
        if "content" in request:
            if message.sender != user.id:
                raise Refusal("You don't have permission to edit this message")
            limit = self.settings["message_content_edit_limit_seconds"]
            if not self.settings["allow_message_editing"]:
                raise Refusal("Your organization has turned off message editing")
            if limit is not None and time.time() - message.time > limit + 20:
                raise Refusal("The time limit for editing this message has passed")
            message.content, message.edited = self._content(str(request["content"])), True
            self._claim(message, user)

    def react(self, user: User, message: Message, request: dict[str, Any]) -> None:
        name = str(request["emoji_name"])
        if name in self.emoji and request.get("reaction_type", "realm_emoji") == "realm_emoji":
            kind, code = "realm_emoji", str(sorted(self.emoji).index(name) + 1)
        elif name in self.emoji_names:
            kind, code = "unicode_emoji", self.emoji_names[name]
            if request.get("emoji_code", code) != code:
                raise Refusal("Invalid emoji code.")
        else:
            raise Refusal(f"Emoji '{name}' does not exist")
        row = {"user_id": user.id, "emoji_name": name, "emoji_code": code, "reaction_type": kind}
        if any((r["user_id"], r["emoji_code"], r["reaction_type"]) == (user.id, code, kind) for r in message.reactions):
            raise Refusal("Reaction already exists.", "REACTION_ALREADY_EXISTS")
        message.reactions.append(row)


def _recipients(text: str) -> list[Any]:
    try:
        data = json.loads(text)
    except ValueError:
        data = text
    return data if isinstance(data, list) else [data]


def _topic(text: str) -> str:
    text = text.strip()
    if any(not c.isprintable() and c not in " \u200d\u200b" for c in text):
        raise Refusal("Invalid character in topic, at position 1!")
    return text if len(text) <= 60 else text[:57] + "..."
