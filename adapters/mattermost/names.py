"""Names that the server takes: usernames, channel names, emoji names, team names. Pure and total.

Rules: bulk import format, server/channels/app/imports/import_validators.go and public/model (user.go, channel.go,
emoji.go), as facts/mattermost.md 4.2 gives them. Every function here returns a valid name for any input.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Hashable
from functools import cache
from hashlib import blake2b

__all__ = [
    "CHANNEL_NAME",
    "EMOJI_NAME",
    "RESERVED_USERNAMES",
    "USERNAME",
    "cut",
    "is_channel_name",
    "is_team_name",
    "slug",
    "team_name",
    "unique",
    "username",
]

USERNAME = re.compile(r"[a-z0-9.\-_]{1,64}")
CHANNEL_NAME = re.compile(r"[a-z0-9]+([a-z\-_0-9]+|(__)?)[a-z0-9]*")
EMOJI_NAME = re.compile(r"[a-zA-Z0-9+_-]{1,64}")
# words that mention everybody, and accounts of the server itself ("here" passes the server but would notify)
RESERVED_USERNAMES = frozenset({"all", "channel", "here", "everyone", "matterbot", "system", "calls", "boards"})
TEAM_NAME = re.compile(r"[a-z0-9]+([a-z\-0-9]+|(__)?)[a-z0-9]+")
# no team's name may begin with one of these (model.IsReservedTeamName): "helpdesk" may not, and no "postman"
RESERVED_TEAMS = (
    *("admin", "api", "channel", "claim", "error", "files", "help", "landing", "login", "mfa", "oauth", "plug"),
    *("plugins", "post", "signup", "boards", "playbooks"),
)
_LONGEST = 64
_HEX = re.compile(r"[0-9a-f]{40}")
_PAIR = re.compile(r"[a-z0-9]{26}__[a-z0-9]{26}")


def cut(text: str, runes: int) -> str:
    """At most so many characters; the last one is an ellipsis where something was cut off."""
    text = text.strip()
    return text if len(text) <= runes else text[: runes - 1].rstrip() + "…"


def slug(text: str, allowed: str) -> str:
    """ASCII letters without accents, digits and `allowed`; a hyphen for every run of anything else."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _others(allowed).sub("-", text.lower()).strip("-")


@cache
def _others(allowed: str) -> re.Pattern[str]:
    return re.compile(rf"[^a-z0-9{re.escape(allowed)}]+")


def username(handle: str, fallback: str) -> str:
    """A username, not yet unique: `handle` where it has anything to offer, else `fallback` (a stable id)."""
    name = slug(handle, "._-")[:_LONGEST].strip("-")
    if not any(c.isalnum() for c in name):
        name = slug(fallback, "._-")[:_LONGEST] or _digest(fallback)
    return f"{name}-user" if name in RESERVED_USERNAMES else name


def is_channel_name(name: str) -> bool:
    """As model.Channel.IsValid: an identifier that cannot be taken for a group's or a direct channel's name."""
    return (
        len(name) <= _LONGEST
        and CHANNEL_NAME.fullmatch(name) is not None
        and _HEX.fullmatch(name) is None
        and _PAIR.fullmatch(name) is None
    )


def channel_name(name: str, fallback: str) -> str:
    """A channel's name, not yet unique."""
    for candidate in (name, fallback):
        made = slug(candidate, "_-").strip("_-")[:_LONGEST].rstrip("_-")
        # a name that lost most of its letters (Japanese, Cyrillic) says nothing: better the id
        if is_channel_name(made) and 2 * len(made) >= len(candidate[:_LONGEST]):
            return made
    return "c-" + _digest(fallback)


def is_team_name(name: str) -> bool:
    """As model.IsValidTeamName, and not reserved."""
    fits = len(name) <= _LONGEST and TEAM_NAME.fullmatch(name) is not None
    return fits and not name.startswith(RESERVED_TEAMS)


def team_name(text: str) -> str:
    """A team's name: 2 to 64 of a-z, 0-9 and hyphen, beginning and ending with a letter or digit, not reserved."""
    made = slug(text, "-")[:_LONGEST].strip("-")
    candidates = made, f"{made}-team".strip("-"), f"team-{made}"[:_LONGEST].strip("-")
    return next(filter(is_team_name, candidates))


def unique(name: str, taken: Collection[Hashable], identity: str, allowed: Callable[[str], bool] = bool) -> str:
    """`name`, or with a suffix of its own: the id it stands for, so that it does not depend on who came first."""
    if name not in taken and allowed(name):
        return name
    for suffix in (slug(identity, ""), _digest(identity)):
        made = f"{name[: _LONGEST - 1 - len(suffix)]}-{suffix}"
        if suffix and made not in taken and allowed(made):
            return made
    number = 2
    while f"{name[:50]}-{number}" in taken:
        number += 1
    return f"{name[:50]}-{number}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
