"""The memory of a run: an intent before each act, a receipt after it (SQLite, in the run folder).

A restart knows three kinds of things: done (a receipt), never begun (no row), and in doubt (an intent without a
receipt: the act may or may not have landed). Only the target can tell about the third kind, so the engine asks `find`
before it sends again. Receipts alone gave 130 duplicates in 136 kills; intents and `find` gave none.

Intents are written in batches and reach the disk (synchronous=FULL) before the first act; receipts are cheap
(synchronous=NORMAL): one lost to a power cut is only a doubt more.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from migrator.adapters.base import Key, Kind, RemoteId
from migrator.errors import RunLocked, UsageError

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    within TEXT NOT NULL DEFAULT '',   -- remote id of the conversation, for `find`
    remote TEXT,                       -- NULL: intent without receipt
    digest TEXT NOT NULL DEFAULT '',
    failed TEXT,                       -- why the target refused it for good
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (   -- posts that show a link to a message which was not there yet
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (source, target)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS doubts ON items (kind, key) WHERE remote IS NULL AND failed IS NULL;
"""


class Journal:
    """One per run folder, used by one process at a time (`RunLocked`). Close it, or use it as a context manager."""

    def __init__(self, path: Path | None) -> None:
        """`path` None: in memory, for a dry run that leaves nothing behind."""
        self._lock, self._idle = None, 0.0
        if path is not None:
            path.touch(mode=0o600, exist_ok=True)
            self._lock = _take_lock(path.with_suffix(".lock"))
            wal = path.with_name(path.name + "-wal")
            self._idle = time.time() - (wal if wal.exists() else path).stat().st_mtime
        self._path, self._owner = path, os.getpid()
        self._connections = [sqlite3.connect(path or ":memory:", isolation_level=None)]
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        version = self.bind("schema", str(SCHEMA_VERSION))
        if version != str(SCHEMA_VERSION):
            raise UsageError(
                f"the journal was written by another version of slack-migrator (schema {version})",
                hint="use the version that wrote it, or a new folder with --run",
            )
        self._blank = self._db.execute("SELECT 1 FROM items LIMIT 1").fetchone() is None  # nothing was ever done

    @property
    def _db(self) -> sqlite3.Connection:
        """A forked process reads through a connection of its own, and lets its parent's lie: SQLite's rule."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            if self._path is not None:
                self._connections.append(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True))
        return self._connections[-1]

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Flush everything and let the next process in."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)

    # ── what the run is bound to ────────────────────────────────────────────────────────────────────────────────────

    def bind(self, name: str, value: str) -> str:
        """Store a value once; afterwards returns the stored one, whatever is given."""
        self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, value))
        return self.meta(name)

    def meta(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # ── before and after an act ─────────────────────────────────────────────────────────────────────────────────────

    def intend(self, items: Iterable[tuple[Kind, Key, str]], within: RemoteId = "") -> None:
        """Write intents (kind, key, digest) of what has no receipt; returns when they are on the disk."""
        rows = [(kind, key, digest, within) for kind, key, digest in items]
        if not rows:
            return
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT OR IGNORE INTO items (kind, key, digest, within) VALUES (?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA synchronous=NORMAL")

    def done(self, kind: Kind, key: Key, remote: RemoteId, digest: str | None = None) -> None:
        """Write a receipt, with or without an intent before it; `digest` None keeps the intent's."""
        self._blank = False
        self._db.execute(
            "INSERT INTO items (kind, key, remote, digest) VALUES (?, ?, ?, coalesce(?, '')) ON CONFLICT (kind, key) "
            "DO UPDATE SET remote = excluded.remote, digest = coalesce(?, digest), failed = NULL",
            (kind, key, remote, digest, digest),
        )

    def fail(self, kind: Kind, key: Key, reason: str) -> None:
        """The target will never take this one. A later run tries it again."""
        self._db.execute(
            "INSERT INTO items (kind, key, failed) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO "
            "UPDATE SET failed = excluded.failed WHERE remote IS NULL",
            (kind, key, reason),
        )

    def forget(self, kind: Kind, key: Key) -> None:
        """An intent that `find` did not confirm: it never happened."""
        self._db.execute("DELETE FROM items WHERE kind = ? AND key = ? AND remote IS NULL", (kind, key))

    def forget_failures(self) -> None:
        """Give what failed in an earlier run another chance."""
        self._db.execute("DELETE FROM items WHERE failed IS NOT NULL AND remote IS NULL")

    # ── links to messages that come later ───────────────────────────────────────────────────────────────────────────

    def await_links(self, source: Key, targets: Iterable[Key]) -> None:
        """Remember that a message about to be sent links to messages that are not on the target yet."""
        self._db.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", [(source, target) for target in targets])

    def linkable(self) -> list[Key]:
        """Messages of which at least one awaited link can be made now."""
        rows = self._db.execute(
            "SELECT DISTINCT source FROM links JOIN items ON kind = ? AND key = target AND remote IS NOT NULL "
            "ORDER BY source",
            (Kind.POST,),
        )
        return [source for (source,) in rows]

    def linked(self, source: Key) -> None:
        """The links of this message that can be made have been made."""
        self._db.execute(
            "DELETE FROM links WHERE source = ? AND target IN "
            "(SELECT key FROM items WHERE kind = ? AND remote IS NOT NULL)",
            (source, Kind.POST),
        )

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def remote(self, kind: Kind, key: Key) -> RemoteId | None:
        if self._blank:  # a first run asks for everybody and everything
            return None
        row = self._db.execute("SELECT remote FROM items WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return row[0] if row else None

    def digest(self, kind: Kind, key: Key) -> str | None:
        """The digest of something done; None where it is not done."""
        row = self._db.execute(
            "SELECT digest FROM items WHERE kind = ? AND key = ? AND remote IS NOT NULL", (kind, key)
        ).fetchone()
        return row[0] if row else None

    def doubts(self) -> list[tuple[Kind, Key, RemoteId]]:
        """Intents without receipt: kind, key, and the conversation they belong to ("" for entities)."""
        rows = self._db.execute("SELECT kind, key, within FROM items WHERE remote IS NULL AND failed IS NULL")
        return [(Kind(kind), key, within) for kind, key, within in rows]

    def all(self, kind: Kind) -> Iterator[tuple[Key, RemoteId, str]]:
        """Everything done of a kind, in key order: key, remote id, digest."""
        yield from self._db.execute(
            "SELECT key, remote, digest FROM items WHERE kind = ? AND remote IS NOT NULL ORDER BY key", (kind,)
        )

    def of_conversation(self, kind: Kind, conversation: str) -> dict[Key, tuple[RemoteId, str]]:
        """What is done of a conversation's posts or reactions: key to (remote id, digest)."""
        low, high = f"{conversation}/", f"{conversation}0"  # "0" follows "/" in ASCII
        rows = self._db.execute(
            "SELECT key, remote, digest FROM items WHERE kind = ? AND key > ? AND key < ? AND remote IS NOT NULL",
            (kind, low, high),
        )
        return {key: (remote, digest) for key, remote, digest in rows}

    def failures(self) -> list[tuple[Kind, Key, str]]:
        rows = self._db.execute("SELECT kind, key, failed FROM items WHERE failed IS NOT NULL ORDER BY kind, key")
        return [(Kind(kind), key, reason) for kind, key, reason in rows]

    def counts(self) -> dict[Kind, int]:
        rows = self._db.execute("SELECT kind, count(*) FROM items WHERE remote IS NOT NULL GROUP BY kind")
        return {Kind(kind): count for kind, count in rows}

    def idle_seconds(self) -> float:
        """How long ago an earlier process last wrote here."""
        return self._idle

    @property
    def serial(self) -> str:
        """Changes with every act: a plan made before is stale after."""
        done, doubts = self._db.execute("SELECT count(remote), count(*) - count(remote) FROM items").fetchone()
        return f"{done}.{doubts}"


def _take_lock(path: Path) -> int:
    """An advisory lock that dies with its process; the file names the holder for the message."""
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(handle)
        raise RunLocked(
            f"process {holder} is working in {path.parent.name}",
            hint="wait until it ends, or give this move a folder of its own with --run DIR",
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
