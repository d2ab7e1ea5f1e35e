"""Names of members: what is safe, what is junk, what encloses an export. slack-format.md 3 and 4.

Nothing is ever unpacked to the disk under a member's name, so names that only a file system would mind (CON, a trailing
dot) are fine. What is refused could only have been made to mislead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["INDEXES", "enclosing", "is_day", "is_junk", "unsafe"]

is_day = re.compile(r"\d{4}-\d\d-\d\d\.json").fullmatch  # asked of a file's name without its folder
INDEXES = frozenset(
    {"channels", "groups", "mpims", "dms", "users", "org_users", "file_conversations", "integration_logs"}
)
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_JUNK = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX", ".git", ".svn"})
_LONGEST = 4096


def unsafe(name: str, depth: int) -> str:
    """Why a name must not be used; "" where it is fine."""
    if "\0" in name:
        return "its name holds a NUL"
    if name.startswith(("/", "\\")):
        return "its name is an absolute path"
    if _DRIVE.match(name):
        return "its name begins with a drive letter"
    parts = name.split("/")
    if ".." in parts or ("\\" in name and ".." in name.split("\\")):
        return "its name leads out of the archive"
    if len(parts) > depth:
        return f"it lies more than {depth} folders deep"
    if len(name) > _LONGEST:
        return "its name is too long"
    return ""


def is_junk(name: str) -> bool:
    """What file managers leave behind."""
    parts = name.split("/")
    return parts[-1].startswith("._") or not _JUNK.isdisjoint(parts)


def _is_root_mark(name: str) -> bool:
    """Whether a file of this name stands in the root of an export, and nowhere else."""
    stem, _, ending = name.partition(".")
    return (ending in ("json", "json.gz") and stem in INDEXES) or name == "slackdump.sqlite"


def enclosing(names: Iterable[str]) -> str:
    """The folder within which the export lies ("" or "some/folder/"), for zips and folders that were packed by hand.

    It is the one folder that holds an index file or, where there is none, folders of day files.
    """
    marked: set[str] = set()
    days: set[str] = set()
    for name in names:
        folder, _, base = name.rpartition("/")
        if is_day(base):
            days.add(folder)
        elif _is_root_mark(base):
            marked.add(_prefix(folder))
    if "" in marked:
        return ""
    days = {_prefix(folder.rpartition("/")[0]) for folder in days if folder}
    # A stray copy of an index in a channel's folder, and the workspaces of a Grid, lie below the root that is meant.
    roots = marked or days
    if not roots:
        return ""
    top = min(roots, key=lambda r: (r.count("/"), r))
    if top.endswith("teams/") or "/teams/" in f"/{top}":
        return top[: f"/{top}".rindex("/teams/")]
    if all(root.startswith(top) for root in roots | days):
        return top
    return _common(roots | days)


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""


def _common(folders: set[str]) -> str:
    """The deepest folder that holds them all."""
    first, last = min(folders), max(folders)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[: first.rfind("/", 0, same) + 1]
