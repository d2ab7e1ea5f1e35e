"""Files, pictures and emoji of the archive, with the lists that name them (facts/zulip.md 4.6)."""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from migrator.adapters.base import Source
from migrator.adapters.zulip.archive_people import Roster
from migrator.adapters.zulip.emoji import custom_name
from migrator.adapters.zulip.pictures import stand_in, suffix
from migrator.errors import SkipItem
from migrator.model import Bytes, File, FileId, Local

__all__ = ["Copies", "Copy", "Emoji", "Uploads", "put_avatars", "put_icon"]

CHUNK = 1 << 20
MAX_PICTURE = 5 << 20  # bytes of an avatar or emoji (facts 6.1)


class Copy(Struct, frozen=True):
    """A file that a conversation shows, and whose it is. `path`: where its bytes lie; "" where they cannot be read."""

    file: File
    owner: int
    path: str
    size: int


class Copies:
    """Copies files for whichever process meets them: each once in a process, however many messages show it."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder, self._source = folder, source
        self._made: dict[FileId, tuple[str, int]] = {}

    def make(self, file: File, owner: int) -> Copy:
        made = self._made.get(file.id)
        if made is None:
            made = self._made[file.id] = self._copy(file)
        return Copy(file, owner, *made)

    def _copy(self, file: File) -> tuple[str, int]:
        to = self._folder / f"file-{os.getpid()}-{len(self._made)}"
        try:
            with self._source.open(file) as body, to.open("wb") as out:
                shutil.copyfileobj(body, out, CHUNK)
                return str(to), out.tell()
        except SkipItem:
            to.unlink(missing_ok=True)
            return "", 0


class _Upload(Struct):
    number: int
    owner: int
    path: str
    name: str
    size: int
    created: float
    mime: str
    messages: array[int] = field(default_factory=lambda: array("q"))


class Uploads:
    """Files of messages, numbered in the order in which they are put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "uploads"
        self._folder.mkdir()
        self._uploads: dict[FileId, _Upload | None] = {}
        self.unreadable = 0

    def put(self, copy: Copy) -> None:
        """Move the bytes to their place, unless another copy is there."""
        file = copy.file
        if file.id in self._uploads:
            return
        number = len(self._uploads) + 1
        if not copy.path:
            self._uploads[file.id] = None
            self.unreadable += 1
            return
        path = f"1/{number % 256:02x}/{number}/{_safe(file.name or file.title, file.id)}"
        to = self._folder / path
        to.parent.mkdir(parents=True, exist_ok=True)
        Path(copy.path).rename(to)
        name = " ".join(file.name.split()) or file.id
        mime = file.mime or "application/octet-stream"
        self._uploads[file.id] = _Upload(number, copy.owner, path, name, copy.size, float(file.created), mime)

    def show(self, file: FileId, message: int) -> None:
        """Note that a message (by its number) shows the file."""
        if (upload := self._uploads.get(file)) is not None:
            upload.messages.append(message)

    def path(self, file: FileId) -> str | None:
        """Below /user_uploads/; None for a file that was never put, or whose bytes cannot be read."""
        upload = self._uploads.get(file)
        return upload.path if upload else None

    def finish(self, now: float, message_id: Callable[[int], int]) -> Iterator[dict[str, Any]]:
        """Write the list of files; yields rows of zerver_attachment."""
        there = [upload for upload in self._uploads.values() if upload is not None]
        _write_rows(
            self._folder,
            [
                {
                    "path": upload.path,
                    "s3_path": upload.path,
                    "realm_id": 1,
                    "user_profile_id": upload.owner,
                    "last_modified": upload.created or now,
                    "size": upload.size,
                    "content_type": upload.mime,
                }
                for upload in there
            ],
        )
        for upload in there:
            yield {
                "id": upload.number,
                "realm": 1,
                "owner": upload.owner,
                "path_id": upload.path,
                "file_name": upload.name,
                "size": upload.size,
                "create_time": upload.created or now,
                "messages": sorted({message_id(number) for number in upload.messages}),
                "scheduled_messages": [],
                "is_realm_public": None,  # the server works out who may see it (facts 4.6)
                "is_web_public": None,
                "content_type": upload.mime,
            }


