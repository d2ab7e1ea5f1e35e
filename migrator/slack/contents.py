"""What lies where in one archive: indexes, folders of day files, uploads, avatars. slack-format.md 1-3.

Looks at names; only where a name tells nothing (a JSON file that is neither an index nor a day) it looks at the first
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from posixpath import basename, dirname

from msgspec import Struct, field

from migrator.slack.names import is_day

__all__ = ["KINDS", "Contents", "contents_of"]

# Kinds of index: what `Layout.index` may be asked for. The file is "<kind>.json" in the export's or a workspace's root.
KINDS = (
    "users",
    "org_users",
    "channels",
    "groups",
    "mpims",
    "dms",
    "file_conversations",
    "canvases",
    "integration_logs",
    "huddle_transcripts",
    "lists",
    "content_flags",
    "emoji",
    "usergroups",
    "workspace",
)
_ROOTS = ("users.json", "org_users.json", "channels.json", "groups.json", "mpims.json", "dms.json")
_CANVAS = "canvas_in_the_conversation.json"
_FILE = re.compile(r"(F[A-Z0-9]{6,})-")
_FILE_ID = re.compile(r"F[A-Z0-9]{6,}")
_CONVERSATION = re.compile(r"([CDG][A-Z0-9]{6,})(?:-(\d+\.\d+))?")
_MESSAGES = re.compile(rb'\s*(?:\{.*?"messages"\s*:\s*\[|\[\s*\{.*?"ts"\s*:)', re.DOTALL)

Head = Callable[[str], bytes]


class Contents(Struct):
    """`indexes`: kind -> (scope, member). `folders`: (scope, name) -> members with message records, days in order.

    A scope is the folder of an export within the archive: "" or, in a Grid, "teams/acme/".
    """

    indexes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    folders: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    avatars: dict[str, str] = field(default_factory=dict)
    database: str = ""
    chunks: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        return bool(self.indexes or self.folders or self.database or self.chunks)


def contents_of(names: Sequence[str], head: Head) -> Contents:
    """Sort the members of an archive. `head` gives the first bytes of a member (b"" where it cannot be read)."""
    out = Contents()
    scopes = {n.removesuffix(basename(n)) for n in names if n.endswith(_ROOTS) and basename(n) in _ROOTS} | {""}
    days: dict[str, list[str]] = {}  # folder -> its day files, as far as they were sorted
    for name in names:
        folder, _, base = name.rpartition("/")
        if folder in days and is_day(base):  # as nearly all members are
            days[folder].append(name)
        elif (placed := _place(name, folder, base, scopes, head, out)) is not None:
            days[folder] = placed
    return out


def _place(name: str, folder: str, base: str, scopes: set[str], head: Head, out: Contents) -> list[str] | None:
    """Sort in one member. A list: it is a day file, and all others of its folder belong there too."""
    if _is_upload(name, folder, base, out):
        return None
    if base == "slackdump.sqlite":
        out.database = out.database or name
    elif base.endswith(".json.gz"):
        out.chunks.append(name)
    elif base == _CANVAS:
        out.indexes.setdefault("canvases", []).append((_scope(folder, scopes), name))
    elif is_day(base) and folder:
        days = out.folders.setdefault((_scope(folder, scopes), folder), [])
        days.append(name)
        return days
    elif base.endswith(".json"):
        _place_json(name, folder, base.removesuffix(".json"), scopes, head, out)
    return None


def _place_json(name: str, folder: str, stem: str, scopes: set[str], head: Head, out: Contents) -> None:
    inside = f"{folder}/" if folder else ""
    if inside in scopes and stem in KINDS:
        out.indexes.setdefault(stem, []).append((inside, name))
    elif match := _CONVERSATION.fullmatch(stem):
        out.folders.setdefault((_scope(folder, scopes), inside + match[1]), []).append(name)
    elif stem not in KINDS and _MESSAGES.match(head(name)):
        # a page of an API response, kept in its channel's folder or as a file of the channel's name
        out.folders.setdefault((_scope(folder, scopes), folder if inside not in scopes else name[:-5]), []).append(name)
    else:
        out.unknown.append(name)


def _scope(folder: str, scopes: set[str]) -> str:
    """The deepest scope that this folder lies in."""
    while folder:
        folder = dirname(folder)
        if (scope := f"{folder}/" if folder else "") in scopes:
            return scope
    return ""


def _is_upload(name: str, folder: str, base: str, out: Contents) -> bool:
    parts = folder.split("/") if folder else []
    for special, places in (("__uploads", out.uploads), ("__avatars", out.avatars)):
        if special in parts:
            at = parts.index(special) + 1
            id_ = parts[at] if at < len(parts) else base.partition("-")[0]
            if special == "__avatars" or _FILE_ID.fullmatch(id_):
                places.setdefault(id_, name)
            return True
    if "attachments" in parts or (parts and _CONVERSATION.fullmatch(parts[-1])):
        if match := _FILE.match(base):
            out.uploads.setdefault(match[1], name)
            return True
        return "attachments" in parts
    return False
