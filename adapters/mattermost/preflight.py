"""What a server is like before a move: version, licence, limits, who and what is there, settings in the way.

Reading only, but for `change`. Settings by the names of the server's config.json, as its System Console and
`mmctl config set` know them (facts/mattermost.md 5.1; a setting given to the server as MM_… environment variable cannot
be changed by the API: it answers 200 and keeps the value).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct, field

from migrator.adapters.base import Largest
from migrator.adapters.mattermost.present import Account, Place, Present
from migrator.adapters.mattermost.rest import CONNECTIONS, Refused, Rest
from migrator.errors import AuthError, LimitExceeded, UsageError

__all__ = [
    "ROOM",
    "Facts",
    "Need",
    "cap_warning",
    "change",
    "look",
    "needs",
    "needs_of_files",
    "present",
    "resume_previews",
    "settle",
    "stop_previews",
    "warnings",
]

MAX_FILE, MAX_PIXELS = "FileSettings.MaxFileSize", "FileSettings.MaxImageResolution"
PROVED = (11, 1)  # the version everything was tried on
OLDEST = (9, 5)  # the oldest extended support release that has the same import fields
TEXT, FILE, PIXELS = 16_383, 100 << 20, 7680 * 4320  # the defaults, where a server does not say


class Need(Struct, frozen=True):
    """A setting that stands in the way. `fatal`: the import would stop; otherwise `loss` says what would be missing."""

    setting: str  # "TeamSettings.MaxUsersPerTeam"
    have: Any
    want: Any
    why: str
    fatal: bool = False

    def sentence(self) -> str:
        return f"{self.setting} is {_shown(self.have)} and should be {_shown(self.want)}: {self.why}"


class Facts(Struct, frozen=True):
    """A server as it answered. `user_limit` 0: no limit known. `team` "" where the team is not there yet."""

    version: str
    licensed: bool
    text: int  # characters of a post
    file: int  # bytes of an upload
    active_users: int
    user_limit: int
    team: str = ""
    team_members: int = 0
    team_channels: int = 0
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def pixels(self) -> int:
        """The most that a picture may have: one with more is left out of its post (facts/mattermost.md 8)."""
        return int(self.setting(MAX_PIXELS) or PIXELS)

    def setting(self, name: str) -> Any:
        section, _, key = name.partition(".")
        return (self.config.get(section) or {}).get(key)


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def look(rest: Rest, team: str) -> Facts:
    """Ask for everything. AuthError unless the account is a system admin; UsageError for a server too old."""
    me = _me(rest)
    if "system_admin" not in str(me.get("roles", "")).split():
        raise AuthError(
            "the account is not a system admin, which an import needs",
            hint="mmctl roles system-admin USERNAME, or use another account's token",
        )
    client = rest.get("/config/client", format="old")
    version = str(client.get("Version", ""))
    if (known := _numbers(version)) and known < OLDEST:
        raise UsageError(
            f"the server is version {version}; {OLDEST[0]}.{OLDEST[1]} is the oldest that this program knows",
            hint="update the server first",
        )
    limits = _optional(rest, "/limits/server") or {}
    there = rest.find(f"/teams/name/{team}") if team else None
    stats = rest.get(f"/teams/{there['id']}/stats") if there else {}
    return Facts(
        version=version,
        licensed=rest.get("/license/client", format="old").get("IsLicensed") == "true",
        text=int(client.get("MaxPostSize") or TEXT),
        file=int(client.get("MaxFileSize") or FILE),
        active_users=int(limits.get("activeUserCount") or rest.get("/users/stats")["total_users_count"]),
        user_limit=int(limits.get("maxUsersHardLimit") or 0),
        team=str(there["id"]) if there else "",
        team_members=int(stats.get("active_member_count", 0)),
        team_channels=sum(1 for _ in _channels(rest, str(there["id"]))) if there else 0,
        config=rest.get("/config"),
    )


def _me(rest: Rest) -> Mapping[str, Any]:
    """Our account; whatever else may answer at this address speaks another language."""
    try:
        me = rest.driver.users.get_user("me")
    except (Refused, ValueError) as error:
        me = error
    if not isinstance(me, Mapping):
        said = f": {me}" if isinstance(me, Refused) else ""
        raise UsageError(f"{rest.url} is not a Mattermost server{said}", hint="check url under [mattermost]")
    return me


def present(rest: Rest, facts: Facts, conversation_of: Callable[[str, int], str] = lambda *_: "") -> Present:
    """Everything on the server that our names could clash with.

    `conversation_of`: what of ours a channel holds, by its id and its number of posts.
    """
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        emoji = pool.submit(lambda: frozenset(str(e["name"]) for e in rest.pages("/emoji")))
        users = pool.submit(lambda: list(rest.pages("/users")))
        channels = list(_channels(rest, facts.team)) if facts.team else []
        used = {str(c["id"]): int(c["total_msg_count"]) for c in channels if c["total_msg_count"]}
        holding = dict(zip(used, pool.map(conversation_of, used.keys(), used.values()), strict=True))
    accounts = [
        Account(str(u["id"]), str(u["username"]), str(u.get("email") or ""), bool(u.get("is_bot")), _note(u))
        for u in users.result()
    ]
    places = [
        Place(
            id=str(c["id"]),
            name=str(c["name"]),
            archived=bool(c["delete_at"]),
            conversation=holding.get(str(c["id"]), ""),
            empty=not c["total_msg_count"] and not c["delete_at"],
        )
        for c in channels
    ]
    return Present(
        accounts={account.username: account for account in accounts},
        channels={place.name: place for place in places},
        emoji=emoji.result(),
        team=bool(facts.team),
    )


def _channels(rest: Rest, team: str) -> Iterable[Mapping[str, Any]]:
    """Channels of a team, private and archived ones among them."""
    for channel in rest.pages("/channels", include_deleted="true"):
        if channel["team_id"] == team:
            yield channel


def _note(user: Mapping[str, Any]) -> str:
    return str(user.get("bot_description") or "") if user.get("is_bot") else ""


def _optional(rest: Rest, path: str) -> Any:
    """An endpoint that older servers do not have."""
    try:
        return rest.find(path)
    except Refused:
        return None


# ── judging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def needs(facts: Facts, *, newcomers: int, channels: int, emoji: int, overrides: bool) -> list[Need]:
    """Settings in the way of what is to come, the fatal ones first. Files: `needs_of_files`."""
    ask = _Asking(facts)
    attach = bool(facts.setting("FileSettings.EnableFileAttachments"))
    ask("FileSettings.EnableFileAttachments", attach, True, "the server takes no import files without it", True)
    people = facts.team_members + newcomers
    enough = ask.number("TeamSettings.MaxUsersPerTeam") >= people
    why = f"the team will have {people:,} members, and the import stops at the first one too many"
    ask("TeamSettings.MaxUsersPerTeam", enough, _rounded(people), why, True)
    rooms = facts.team_channels + channels
    enough = ask.number("TeamSettings.MaxChannelsPerTeam") >= rooms
    why = f"the team will have {rooms:,} channels"
    ask("TeamSettings.MaxChannelsPerTeam", enough, _rounded(rooms), why, True)
    if emoji:
        on = bool(facts.setting("ServiceSettings.EnableCustomEmoji"))
        ask("ServiceSettings.EnableCustomEmoji", on, True, f"{emoji:,} custom emoji would not be shown")
    if overrides:
        for name in ("ServiceSettings.EnablePostUsernameOverride", "ServiceSettings.EnablePostIconOverride"):
            on = bool(facts.setting(name))
            ask(name, on, True, "the names and icons of single bot messages are kept, but not shown without it")
    return ask.found


def needs_of_files(facts: Facts, largest: Largest, zip_size: int = 0) -> list[Need]:
    """Settings in the way of the largest file, the largest picture, and of a zip of so many bytes."""
    ask = _Asking(facts)
    want = max(largest.file + ROOM if largest.file else 0, zip_size)
    why = f"the largest file has {largest.file:,} bytes, and what is larger than this is left out"
    if zip_size > largest.file + ROOM:
        why = f"the import file has {zip_size:,} bytes"
    ask(MAX_FILE, facts.file >= want, want, why)
    fits = largest.pixels <= facts.pixels
    why = f"the largest picture has {largest.pixels:,} pixels, and one with more than this is left out"
    ask(MAX_PIXELS, fits, largest.pixels, why)
    return ask.found


class _Asking:
    """Collects what is not as it should be, where the server has the setting at all."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.found: list[Need] = []

    def __call__(self, name: str, fine: bool, want: Any, why: str, fatal: bool = False) -> None:
        have = self.facts.setting(name)
        if have is not None and not fine:
            self.found.append(Need(name, have, want, why, fatal))

    def number(self, name: str) -> int:
        return int(self.facts.setting(name) or 0)