class Emoji:
    """Custom emoji by their names on Zulip; one without a picture gets a grey square."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder, self._source = folder / "emoji", source
        self._folder.mkdir()
        self._names: dict[str, tuple[int, str]] = {}
        for name in source.workspace.emoji:
            self.put(name)

    def put(self, source_name: str) -> None:
        """Make an emoji, if it is not there."""
        name = custom_name(source_name)
        if name not in self._names:
            data = self._picture(source_name) or stand_in()
            file = f"{len(self._names) + 1}{suffix(data)}"
            (self._folder / file).write_bytes(data)
            self._names[name] = (len(self._names) + 1, file)

    def code(self, name: str) -> str:
        """What reactions call an emoji beside its name."""
        return str(self._names[name][0])

    def _picture(self, name: str) -> bytes | None:
        seen: set[str] = set()
        while name not in seen and (emoji := self._source.workspace.emoji.get(name)) is not None:
            seen.add(name)
            if not emoji.alias_of:
                return _read(self._source, emoji.image, name)
            name = emoji.alias_of
        return None

    def finish(self, author: int) -> list[dict[str, Any]]:
        """Write the list of pictures; returns zerver_realmemoji."""
        rows = [
            {
                "path": file,
                "s3_path": f"1/emoji/images/{file}",
                "realm_id": 1,
                "file_name": file,
                "name": name,
                "author": author,
            }
            for name, (_, file) in self._names.items()
        ]
        _write_rows(self._folder, rows)
        return [
            {"id": number, "realm": 1, "name": name, "file_name": file, "author": author, "deactivated": False}
            for name, (number, file) in self._names.items()
        ]


def put_avatars(folder: Path, source: Source, roster: Roster, now: float) -> set[int]:
    """Copy people's pictures; returns who has one."""
    place = folder / "avatars"
    place.mkdir()
    rows: list[dict[str, Any]] = []
    there: set[int] = set()
    for member in roster.members.values():
        data = _read(source, member.user.avatar, f"avatar:{member.user.id}")
        if data is None:
            continue
        path = f"{member.id}.original"
        (place / path).write_bytes(data)
        there.add(member.id)
        rows.append(
            {
                "path": path,
                "s3_path": f"1/{path}",
                "realm_id": 1,
                "user_profile_id": member.id,
                "avatar_version": 1,
                "last_modified": now,
                "content_type": _mime(data),
                "importer_should_thumbnail": True,
            }
        )
    _write_rows(place, rows)
    return there


def put_icon(folder: Path, image: bytes) -> None:
    """The organisation's picture."""
    place = folder / "realm_icons"
    place.mkdir()
    rows = []
    for name in ("icon.original", "icon.png"):
        (place / name).write_bytes(image)
        rows.append({"path": name, "s3_path": f"1/realm/{name}", "realm_id": 1, "content_type": _mime(image)})
    _write_rows(place, rows)


def _read(source: Source, data: Bytes | None, name: str) -> bytes | None:
    if not isinstance(data, Local) or data.size > MAX_PICTURE:
        return None
    try:
        with source.open(File(id=name, name=name, data=data, size=data.size)) as body:
            return body.read()
    except SkipItem:
        return None


def _write_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "records.json").write_bytes(msgspec.json.encode(rows))


def _mime(data: bytes) -> str:
    kinds = {".gif": "image/gif", ".jpg": "image/jpeg", ".webp": "image/webp", ".png": "image/png"}
    return kinds[suffix(data)]


def _safe(name: str, identity: str) -> str:
    """A file's name as it may stand in an address and on a disk: letters, digits, ".", "-" and "_"."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "_" for c in name)[-80:].strip("._")
    return kept or "".join(c for c in identity if c.isascii() and c.isalnum()) or "file"
