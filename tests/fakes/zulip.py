"""The wire of the pretended Zulip server: HTTP on loopback, keys, rate limits, faults, and the published API
description (where it lies beside the checkout), against which every request is held."""

from __future__ import annotations

import base64
import json
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.zulip_realm import Realm, Refusal, Upload, User

SHARED = Path(__file__).parent.parent.parent.parent / "shared" / "data"
# Undocumented, but there and needed (5.1): the facts file names them, the description does not.
UNDOCUMENTED = {"/realm", "/realm/domains", "/realm/domains/{domain}", "/jwt/fetch_api_key", "/mark_all_as_read",
                "/users/me/avatar"}  # fmt: skip
PENDING = {
    "/messages": {"sender", "forged", "time", "client", "topic"},
    "/users/me/subscriptions": {"send_new_subscription_messages"},
    "/users/{user_id}": {"role", "full_name", "profile_data"},
}


class FakeZulip:
    """`site` is its address. Chances per call, from a seed: `before` and `after` cut the connection before or after the
    call landed, `broken` answers 502, `busy` answers 429. `limit`: calls until one is answered 429 (0: never)."""

    def __init__(self, realm: Realm) -> None:
        self.realm, self.lock = realm, threading.RLock()
        self.dice = random.Random(0)
        self.before = self.after = self.broken = self.busy = 0.0
        self.limit, self.counts = 0, {}
        self.violations: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.on_send: Callable[[], None] | None = None
        fake = self

        class Handler(_Handler):
            server_of = fake

        self.server = _Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.site = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def calm(self) -> None:
        self.before = self.after = self.broken = self.busy = 0.0
        self.limit = 0

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def answer(
        self, method: str, path: str, request: dict[str, Any], file: Any, auth: str, agent: str
    ) -> dict[str, Any]:
        realm = self.realm
        self._validate(method, path, request)
        if (method, path) == ("GET", "server_settings"):
            return {
                "zulip_version": realm.version,
                "zulip_feature_level": realm.level,
                "realm_uri": "https://chat.example.invalid",
                "authentication_methods": {"password": realm.passwords},
            }
        if (method, path) == ("POST", "fetch_api_key"):
            return realm.key_by_password(str(request.get("username")), str(request.get("password")))
        if (method, path) == ("POST", "jwt/fetch_api_key"):
            return realm.key_by_jwt(str(request.get("token")))
        email, _, key = base64.b64decode(auth.removeprefix("Basic ")).decode().partition(":")
        user = realm.by_key(email, key)
        self._count(user)
        for verb, pattern, act in ROUTES:
            if verb == method and (found := re.fullmatch(pattern, path)):
                return act(realm, user, request, [unquote(g) for g in found.groups()], file, agent) or {}
        raise Refusal("Not found", "NOT_FOUND", 404)

    def _count(self, user: User) -> None:
        if not self.limit:
            return
        self.counts[user.id] = self.counts.get(user.id, 0) + 1
        if self.counts[user.id] > self.limit:
            self.counts[user.id] = 0
            raise slow_down()

    def _validate(self, method: str, path: str, request: dict[str, Any]) -> None:
        paths = description()
        if not paths:
            return
        template = next((t for t, methods in paths.items() if method in methods and _fits(t, path)), None)
        if template is not None:
            allowed, required = paths[template][method]
            unknown = set(request) - allowed - PENDING.get(template, set()) - {"client"}
            if unknown or required - set(request):
                self.violations.append(f"{method} {template}: unknown {unknown}, missing {required - set(request)}")
        elif not any(_fits(t, path) for t in UNDOCUMENTED) and not path.startswith("user_uploads/"):
            self.violations.append(f"{method} /{path} is not described")


def _fits(template: str, path: str) -> bool:
    """Whether a path is one of the template's; what is called an id is a number."""
    numbers = re.sub(r"\{\w*_id\}", r"\\d+", template)
    words = re.sub(r"\{email\}", "[^/]+@[^/]+", numbers)
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", words), f"/{path}") is not None


def slow_down() -> Refusal:
    refusal = Refusal("API usage exceeded rate limit", "RATE_LIMIT_HIT", 429)
    refusal.answer["retry-after"] = 0.01
    return refusal