ROOM = 1 << 20  # for the zip's own lines around a single large file


def cap_warning(facts: Facts, newcomers: int) -> str:
    """The sentence about the user limit of servers without a licence; "" where it is not reached."""
    limit, after = facts.user_limit, facts.active_users + newcomers
    if facts.licensed or not limit or after <= limit:
        return ""
    return (
        f"The server has no licence and would have {after:,} active users; beyond {limit:,} it refuses sign-ups and "
        "reactivations, and deactivating somebody cannot be undone then. The import itself goes through."
    )


def warnings(facts: Facts) -> tuple[str, ...]:
    """What should be read before anything is written, whatever is to come."""
    said = []
    known = _numbers(facts.version)
    if known and known[0] > PROVED[0]:
        said.append(f"Version {facts.version} is newer than the {PROVED[0]}.{PROVED[1]} this was proved on.")
    return tuple(said)


# ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def settle(rest: Rest, found: Sequence[Need], allowed: bool) -> list[str]:
    """Set what is needed where that is `allowed`; returns sentences on what was set or will be missing.

    Raises LimitExceeded, naming every setting, where the import would stop.
    """
    if not found:
        return []
    if allowed:
        return change(rest, found)
    if fatal := [need for need in found if need.fatal]:
        raise LimitExceeded(
            "; ".join(need.sentence() for need in fatal),
            hint="change it in the System Console, or add --set server_config=yes to have it changed",
        )
    return [f"{need.sentence()} (--set server_config=yes has it changed)" for need in found]


