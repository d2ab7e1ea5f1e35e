"""slackdump's archive form: one SQLite file. slack-format.md 1.5.

The same thing stands there once per run that met it; the row of the highest CHUNK_ID counts. Only tables are read,
never views or triggers, and the schema is not trusted.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from msgspec import Raw

from migrator.errors import ExportError
from migrator.model import Loc
from migrator.slack.archive import Archive, FolderArchive
from migrator.slack.chunks import with_members
from migrator.slack.damage import Damaged
from migrator.slack.fronts import Place
from migrator.slack.records import Record

__all__ = ["Database"]

_AGAIN = "run slackdump again, or have it make an export: slackdump convert -f export"
_NEEDED = ("MESSAGE", "CHANNEL", "S_USER", "CHUNK")
# A conversation's own details (type 5) count before the list of all (type 4).
_LATEST = {
    "users": "SELECT DATA, MAX(CHUNK_ID) FROM S_USER GROUP BY ID ORDER BY ID",
    "channels": (
        "SELECT C.DATA, MAX(C.CHUNK_ID + (K.TYPE_ID = 5) * 4611686018427387904), C.ID FROM CHANNEL C"
        " JOIN CHUNK K ON K.ID = C.CHUNK_ID GROUP BY C.ID ORDER BY C.ID"
    ),
    "workspace": "SELECT DATA, CHUNK_ID FROM WORKSPACE ORDER BY CHUNK_ID",
    "canvases": "SELECT DATA, MAX(CHUNK_ID) FROM FILE WHERE MESSAGE_ID IS NULL GROUP BY ID ORDER BY ID",
}
_TABLE = {"users": "S_USER", "channels": "CHANNEL", "workspace": "WORKSPACE", "canvases": "FILE"}
_MESSAGES = "SELECT DATA, MAX(CHUNK_ID) FROM MESSAGE WHERE CHANNEL_ID = ? GROUP BY ID ORDER BY ID"


class Database:
    """An opened slackdump.sqlite. ExportError where it is none."""

    def __init__(self, archive: Archive, member: str) -> None:
        self._archive, self._member = archive, member
        self.notes: list[str] = []
        self._connection = sqlite3.connect(":memory:")
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        try:
            self._connection = self._connect()
            self._tables = {
                name
                for (name,) in self._connection.execute("SELECT upper(name) FROM sqlite_master WHERE type = 'table'")
            }
            if missing := [table for table in _NEEDED if table not in self._tables]:
                raise ExportError(f"{archive.path}: {member} has no table {missing[0]}", hint=_AGAIN)
            if "SESSION" in self._tables and self._one("SELECT COUNT(*) FROM SESSION WHERE NOT FINISHED"):
                self.notes.append(f"{member} was made by a run that did not finish: something may be missing")
        except sqlite3.Error:
            self.close()
            raise ExportError(f"{archive.path}: {member} is not a sound SQLite file", hint=_AGAIN) from None
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        path = self._on_disk()
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(self._archive.limits.member, 1 << 30))
        return connection

    def _on_disk(self) -> Path:
        """SQLite reads files only: a database in a zip, or one with changes still in its log, is copied aside first."""
        log = f"{self._member}-wal"
        logged = log in self._archive and self._archive.size(log) > 0
        if isinstance(self._archive, FolderArchive) and not logged:
            return self._archive.on_disk(self._member)
        self._temporary = tempfile.TemporaryDirectory(prefix="slack-migrator-")
        folder = Path(self._temporary.name)
        for name in [self._member, *([log] if logged else [])]:
            target = folder / ("db.sqlite" + name.removeprefix(self._member))
            try:
                with self._archive.open(name) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
            except Damaged as damaged:
                raise ExportError(f"{self._archive.path}: {name}: {damaged.reason}", hint=_AGAIN) from None
        if logged:
            writable = sqlite3.connect(folder / "db.sqlite")
            writable.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            writable.close()
        return folder / "db.sqlite"

    def _one(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def indexes(self, kind: str) -> Iterator[tuple[str, Record]]:
        if kind not in _LATEST or _TABLE[kind] not in self._tables:
            return
        members = self._members() if kind == "channels" else {}
        where = f"{self._member}#{_TABLE[kind]}"
        for number, row in enumerate(self._rows(_LATEST[kind])):
            if isinstance(row, Damaged):
                yield "", (Loc(where), row)
            else:
                yield "", (Loc(where, number), with_members(row[0], members.get(str(row[1]), [])))

    def _members(self) -> dict[str, list[str]]:
        members: dict[str, list[str]] = {}
        if "CHANNEL_USER" in self._tables:
            query = "SELECT CHANNEL_ID, USER_ID FROM CHANNEL_USER GROUP BY 1, 2 ORDER BY MIN(CHUNK_ID), MIN(IDX)"
            try:
                for conversation, user in self._connection.execute(query):
                    members.setdefault(str(conversation), []).append(str(user))
            except sqlite3.Error:
                self.notes.append(f"{self._member}: the members of conversations cannot be read")
        return members

    def places(self) -> Iterator[Place]:
        try:
            rows = self._connection.execute("SELECT DISTINCT CHANNEL_ID FROM MESSAGE ORDER BY 1").fetchall()
        except sqlite3.Error:
            raise ExportError(f"{self._archive.path}: {self._member} is not a sound SQLite file", hint=_AGAIN) from None
        for (conversation,) in rows:
            yield Place("", str(conversation), (f"{self._member}#{conversation}",))

    def records(self, member: str) -> Iterator[Record] | None:
        name, mark, conversation = member.rpartition("#")
        return self._messages(member, conversation) if mark and name == self._member else None

    def content(self, member: str) -> bytes | None:
        return None

    def _messages(self, member: str, conversation: str) -> Iterator[Record]:
        for number, row in enumerate(self._rows(_MESSAGES, conversation)):
            yield Loc(member, number), row if isinstance(row, Damaged) else row[0]

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Raw, object] | Damaged]:
        """(DATA, last column) of each row; one Damaged where the file breaks off."""
        try:
            for row in self._connection.execute(query, values):
                data = row[0].encode() if isinstance(row[0], str) else row[0]
                yield (Raw(data), row[-1]) if isinstance(data, bytes) else Damaged("its row holds no JSON")
        except (sqlite3.Error, UnicodeError, OverflowError):
            yield Damaged("the database is damaged here")

    def close(self) -> None:
        self._connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()