@cache
def description() -> dict[str, dict[str, tuple[set[str], set[str]]]]:
    """path to method to (parameters, required ones); {} where the description is not at hand."""
    place = SHARED / "zulip-openapi.yaml"
    if not place.exists():
        return {}
    import yaml

    document = yaml.load(place.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    shared = document["components"]["parameters"]

    def whole(row: dict[str, Any]) -> dict[str, Any]:
        return shared[row["$ref"].rpartition("/")[2]] if "$ref" in row else row

    out: dict[str, dict[str, tuple[set[str], set[str]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            rows = [whole(row) for row in operation.get("parameters", [])]
            rows = [row for row in rows if row["in"] == "query"]
            names, required = {r["name"] for r in rows}, {r["name"] for r in rows if r.get("required")}
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                names |= set(body["schema"].get("properties", {}))
                if kind != "multipart/form-data":
                    required |= set(body["schema"].get("required", []))
            out.setdefault(path, {})[method.upper()] = (names, required)
    return out


# ── routes: method, path, what is done with (realm, user, request, groups of the path, file, agent) ─────────────────


def _register(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> dict[str, Any]:
    return {
        "queue_id": "queue",
        "user_settings": dict(user.settings),
        "max_message_length": realm.max_message,
        "max_topic_length": 60,
        "max_stream_name_length": 60,
        "max_stream_description_length": 1024,
        "max_file_upload_size_mib": realm.max_file >> 20,
        "realm_domains": [{"domain": d, "allow_subdomains": False} for d in realm.domains],
        "realm_user_settings_defaults": dict(realm.defaults),
        "realm_message_content_edit_limit_seconds": realm.settings["message_content_edit_limit_seconds"],
        "realm_allow_message_editing": realm.settings["allow_message_editing"],
    }


def _add_domain(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> None:
    realm.need_admin(user)
    domain = str(request["domain"]).lower()
    if "." not in domain:
        raise Refusal("Invalid domain: Domain must have at least one dot (.)")
    if domain in realm.domains:
        raise Refusal(f"The domain {domain} is already a part of your organization.")
    realm.domains.append(domain)


def _remove_domain(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> None:
    realm.need_admin(user)
    if path[0] not in realm.domains:
        raise Refusal(f"No entry found for domain {path[0]}.")
    realm.domains.remove(path[0])


def _defaults(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> None:
    realm.need_admin(user)
    realm.defaults |= request


def _realm(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> None:
    realm.need_admin(user)
    for name, value in request.items():
        realm.settings[name] = None if value == "unlimited" else value


def _leave(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> None:
    people = request.get("principals") or [user.id]
    if people != [user.id]:
        realm.need_admin(user)
    for channel in realm.channels.values():
        if channel.name in request["subscriptions"]:
            channel.members -= set(people)


def _members(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> dict[str, Any]:
    channel = realm.channels[int(path[0])]
    if channel.private and user.id not in channel.members and not user.admin:
        raise Refusal("Invalid channel ID")
    return {"subscribers": sorted(channel.members)}


def _patch_channel(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> None:
    realm.need_admin(user)
    if len(str(request.get("description", ""))) > 1024:
        raise Refusal("description is too long (limit: 1024 characters)")
    realm.channels[int(path[0])].description = str(request["description"])


def _archive(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> None:
    realm.need_admin(user)
    realm.channels[int(path[0])].archived = True


def _delete(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> None:
    realm.need_admin(user)
    realm.access(user, int(path[0])).deleted = True


def _read_all(realm: Realm, user: User, *_: Any) -> None:
    for message in realm.messages.values():
        message.unread.discard(user.id)


def _add_emoji(realm: Realm, user: User, request: dict[str, Any], path: list[str], file: Any, *_: Any) -> None:
    name = path[0]
    if not re.fullmatch(r"[0-9a-z_-]*[0-9a-z]", name):
        raise Refusal("Emoji names must end with either a letter or digit.")
    if name in realm.emoji:
        raise Refusal("A custom emoji with this name already exists.")
    if file is None or not file[1].startswith((b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8")):
        raise Refusal("Invalid image format")
    realm.emoji[name] = file[1]


def _add_field(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> dict[str, Any]:
    realm.need_admin(user)
    if len(request["name"]) > 40:
        raise Refusal("name is too long.")
    if any(f["name"] == request["name"] for f in realm.fields.values()):
        raise Refusal("A field with that label already exists.")
    number = realm.number()
    realm.fields[number] = {"id": number, "name": request["name"], "type": request["field_type"]}
    return {"id": number}


def _add_group(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> None:
    if any(g["name"].lower() == request["name"].lower() for g in realm.groups.values()):
        raise Refusal(f"User group '{request['name']}' already exists.")
    if len(request["name"]) > 100:
        raise Refusal("User group name cannot exceed 100 characters.")
    number = realm.number()
    realm.groups[number] = {"id": number, "name": request["name"], "members": list(request["members"])}


def _join_group(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> None:
    realm.groups[int(path[0])]["members"] += request["add"]


def _avatar(realm: Realm, user: User, request: dict[str, Any], path: list[str], file: Any, *_: Any) -> None:
    if file is None:
        raise Refusal("You must upload exactly one avatar.")
    if not file[1].startswith((b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8")):
        raise Refusal("Could not decode image. Did you upload an image file?")
    user.avatar = file[1]


def _flag(realm: Realm, user: User, request: dict[str, Any], *_: Any) -> None:
    if request["flag"] not in ("starred", "read") or request["op"] not in ("add", "remove"):
        raise Refusal("Invalid flag")
    for number in request["messages"]:
        message = realm.access(user, number)
        if request["flag"] == "starred":
            (message.starred.add if request["op"] == "add" else message.starred.discard)(user.id)


def _upload(realm: Realm, user: User, request: dict[str, Any], path: list[str], file: Any, *_: Any) -> dict[str, Any]:
    if file is None:
        raise Refusal("You must specify a file to upload")
    name, data = file
    if len(data) > realm.max_file:
        raise Refusal(f"Uploaded file is larger than the allowed limit of {realm.max_file >> 20} MiB")
    clean = re.sub(r"[^\w.-]+", "-", name).strip("-") or "uploaded-file"
    where = f"2/{realm.number():x}/{clean}"
    realm.uploads[where] = Upload(user.id, name, data)
    return {"url": f"/user_uploads/{where}", "uri": f"/user_uploads/{where}", "filename": name}


def _open_upload(realm: Realm, user: User, request: dict[str, Any], path: list[str], *_: Any) -> dict[str, Any]:
    if path[0] not in realm.uploads:
        raise Refusal("Not found", "NOT_FOUND", 404)
    if not realm.may_open(user, path[0]):
        raise Refusal("Not logged in or no access", "UNAUTHORIZED_PRINCIPAL", 403)
    return {"url": f"/user_uploads/temporary/{path[0]}"}


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", "register", _register),
    ("DELETE", "events", lambda *_: {}),
    ("GET", "users/me", lambda r, u, *_: r.listed(u, u)),
    ("GET", "users", lambda r, u, *_: {"members": [r.listed(u, one) for one in r.users.values()]}),
    ("POST", "users", lambda r, u, q, *_: r.create_user(u, q["email"], q["password"], q["full_name"])),
    ("GET", r"users/(\d+)", lambda r, u, q, p, *_: {"user": r.listed(u, r.users[int(p[0])])}),
    (
        "PATCH",
        r"users/(\d+)",
        lambda r, u, q, p, *_: r.patch_user(
            u, r.users[int(p[0])], q.get("role"), q.get("profile_data", []), q.get("full_name")
        ),
    ),
    ("DELETE", r"users/(\d+)", lambda r, u, q, p, *_: r.deactivate(u, r.users[int(p[0])])),
    ("POST", r"users/(\d+)/reactivate", lambda r, u, q, p, *_: setattr(r.users[int(p[0])], "active", True)),
    ("GET", "streams", lambda r, u, *_: {"streams": [r.listed_channel(c) for c in r.channels.values()]}),
    ("POST", "users/me/subscriptions", lambda r, u, q, *_: r.subscribe(u, q)),
    ("DELETE", "users/me/subscriptions", _leave),
    ("GET", r"streams/(\d+)/members", _members),
    ("PATCH", r"streams/(\d+)", _patch_channel),
    ("DELETE", r"streams/(\d+)", _archive),
    ("POST", "messages", lambda r, u, q, p, f, agent: r.send(u, q, agent)),
    ("GET", "messages", lambda r, u, q, *_: r.history(u, q)),
    (
        "GET",
        r"messages/(\d+)",
        lambda r, u, q, p, *_: {
            "message": r.shown(r.access(u, int(p[0])), u, str(q.get("apply_markdown", True)).lower() == "true")
        },
    ),
    ("PATCH", r"messages/(\d+)", lambda r, u, q, p, *_: r.edit(u, r.access(u, int(p[0])), q)),
    ("DELETE", r"messages/(\d+)", _delete),
    ("POST", r"messages/(\d+)/reactions", lambda r, u, q, p, *_: r.react(u, r.access(u, int(p[0])), q)),
    ("POST", "mark_all_as_read", _read_all),
    ("POST", "messages/flags", _flag),
    ("POST", "users/me/avatar", _avatar),
    ("PATCH", "settings", lambda r, u, q, *_: u.settings.update(q)),
    ("PATCH", "realm", _realm),
    ("PATCH", "realm/user_settings_defaults", _defaults),
    ("POST", "realm/domains", _add_domain),
    ("DELETE", r"realm/domains/(.+)", _remove_domain),
    ("GET", "realm/emoji", lambda r, *_: {"emoji": {n: {"name": n, "deactivated": False} for n in r.emoji}}),
    ("POST", r"realm/emoji/([^/]+)", _add_emoji),
    ("GET", "realm/profile_fields", lambda r, *_: {"custom_fields": list(r.fields.values())}),
    ("POST", "realm/profile_fields", _add_field),
    ("GET", "user_groups", lambda r, *_: {"user_groups": list(r.groups.values())}),
    ("POST", "user_groups/create", _add_group),
    ("POST", r"user_groups/(\d+)/members", _join_group),
    ("POST", "user_uploads", _upload),
    ("GET", r"user_uploads/(.+)", _open_upload),
]


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Killed clients are expected here; anything else is a fault of the server's own and shows."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a whole answer in one packet
    disable_nagle_algorithm = True
    server_of: FakeZulip

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_GET

    def _serve(self) -> None:
        fake, parts = self.server_of, urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if len(body) < size:  # the other side was killed: half a request is none
            self.close_connection = True
            return
        if parts.path.startswith("/user_uploads/temporary/"):
            upload = fake.realm.uploads[unquote(parts.path.removeprefix("/user_uploads/temporary/"))]
            self._reply(200, upload.data, "application/octet-stream")
            return
        path = parts.path.removeprefix("/api/v1/")
        request, file = _parsed(parts.query, body, self.headers.get("Content-Type", ""))
        sending = (self.command, path) == ("POST", "messages") and "time" in request
        with fake.lock:
            roll = fake.dice.random()
            if roll < fake.before:
                self.close_connection = True
                return
            if roll < fake.before + fake.broken:
                self._reply(502, b"<html>Bad gateway</html>", "text/html")
                return
            try:
                if roll < fake.before + fake.broken + fake.busy:
                    raise slow_down()
                fake.calls.append((self.command, path))
                answer = {"result": "success", "msg": ""} | fake.answer(
                    self.command, path, request, file, self.headers.get("Authorization", ""), self.headers["User-Agent"]
                )
                status = 200
            except Refusal as refusal:
                answer, status = refusal.answer, refusal.status
            if sending and status == 200 and fake.on_send is not None:
                fake.on_send()
            if fake.dice.random() < fake.after:
                self.close_connection = True
                return
            self._reply(status, json.dumps(answer).encode(), "application/json")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-RateLimit-Limit", str(self.server_of.limit or 200))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the other side was killed


def _parsed(query: str, body: bytes, kind: str) -> tuple[dict[str, Any], tuple[str, bytes] | None]:
    """Parameters (JSON where it parses, as the server reads typed ones), and the file of a multipart body."""
    pairs, file = parse_qsl(query, keep_blank_values=True), None
    if kind.startswith("multipart/"):
        for part in body.split(b"--" + kind.rpartition("boundary=")[2].encode())[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = re.search(rb'filename="([^"]*)"', head)
            if name:
                file = (name[1].decode(), content.removesuffix(b"\r\n"))
    else:
        pairs += parse_qsl(body.decode(), keep_blank_values=True)
    return {key: value if key in TEXT else _typed(value) for key, value in pairs}, file


# parameters that are text whatever they look like
TEXT = {"content", "topic", "to", "sender", "email", "full_name", "password", "username", "token", "client", "time",
        "forged", "type", "description", "name", "domain", "emoji_name", "emoji_code"}  # fmt: skip


def _typed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def settings_for(fake: FakeZulip, **more: object) -> dict[str, object]:
    """What `[zulip]` would hold for the mover's account."""
    return {"site": fake.site, "email": "admin@example.invalid", "api_key": "admin-key", **more}


@contextmanager
def serving(realm: Realm) -> Iterator[FakeZulip]:
    fake = FakeZulip(realm)
    try:
        yield fake
    finally:
        fake.close()
