"""What the server asks of a user line beside names and addresses: sign-in, roles, and words of preferences.

Source: server/channels/app/imports/import_validators.go, ValidateUserImportData and what it calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from json import JSONDecoder
from typing import Any

__all__ = ["person_problems"]

Problem = tuple[str, str]  # where, why
_SERVICES = frozenset({"", "email", "gitlab", "saml", "ldap", "google", "office365", "openid"})
_ROLE = re.compile(r"[a-z0-9_]{1,64}")
_TRUTH = ("true", "false")
_LEVEL = ("all", "mention", "none")
_USER = {
    "feature_enabled_markdown_preview": _TRUTH,
    "formatting": _TRUTH,
    "show_unread_section": _TRUTH,
    "email_interval": ("immediately", "fifteen", "hour"),
}
_NOTIFY = {
    "desktop": _LEVEL,
    "desktop_sound": _TRUTH,
    "email": _TRUTH,
    "mobile": _LEVEL,
    "mobile_push_status": ("online", "away", "offline"),
    "channel": _TRUTH,
    "comments": ("any", "root", "never"),
}
_NOTIFY_OF_CHANNEL = {
    "desktop": ("default", *_LEVEL),
    "mobile": ("default", *_LEVEL),
    "mark_unread": ("all", "mention"),
}


def person_problems(user: Mapping[str, Any]) -> Iterator[Problem]:
    """Of an object whose types fit."""
    yield from _sign_in(user)
    yield from _roles(user, "user")
    if _is_half_a_guest(user):
        yield "user.roles", "a guest is one everywhere (of the system, of every team, of every channel), or nowhere"
    yield from _words(user, "user", _USER)
    yield from _words(user.get("notify_props") or {}, "user.notify_props", _NOTIFY)
    for team in _some(user, "teams"):
        yield from _roles(team, "user.teams")
        if not _is_theme(team.get("theme") or ""):
            yield "user.teams.theme", "no JSON object of texts"
        for channel in _some(team, "channels"):
            yield from _roles(channel, "user.teams.channels")
            where = "user.teams.channels.notify_props"
            yield from _words(channel.get("notify_props") or {}, where, _NOTIFY_OF_CHANNEL)


def _some(of: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [item or {} for item in of.get(name) or ()]


def _sign_in(user: Mapping[str, Any]) -> Iterator[Problem]:
    service, data, password = user.get("auth_service"), user.get("auth_data"), user.get("password")
    if bool(service) != bool(data):
        yield "user.auth_data", "auth_service and auth_data go together"
    if service is not None and service not in _SERVICES:
        yield "user.auth_service", "no service that the server knows"
    if data is not None and password is not None:
        yield "user.password", "auth_data and a password exclude each other"
    if data is not None and len(data.encode()) > 128:
        yield "user.auth_data", "over 128 bytes"
    if password is not None and not 1 <= len(password.encode()) <= 72:
        yield "user.password", "empty, or over 72 bytes"


def _roles(of: Mapping[str, Any], where: str) -> Iterator[Problem]:
    roles = (of.get("roles") or "").split()
    if not all(map(_ROLE.fullmatch, roles)) or roles == ["system_admin"]:
        yield f"{where}.roles", "not roles, or a system administrator who is no user"


def _is_half_a_guest(user: Mapping[str, Any]) -> bool:
    """As the server counts: of no team and no channel at all everybody is a guest."""
    if user.get("roles") is None:
        return False
    of_teams = of_channels = False
    if user.get("teams") is not None:
        teams, guests = _some(user, "teams"), 0
        for team in teams:
            if team.get("channels") is None:
                continue
            channels = _some(team, "channels")
            guests += sum("channel_guest" in (channel.get("roles") or "").split() for channel in channels)
            of_channels = of_channels or guests == len(channels)
        of_teams = sum("team_guest" in (team.get("roles") or "").split() for team in teams) == len(teams)
    said = {"system_guest" in user["roles"].split(), of_teams, of_channels}
    return len(said) == 2


def _is_theme(text: str) -> bool:
    if not text.strip(" \t\r"):
        return True
    try:
        value, _ = JSONDecoder().raw_decode(text.strip())
    except (ValueError, RecursionError):
        return False
    return value is None or (isinstance(value, dict) and all(isinstance(v, str | None) for v in value.values()))


def _words(of: Mapping[str, Any], where: str, known: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for name, words in known.items():
        if (value := of.get(name)) is not None and value not in words:
            yield f"{where}.{name}", f"neither {' nor '.join(words)}"
