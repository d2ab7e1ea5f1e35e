"""What is known of a server before anything is written: version, limits, rights, and what the admin has to do first.

Nothing is changed here. The two rights that no call tells of are found out by calls that are bound to be refused: which
refusal comes back shows whether the right is there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from migrator.adapters.zulip.client import MIRROR, Refused, Server
from migrator.errors import AuthError, UsageError

__all__ = ["Facts", "Told", "complaints", "inspect", "missing_rights", "role_line", "tell", "version_of"]

MAJORS = range(9, 13)
ROOT = """-r "" where the organisation stands at the server's own address, not at a subdomain"""
FOLDERS = 389  # the feature level from which on channels have folders (11.0, but not every 11.0-dev)
BUSY = 100_000  # calls a minute that keep the limit out of the way
QUIET = {  # of new accounts while the move runs: no mail and no push of old messages, addresses usable as senders
    "enable_offline_email_notifications": False,
    "enable_offline_push_notifications": False,
    "enable_online_push_notifications": False,
    "enable_stream_email_notifications": False,
    "enable_stream_push_notifications": False,
    "enable_followed_topic_email_notifications": False,
    "enable_followed_topic_push_notifications": False,
    "email_address_visibility": 1,
}


class Facts(Struct, frozen=True):
    """A server and what this account may do there. Sizes in characters and bytes."""

    version: str
    major: int
    level: int
    realm: str  # host of the organisation, for its identity
    subdomain: str
    account: int
    email: str
    admin: bool
    owner: bool
    may_forge: bool
    may_create: bool
    passwords: bool  # people may log in by password, so keys of new accounts can be had
    max_message: int
    max_topic: int
    max_channel: int
    max_description: int
    max_file: int
    domains: tuple[str, ...]
    defaults: Mapping[str, Any]
    edit_limit: int | None  # seconds; None: no limit
    allow_edits: bool
    rate: int


class Told(Struct, frozen=True):
    """What a server says of itself to anybody."""

    version: str
    level: int


def tell(server: Server) -> Told:
    """Ask a server what it is; no account is needed."""
    settings = server.call("GET", "server_settings")
    return Told(str(settings.get("zulip_version", "")), int(settings.get("zulip_feature_level", 0)))


