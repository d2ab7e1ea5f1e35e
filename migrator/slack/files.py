"""Files of both eras and all modes -> model. slack-format.md 12.

Bytes lie in the export (local copies by file id), or behind an address that may hold a token, or are gone for good. A
local copy that is empty, or a sign-in page in place of the file, is no copy.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol
from urllib.parse import urlsplit, urlunsplit

from migrator.model import Bytes, File, FileMode, Local, Missing, Remote
from migrator.slack.damage import Damaged
from migrator.slack.wire import FileRecord

__all__ = ["Files", "Store", "tokenless"]

_MODES = {
    "hosted": FileMode.HOSTED,
    "snippet": FileMode.SNIPPET,
    "space": FileMode.POST,
    "post": FileMode.POST,
    "quip": FileMode.CANVAS,
    "canvas": FileMode.CANVAS,
    "list": FileMode.LIST,
    "email": FileMode.EMAIL,
    "external": FileMode.EXTERNAL,
    "tombstone": FileMode.DELETED,
    "hidden_by_limit": FileMode.OVER_LIMIT,
}
_GONE = {
    FileMode.DELETED: "deleted",
    FileMode.OVER_LIMIT: "beyond the free plan's limit",
    FileMode.DENIED: "not visible to whoever made the export",
}
_NAMES = {
    FileMode.DELETED: "deleted file",
    FileMode.OVER_LIMIT: "file beyond the free plan's limit",
    FileMode.DENIED: "file that cannot be seen",
}
_DENIED = frozenset({"access_denied", "file_not_found", "check_file_info"})
_SNIFF = 512


class Store(Protocol):
    """Where local copies lie: file id -> member, and their bytes (a `Layout`)."""

    uploads: dict[str, str]

    def size(self, member: str) -> int: ...
    def open(self, member: str) -> BinaryIO: ...


class Files:
    """Makes model files; remembers per file id what its local copy turned out to be."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._checked: dict[str, Bytes] = {}

    def make(self, record: FileRecord, number: int, *, reshared: bool = False) -> File:
        """`number`: the place of the record in its message, to name one that has no id."""
        mode = _mode(record)
        file_id = record.id or record.permalink or f"{record.name or 'file'}-{number}"
        name = record.name or record.title or _NAMES.get(mode, "file")
        return File(
            id=file_id,
            name=name,
            mode=mode,
            data=self._bytes(record, mode),
            title=record.title or "",
            mime=record.mimetype or "",
            size=max(record.size or 0, 0),
            owner=record.user or "",
            created=record.created or record.timestamp or 0,
            link=_link(record, mode),
            alt=record.alt_txt or "",
            text=record.plain_text or (record.preview or "" if mode is FileMode.SNIPPET else ""),
            width=max(record.original_w or 0, 0),
            height=max(record.original_h or 0, 0),
            duration=max(record.duration_ms or 0, 0),
            reshared=reshared,
        )

    def _bytes(self, record: FileRecord, mode: FileMode) -> Bytes:
        if record.id and record.id in self._store.uploads:
            found = self._checked.get(record.id)
            if found is None:
                found = self._checked[record.id] = self._check(record)
            if isinstance(found, Local):
                return found
        else:
            found = None
        if mode in _GONE:
            return Missing(_GONE[mode])
        url = record.url_private_download or record.url_private or record.list_csv_download_url or ""
        if mode is FileMode.EXTERNAL:
            return Missing("lives elsewhere: only its address is known")
        if url.startswith(("https://", "http://")):
            return Remote(url)
        return found or Missing("not in the export")

    def _check(self, record: FileRecord) -> Bytes:
        store, member = self._store, self._store.uploads[record.id or ""]
        try:
            size = store.size(member)
            with store.open(member) as stream:
                head = stream.read(_SNIFF).lstrip().lower()
        except (Damaged, OSError, KeyError):
            return Missing("the copy in the export cannot be read")
        if not size and record.size:
            return Missing("the copy in the export is empty")
        if head.startswith((b"<!doctype html", b"<html")) and not _is_page(record):
            return Missing("the copy in the export is a sign-in page")
        return Local(member, size)


def _is_page(record: FileRecord) -> bool:
    return "html" in (record.mimetype or "") or record.mode in ("quip", "canvas", "space", "post", "email")


def _mode(record: FileRecord) -> FileMode:
    if record.is_hidden_by_limit:
        return FileMode.OVER_LIMIT
    if record.file_access in _DENIED and not (record.url_private or record.url_private_download):
        return FileMode.DENIED
    if mode := _MODES.get(record.mode or ""):
        return mode
    return FileMode.EXTERNAL if record.is_external else FileMode.HOSTED


def _link(record: FileRecord, mode: FileMode) -> str:
    if mode is FileMode.EXTERNAL:
        return tokenless(record.external_url or record.url_private or record.permalink or "")
    return tokenless(record.permalink or "")


def tokenless(url: str) -> str:
    """An address without what Slack's export appends to grant access (?t=xoxe-…, ?token=xoxe-…)."""
    if "xox" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    kept = [piece for piece in parts.query.split("&") if "xox" not in piece]
    bare = urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(kept), ""))
    return "" if "xox" in bare else bare