def change(rest: Rest, found: Sequence[Need]) -> list[str]:
    """Change settings and look whether they stay changed. UsageError where a needed one does not."""
    patch: dict[str, dict[str, Any]] = {}
    for need in found:
        section, _, key = need.setting.partition(".")
        patch.setdefault(section, {})[key] = need.want
    rest.put("/config/patch", patch)
    config = rest.get("/config")
    said = []
    for need in found:
        section, _, key = need.setting.partition(".")
        if config[section][key] == need.want:
            said.append(f"{need.setting} was {_shown(need.have)} and is now {_shown(need.want)}.")
        elif need.fatal:
            raise UsageError(
                f"{need.sentence()}; the server keeps its value",
                hint=f"it is set where the server starts: MM_{section.upper()}_{key.upper()}",
            )
        else:
            said.append(f"{need.sentence()}; the server keeps its value, which is set where it starts.")
    return said


# ── lending ─────────────────────────────────────────────────────────────────────────────────────────────────────────
# Whoever reads a post makes the server fetch the page behind its first link (PreparePostForClient), hundreds for
# a page of posts. While we read, previews are off where settings may be changed; a preference of our own account keeps
# in mind that they are to be on again, should this process be killed.

_PREVIEWS = "ServiceSettings.EnableLinkPreviews"
_NOTE = {"category": "slack_migrator", "name": "link_previews", "value": "on"}


def stop_previews(rest: Rest, facts: Facts) -> bool:
    """Switch link previews off for a while; True where they were on."""
    if not facts.setting(_PREVIEWS):
        return False
    me = rest.driver.users.get_user("me")["id"]
    rest.put(f"/users/{me}/preferences", [{**_NOTE, "user_id": me}])
    rest.put("/config/patch", {"ServiceSettings": {"EnableLinkPreviews": False}})
    return True


def resume_previews(rest: Rest) -> bool:
    """Switch them on again if we, or a run that was killed, switched them off."""
    me = rest.driver.users.get_user("me")["id"]
    where = f"/users/{me}/preferences/{_NOTE['category']}/name/{_NOTE['name']}"
    try:
        rest.get(where)
    except Refused:
        return False
    rest.put("/config/patch", {"ServiceSettings": {"EnableLinkPreviews": True}})
    rest.post(f"/users/{me}/preferences/delete", [{**_NOTE, "user_id": me}], repeatable=True)
    return True


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if parts and all(part.isdigit() for part in parts) else ()


def _rounded(number: int) -> int:
    """With room to grow: the next thousand after half as many again."""
    return (number * 3 // 2 // 1000 + 1) * 1000


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:,}" if isinstance(value, int) else str(value)