def version_of(text: str) -> int:
    """The major version: "11.0-dev+git" -> 11. 0 where it cannot be read."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0


def inspect(server: Server) -> Facts:
    """Read everything. AuthError, UsageError for a version that is not known."""
    settings = server.call("GET", "server_settings")
    version = str(settings.get("zulip_version", ""))
    if version_of(version) not in MAJORS:
        raise UsageError(
            f"this server runs Zulip {version or 'of an unknown version'}; "
            f"known are {MAJORS.start} to {MAJORS.stop - 1}",
            hint="bring slack-migrator up to date, or the server",
        )
    me = server.call("GET", "users/me")
    realm = server.call(
        "POST",
        "register",
        {"event_types": ["restart"], "fetch_event_types": ["realm", "realm_domains", "realm_user_settings_defaults"]},
    )
    if queue := realm.get("queue_id"):
        with contextlib.suppress(Refused):  # it ends by itself
            server.call("DELETE", "events", {"queue_id": queue})
    host = urlsplit(str(settings.get("realm_uri") or settings.get("realm_url") or server.site)).netloc
    methods = settings.get("authentication_methods", {})
    limit = realm.get("realm_message_content_edit_limit_seconds")
    return Facts(
        version=version,
        major=version_of(version),
        level=int(settings.get("zulip_feature_level", 0)),
        realm=host,
        subdomain=host.split(".", 1)[0],
        account=int(me["user_id"]),
        email=str(me.get("delivery_email") or me["email"]),
        admin=bool(me.get("is_admin")),
        owner=bool(me.get("is_owner")),
        may_forge=_may_forge(server, me),
        may_create=_may_create(server, me),
        passwords=bool(methods.get("password")),
        max_message=int(realm.get("max_message_length", 10_000)),
        max_topic=int(realm.get("max_topic_length", 60)),
        max_channel=int(realm.get("max_stream_name_length", 60)),
        max_description=int(realm.get("max_stream_description_length", 1024)),
        max_file=int(realm.get("max_file_upload_size_mib", 25)) << 20,
        domains=tuple(str(d["domain"]).lower() for d in realm.get("realm_domains", ())),
        defaults={
            name: value for name, value in realm.get("realm_user_settings_defaults", {}).items() if name in QUIET
        },
        edit_limit=int(limit) if limit else None,
        allow_edits=bool(realm.get("realm_allow_message_editing", True)),
        rate=server.rate_limit,
    )


def _may_forge(server: Server, me: Mapping[str, Any]) -> bool:
    """Asks to post to a channel given by number, which no mirror may, as a mirror: who lacks the right is told that."""
    probe = {
        "type": "channel",
        "to": "[1]",
        "topic": "slack-migrator asks for its rights",
        "content": "slack-migrator asks for its rights",
        "sender": str(me.get("delivery_email") or me["email"]),
        "forged": "yes",
        "client": MIRROR,
    }
    try:
        server.call("POST", "messages", probe)
    except Refused as answer:
        return "not authorized" not in answer.message
    return True


def _may_create(server: Server, me: Mapping[str, Any]) -> bool:
    """Asks for an account with a name that is not allowed: who lacks the right is told that first."""
    try:
        server.call(
            "POST", "users", {"email": str(me.get("delivery_email") or me["email"]), "password": "", "full_name": "*"}
        )
    except Refused as answer:
        return "not authorized" not in answer.message and "administrator" not in answer.message
    return True


def missing_rights(facts: Facts) -> AuthError | None:
    """The error that stops a move before anything is written, with the commands that mend it."""
    if not facts.admin:
        return AuthError(
            "the account of the API key is no administrator of this organisation",
            hint=f"on the Zulip host: {role_line('admin', facts)} ({ROOT})",
        )
    missing = [
        r for r, there in (("can_forge_sender", facts.may_forge), ("can_create_users", facts.may_create)) if not there
    ]
    if missing:
        return AuthError(
            f"the account of the API key has no right to {' and '.join(missing)}",
            hint=f"on the Zulip host: {' ; '.join(role_line(right, facts) for right in missing)} ({ROOT})",
        )
    return None


def complaints(facts: Facts, has_jwt: bool) -> tuple[str, ...]:
    """What the admin should read and do before the move, one sentence each, with the exact lines."""
    said = []
    if error := missing_rights(facts):
        said.append(f"{error.message}; {error.hint}")
    if facts.rate and facts.rate < BUSY // 100:
        said.append(
            f"the server takes {facts.rate} calls a minute of one account, so it will be slow; in "
            f'/etc/zulip/settings.py: RATE_LIMITING_RULES = {{"api_by_user": [(60, {BUSY})]}} and then '
            f"{_as_zulip('scripts/restart-server')}"
        )
    if not has_jwt:
        said.append(
            "people who have an account here already can only react, and their direct messages only be moved, if their "
            f'keys can be had; in /etc/zulip/settings.py: JWT_AUTH_KEYS = {{"{facts.subdomain}": {{"key": "SECRET", '
            '"algorithms": ["HS256"]}}, and jwt_key_file = "PATH" under [zulip]'
        )
        if not facts.passwords:
            said.append(
                "log-in by password is off, so the keys of new accounts cannot be had either: no reactions, no direct "
                "messages; switch it on for the move, or set JWT_AUTH_KEYS (see above)"
            )
    if not facts.allow_edits:
        said.append("the organisation does not allow edits: changed messages of a later export will not be changed")
    return tuple(said)


def role_line(right: str, facts: Facts, *, revoke: bool = False) -> str:
    """What to type on the host to give the account a right, or to take it back."""
    taken = " --revoke" if revoke else ""
    return _as_zulip(f"manage.py change_user_role YOUR-ADDRESS {right} -r {facts.subdomain}{taken}")


def _as_zulip(command: str) -> str:
    return f"su zulip -c '~/deployments/current/{command}'"
