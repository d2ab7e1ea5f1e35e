"""Who people are on Zulip: address, role, profile fields. The same for both routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b

from migrator.model import Role, User

__all__ = [
    "FIELDS",
    "NO_ADDRESS",
    "ROLES",
    "address",
    "bot_short_name",
    "domain_of",
    "is_address",
    "leaves",
    "profile_fields",
]

NO_ADDRESS = "slack.invalid"  # the domain of made-up addresses: nothing is ever delivered there (RFC 2606)

ROLES: Mapping[Role, int] = {
    Role.OWNER: 100,
    Role.ADMIN: 200,
    Role.MEMBER: 400,
    Role.GUEST: 600,
    Role.SINGLE_GUEST: 600,
    Role.STRANGER: 600,
    Role.BOT: 400,
}

FIELDS: Mapping[str, str] = {  # attribute of `model.Profile` to the name of a custom profile field on Zulip
    "title": "Title",
    "phone": "Phone",
    "pronouns": "Pronouns",
    "skype": "Skype",
    "start_date": "Start date",
}

_ADDRESS = re.compile(
    r"[^@\s\"<>(),;:\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)


def is_address(text: str) -> bool:
    """Whether Zulip takes this as an e-mail address, as far as one can tell from here."""
    return _ADDRESS.fullmatch(text) is not None and len(text) <= 254 and ".." not in text


def address(user: User, domain: str = NO_ADDRESS, known: Mapping[str, str] | None = None) -> str:
    """The e-mail address that stands for a person: of the mover's list (`known`, by id or handle), of the export, or
    made up from the id. Lower case."""
    known = known or {}
    for found in (known.get(user.id), known.get(user.handle), "" if user.is_bot else user.email):
        if found and is_address(found.strip()):
            return found.strip().lower()
    return f"{_slug(user.id)}@{domain}"


def bot_short_name(user: User) -> str:
    """A bot's name as its address has it: "deploy-bot-b9"; Zulip adds "-bot@" and the server's name."""
    return f"{_slug(user.name)[:40]}-{_slug(user.id)}".lstrip("-")


def domain_of(email: str) -> str:
    return email.rpartition("@")[2].lower()


def leaves(user: User) -> bool:
    """Whether an account is deactivated once everything is there: people who left, and people of other workspaces,
    whose names stand beside what they wrote but who are no members here."""
    return not user.active or user.role is Role.STRANGER


def profile_fields(user: User) -> dict[str, str]:
    """Custom profile fields by their names on Zulip, cut to 50 characters each (short text)."""
    named = {label: getattr(user.profile, attribute) for attribute, label in FIELDS.items()}
    named |= {label[:40]: value for label, value in user.profile.fields.items()}
    return {label: " ".join(value.split())[:50] for label, value in named.items() if value and value.strip()}


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if slug == text.lower():
        return slug
    mark = blake2b(text.encode(), digest_size=3).hexdigest()  # what is left out must not make two people one
    return f"{slug}-{mark}" if slug else mark
