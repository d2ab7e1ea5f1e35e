"""Would the server take this file? Its own rules, without a server (facts/mattermost.md 4.1 to 4.3, 4.6, 10.1).

Stricter than the server in one way only: what would damage it (kill its process, block its job queue, overwrite
another author's post, lose a file without a word) is refused as well. Streaming; what it remembers are names and, per
channel, the times of its posts.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from migrator.adapters.mattermost.compose import FILES_PER_POST, MAX_TEXT
from migrator.adapters.mattermost.emoji import is_name
from migrator.adapters.mattermost.images import EMOJI_BYTES
from migrator.adapters.mattermost.names import EMOJI_NAME, USERNAME, is_channel_name, is_team_name
from migrator.adapters.mattermost.persons import person_problems
from migrator.adapters.mattermost.present import NOTHING, Present
from migrator.adapters.mattermost.reads import misfit
from migrator.errors import ItemsFailed, UsageError

__all__ = ["Checker", "check", "refuse"]

MAX_LINE = 16 << 20
MAX_REPLIES = 3_640  # 18 columns each, 65,535 parameters to a statement
MAX_FOLLOWERS = 10_922  # 6 columns each, over a batch of 1,000 lines
BATCH = 1_000
MAX_PROPS = 800_000
MAX_TYPE = 26
SHOWN = 100  # problems told; the rest is counted
TYPES = (
    "version", "role", "scheme", "emoji", "team", "channel", "user", "bot", "post", "direct_channel", "direct_post",
)  # fmt: skip
POST_TYPES = frozenset(
    {
        "", "me", "slack_attachment", "system_generic", "system_join_channel", "system_leave_channel",
        "system_header_change", "system_purpose_change", "system_displayname_change", "system_add_to_channel",
        "system_remove_from_channel", "system_channel_deleted", "system_channel_restored", "system_convert_channel",
        "system_join_team", "system_leave_team", "system_add_to_team", "system_remove_from_team", "system_join_leave",
    }
)  # fmt: skip
_EMAIL = re.compile(r"[^@\s<>(),;:\\\"\[\]]+@[^@\s<>(),;:\\\"\[\]]+")
_SCHEME = re.compile(r"[a-z0-9_]{2,64}")
_RESERVED = frozenset({"all", "channel", "matterbot", "system"})


def check(file: Path, present: Present = NOTHING, most_text: int = MAX_TEXT) -> list[str]:
    """Problems of a .zip or .jsonl file, "line 7: user.email: …"; empty where the server would take it.

    UsageError where the file cannot be read."""
    if not zipfile.is_zipfile(file):
        try:
            with file.open("rb") as body:
                return Checker(None, present, most_text).run(body)
        except OSError:
            raise UsageError(f"{file} cannot be read", hint="name an import file or its zip") from None
    with zipfile.ZipFile(file) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        roots = [name for name in sizes if "/" not in name and name.endswith(".jsonl")]
        if not roots:
            return ["the zip has no .jsonl file at its top"]
        with archive.open(roots[0]) as entry:
            return Checker(sizes, present, most_text).run(entry)


def refuse(file: Path, present: Present = NOTHING, most_text: int = MAX_TEXT) -> None:
    """Raises ItemsFailed where `check` finds anything: nothing of this file may reach a server."""
    if problems := check(file, present, most_text):
        raise ItemsFailed(
            f"{file.name} would not be taken by the server: {problems[0]} ({len(problems)} problems)",
            hint=f"this is our bug: please report the output of `slack-migrator mattermost check {file.name}`",
        )


class Checker:
    """One file. `entries`: the zip's members and their sizes (None: a bare JSONL, whose files are not looked for)."""

    def __init__(
        self, entries: Mapping[str, int] | None, present: Present = NOTHING, most_text: int = MAX_TEXT
    ) -> None:
        self.entries, self.present, self.most_text = entries, present, most_text
        self.problems: list[str] = []
        self.line = 0
        self.types: list[str] = []
        self.humans: set[str] = {a.username for a in present.accounts.values() if not a.bot}
        self.names: dict[str, set[str]] = {kind: set() for kind in ("team", "channel", "user", "bot", "emoji")}
        self.emails = {a.email.lower() for a in present.accounts.values() if a.email}
        self.times: dict[str, set[int]] = {}
        self.followers: list[int] = []
        self._check: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "team": self._team,
            "channel": self._channel,
            "user": self._user,
            "bot": self._bot,
            "emoji": self._emoji,
            "post": self._post,
            "direct_channel": self._direct_channel,
            "direct_post": self._direct_post,
        }

    def run(self, body: BinaryIO | Any) -> list[str]:
        for number, raw in enumerate(_lines(body), 1):
            self.line = number
            self._line(raw)
        if not self.line:
            self._bad("", "the file is empty")
        return self.problems

    def _bad(self, where: str, why: str) -> None:
        if len(self.problems) < SHOWN:
            self.problems.append(f"line {self.line}: {where}{': ' if where else ''}{why}")

    # ── a line ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _line(self, raw: bytes) -> None:
        if len(raw) > MAX_LINE:
            return self._bad("", f"longer than {MAX_LINE} bytes")
        if not raw.strip():
            return self._bad("", "blank")
        try:
            content = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._bad("", "not JSON (or it begins with a byte order mark)")
        kind = content.get("type") if isinstance(content, dict) else None
        if kind not in TYPES:
            return self._bad("type", f"unknown: {str(kind)[:40]!r}")
        if self.line == 1:
            if kind != "version" or content.get("version") != 1:
                self._bad("", "the first line must be version 1")
            return None
        if kind == "version":
            return self._bad("", "a second version line: the server's import queue would hang for ever")
        inner = content.get(kind)
        if not isinstance(inner, dict):
            return self._bad(kind, "the object is missing: the server's process would die")
        if "\\u0000" in raw.decode("utf-8", "replace") and _has_nul(inner):
            self._bad(kind, "a NUL character")
        if not self.types or self.types[-1] != kind:
            if kind in self.types:
                self._bad("type", f"{kind} lines are not together")
            self.types.append(kind)
        if why := misfit(kind, inner):
            return self._bad(kind, why)
        checker = self._check.get(kind)
        return checker(inner) if checker else None

    def _text(self, of: Mapping[str, Any], name: str, where: str, most: int = 0, *, needed: bool = False) -> str:
        value = of.get(name)
        if value is None:
            if needed:
                self._bad(f"{where}.{name}", "missing")
            return ""
        text: str = value
        if most and len(text) > most:
            self._bad(f"{where}.{name}", f"{len(text)} characters, {most} at most")
        return text

    def _bytes(self, of: Mapping[str, Any], name: str, where: str, most: int) -> None:
        """Some lengths are counted in bytes of UTF-8."""
        if (length := len(str(of.get(name) or "").encode("utf-8", "replace"))) > most:
            self._bad(f"{where}.{name}", f"{length} bytes, {most} at most")

    def _scheme(self, of: Mapping[str, Any], where: str) -> None:
        if (name := of.get("scheme")) is not None and not _SCHEME.fullmatch(name):
            self._bad(f"{where}.scheme", f"{name[:80]!r} is not the name of a scheme")

    def _once(self, kind: str, name: str) -> None:
        if name in self.names[kind]:
            self._bad(kind, f"{name} twice")
        self.names[kind].add(name)

    def _items(self, of: Mapping[str, Any], name: str, where: str) -> Iterable[Mapping[str, Any]]:
        value = of.get(name) or []
        if None in value:
            self._bad(f"{where}.{name}", "nothing in the place of an object")
        return [item for item in value if item is not None]

    def _lower(self, name: str, where: str) -> None:
        if name != name.lower():
            self._bad(where, f"{name[:80]} is not lower case")

    def _known(self, name: str, where: str) -> None:
        """A user who is in this file or on the server; a file of posts alone is not asked."""
        if self.names["user"] or self.names["bot"]:
            known = name in self.names["user"] or name in self.names["bot"] or name in self.present.accounts
            if not known:
                self._bad(where, f"{name[:80]} is nobody")

    def _file(self, path: str | None, where: str) -> int:
        """The size of a file named by a line; 0 where there is no zip to look into."""
        if not path:
            self._bad(where, "no path")
        elif ".." in path.split("/"):
            self._bad(where, "leads out of the zip's data folder")
        elif self.entries is not None:
            if f"data/{path}" not in self.entries:
                self._bad(where, f"data/{path[:120]} is not in the zip")
            return self.entries.get(f"data/{path}", 0)
        return 0

    # ── entities ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _team(self, team: Mapping[str, Any]) -> None:
        name = self._text(team, "name", "team", 64, needed=True)
        if not is_team_name(name):
            self._bad("team.name", f"{name[:80]!r} is not a team name, or a reserved one")
        self._bytes(team, "description", "team", 255)
        self._scheme(team, "team")
        if not self._text(team, "display_name", "team", 64, needed=True):
            self._bad("team.display_name", "empty")
        if team.get("type") not in ("O", "I"):
            self._bad("team.type", "neither O nor I")
        self._once("team", name)

    def _channel(self, channel: Mapping[str, Any]) -> None:
        name = self._text(channel, "name", "channel", 64, needed=True)
        self._lower(self._text(channel, "team", "channel", needed=True), "channel.team")
        if not is_channel_name(name):
            self._bad("channel.name", f"{name[:80]!r} is not a channel name")
        self._text(channel, "display_name", "channel", 64)
        self._text(channel, "header", "channel", 1024)
        self._text(channel, "purpose", "channel", 250)
        self._scheme(channel, "channel")
        if channel.get("type") not in ("O", "P"):
            self._bad("channel.type", "neither O nor P")
        if (there := self.present.channels.get(name)) and there.archived:
            self._bad("channel", f"{name} is archived on the server already: the import would stop here")
        self._once("channel", name)

    def _username(self, of: Mapping[str, Any], where: str, field: str = "username") -> str:
        name = self._text(of, field, where, needed=True)
        if not USERNAME.fullmatch(name) or name in _RESERVED:
            self._bad(f"{where}.{field}", f"{name[:80]!r} is not a username")
        return name

    def _user(self, user: Mapping[str, Any]) -> None:
        name = self._username(user, "user")
        self._once("user", name)
        if name in self.names["bot"]:
            self._bad("user", f"{name} is a bot of this file")
        if name in self.present.accounts:
            self._bad("user", f"{name} is there already: the line would take their password and rights")
        email = self._text(user, "email", "user", needed=True)
        self._bytes(user, "email", "user", 128)
        if not _EMAIL.fullmatch(email):
            self._bad("user.email", "not an address")
        elif email.lower() in self.emails:
            self._bad("user.email", "the address of somebody else")
        self.emails.add(email.lower())
        for field, most in (("nickname", 64), ("first_name", 64), ("last_name", 64), ("position", 128)):
            self._text(user, field, "user", most)
        for where, why in person_problems(user):
            self._bad(where, why)
        if "profile_image" in user:
            self._file(user["profile_image"], "user.profile_image")
        for team in self._items(user, "teams", "user"):
            self._text(team, "name", "user.teams", needed=True)
            seen: set[str] = set()
            for channel in self._items(team, "channels", "user.teams"):
                place = self._text(channel, "name", "user.teams.channels", needed=True)
                if place in seen:
                    self._bad("user.teams.channels", f"{place} twice")
                if self.names["channel"] and place not in self.names["channel"] | set(self.present.channels):
                    self._bad("user.teams.channels", f"{place} is no channel")
                seen.add(place)

    def _bot(self, bot: Mapping[str, Any]) -> None:
        name = self._username(bot, "bot")
        self._once("bot", name)
        if name in self.humans or name in self.names["user"]:
            self._bad("bot", f"{name} is a person: the server's process would die")
        self._username(bot, "bot", "owner")
        self._text(bot, "display_name", "bot", 64)
        if "profile_image" in bot:
            self._file(bot["profile_image"], "bot.profile_image")

    def _emoji(self, emoji: Mapping[str, Any]) -> None:
        name = self._text(emoji, "name", "emoji", 64, needed=True)
        if not EMOJI_NAME.fullmatch(name):
            self._bad("emoji.name", f"{name[:80]!r} is not an emoji name")
        elif is_name(name):
            self._bad("emoji.name", f"{name} is one of the server's own: the image would be left out without a word")
        self._once("emoji", name)
        if self._file(emoji.get("image"), "emoji.image") > EMOJI_BYTES:
            self._bad("emoji.image", f"over {EMOJI_BYTES} bytes")

    # ── posts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _post(self, post: Mapping[str, Any]) -> None:
        for name in ("team", "channel"):
            self._lower(self._text(post, name, "post", needed=True), f"post.{name}")
        channel = str(post.get("channel"))
        if self.names["channel"] and channel not in self.names["channel"] | set(self.present.channels):
            self._bad("post.channel", f"{channel[:80]} is no channel")
        self._whole_post(post, "post", f"{post.get('team')}/{channel}")

    def _direct_channel(self, channel: Mapping[str, Any]) -> None:
        members, taking_part = channel.get("members"), channel.get("participants")
        if members is None and taking_part is None:
            self._bad("direct_channel.members", "missing")
        names = [self._text(p, "username", "direct_channel.participants", needed=True) for p in taking_part or ()]
        if members is not None:
            self._members(members, "direct_channel.members")
        if taking_part is not None:
            self._members(names, "direct_channel.participants")
        self._among(channel, "favorited_by", "direct_channel", {*names, *(members or ())})
        self._text(channel, "header", "direct_channel", 1024)

    def _direct_post(self, post: Mapping[str, Any]) -> None:
        members = post.get("channel_members")
        self._members(members, "direct_post.channel_members")
        self._among(post, "flagged_by", "direct_post", {*(members or ())})
        self._whole_post(post, "direct_post", ",".join(sorted(map(str, members or ()))))

    def _among(self, of: Mapping[str, Any], name: str, where: str, members: Collection[str]) -> None:
        for somebody in of.get(name) or ():
            if somebody not in members:
                self._bad(f"{where}.{name}", f"{str(somebody)[:80]} is no member")

    def _members(self, members: list[str] | None, where: str) -> None:
        if members is None or None in members:
            return self._bad(where, "not a list of names")
        if len(members) not in range(2, 9):
            self._bad(where, f"{len(members)} members; a direct channel has 2 to 8")
        if len(members) > 2 and len(set(members)) != len(members):
            self._bad(where, "somebody twice")
        for name in members:
            self._known(name, where)
        return None

    def _whole_post(self, post: Mapping[str, Any], where: str, channel: str) -> None:
        root = self._one_post(post, where, channel, 0)
        replies = list(self._items(post, "replies", where))
        if len(replies) > MAX_REPLIES:
            self._bad(f"{where}.replies", f"{len(replies)}; one line takes {MAX_REPLIES}")
        for reply in replies:
            self._one_post(reply, f"{where}.replies", channel, root)
        followers = [
            self._text(f, "user", f"{where}.thread_followers", needed=True)
            for f in self._items(post, "thread_followers", where)
        ]
        if "" in followers:
            self._bad(f"{where}.thread_followers.user", "empty")
        if len(set(followers)) != len(followers):
            self._bad(f"{where}.thread_followers", "somebody twice")
        for name in followers:
            self._known(name, f"{where}.thread_followers")
        self.followers.append(len(followers))
        if len(self.followers) > BATCH:
            self.followers.pop(0)
        if followers and sum(self.followers) > MAX_FOLLOWERS:
            self._bad(f"{where}.thread_followers", f"over {MAX_FOLLOWERS} in {BATCH} lines")

    def _one_post(self, post: Mapping[str, Any], where: str, channel: str, root: int) -> int:
        user = self._text(post, "user", where, needed=True)
        self._lower(user, f"{where}.user")
        self._known(user, f"{where}.user")
        self._text(post, "message", where, self.most_text, needed=True)
        time = post.get("create_at")
        if not time:
            self._bad(f"{where}.create_at", "not a time in milliseconds")
            time = 0
        elif root and time < root:
            self._bad(f"{where}.create_at", "before its root: each import would add one more copy")
        elif time in self.times.setdefault(channel, set()):
            self._bad(f"{where}.create_at", f"{time} twice in one channel: a post could take another one's author")
        self.times.setdefault(channel, set()).add(time)
        kind = self._text(post, "type", where, MAX_TYPE)
        if kind not in POST_TYPES and not kind.startswith("custom_"):
            self._bad(f"{where}.type", f"{kind[:40]!r} is unknown to the server")
        props = post.get("props") or {}
        if _go_length(props) > MAX_PROPS:
            self._bad(f"{where}.props", f"over {MAX_PROPS} characters")
        self._reactions(post, where, time)
        attachments = list(self._items(post, "attachments", where))
        if len(attachments) > FILES_PER_POST:
            self._bad(f"{where}.attachments", f"{len(attachments)}; a post has {FILES_PER_POST} at most")
        for attachment in attachments:
            self._file(attachment.get("path"), f"{where}.attachments")
        for name in post.get("flagged_by") or ():
            self._lower(name or "", f"{where}.flagged_by")
            self._known(name or "", f"{where}.flagged_by")
        return time

    def _reactions(self, post: Mapping[str, Any], where: str, time: int) -> None:
        seen: set[tuple[str, str]] = set()
        for reaction in self._items(post, "reactions", where):
            user = self._text(reaction, "user", f"{where}.reactions", needed=True)
            name = self._text(reaction, "emoji_name", f"{where}.reactions", needed=True)
            self._known(user.lower(), f"{where}.reactions.user")
            if not EMOJI_NAME.fullmatch(name):
                self._bad(f"{where}.reactions.emoji_name", f"{name[:80]!r} is not an emoji name")
            at = reaction.get("create_at")
            if not at or at < time:
                self._bad(f"{where}.reactions.create_at", "before its post")
            if (user, name) in seen:
                self._bad(f"{where}.reactions", f"{user} reacts twice with {name}")
            seen.add((user, name))


def _go_length(value: object) -> int:
    """Characters of a value as Go writes it as JSON: what HTML takes for markup takes six."""
    text = msgspec.json.encode(value).decode()
    return len(text) + 5 * sum(map(text.count, "<>&\u2028\u2029"))


def _lines(body: BinaryIO) -> Iterator[bytes]:
    """Lines without their end; one that is too long comes cut, so that it cannot fill the memory."""
    while raw := body.readline(MAX_LINE + 2):
        yield raw.rstrip(b"\r\n")


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(k) or _has_nul(v) for k, v in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
