"""Whether `manage.py import` would take a folder, row by row, without a server (facts/zulip.md 4.1-4.7).

Message files are read one after the other; of each message only its id is kept.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from migrator.adapters.zulip.check_rules import (
    ASKED_FOR,
    LISTS,
    MESSAGE,
    RECEIVED,
    RECIPIENT,
    STREAM,
    TABLES,
    USER,
    Table,
)
from migrator.adapters.zulip.people import is_address
from migrator.adapters.zulip.preflight import MAJORS, version_of

__all__ = ["check"]

SHOWN = 20  # problems told of one kind; the rest are counted
GROUP = 3
FLAGS = 0x1FFF
WORDS = ("sort_by_date", "import_source")  # what realm.json holds beside its tables
YEAR_10000 = 253_402_300_800
_UPLOAD = re.compile(r"/user_uploads/([^)\s]+)")
_EMOJI = re.compile(r"[0-9a-z_.-]*[0-9a-z]")
_HEX = re.compile(r"[0-9a-f]+(-[0-9a-f]+)*")
Row = dict[str, Any]


def check(folder: Path) -> list[str]:
    """Sentences, one for each thing that is wrong; empty for an archive that the server takes."""
    return _Check(folder).run()


class _Check:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self._told: Counter[str] = Counter()
        self.version, self.build = 0, ""
        self.ids: dict[str, set[int]] = {}
        self.messages = array("q")  # ids, sorted once all are read
        self.attached: dict[str, set[int]] = {}  # path to the messages whose text links to it
        self.recipients: dict[int, tuple[int, int]] = {}

    def run(self) -> list[str]:
        if not self.folder.is_dir():
            return ["not a folder: unpack it first"]
        self._status()
        realm = self._read("realm.json")
        if isinstance(realm, dict):
            self._realm(realm)
            self._message_files(bool(realm.get("sort_by_date")))
            self._late(realm)
            self._files(realm)
        for kind, count in self._told.items():
            if count > SHOWN:
                self.problems.append(f"{kind}: {count - SHOWN} more of this kind")
        return self.problems

    def _say(self, kind: str, text: str) -> None:
        self._told[kind] += 1
        if self._told[kind] <= SHOWN:
            self.problems.append(f"{kind}: {text}")

    def _read(self, name: str, *, required: bool = True) -> Any:
        path = self.folder / name
        if not path.is_file():
            if required:
                self._say("missing file", name)
            return None
        try:
            return msgspec.json.decode(path.read_bytes())
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._say("unreadable file", f"{name} is no JSON")
            return None

    def _status(self) -> None:
        status = self._read("migration_status.json")
        if not isinstance(status, dict):
            return
        self.build = str(status.get("zulip_version", ""))
        self.version = version_of(self.build)
        if self.version not in MAJORS:
            self._say("version", f"{status.get('zulip_version')!r} in migration_status.json is not known")
        if not isinstance(status.get("migrations_by_app"), dict):
            self._say("version", "migration_status.json has no migrations_by_app")

    # ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _realm(self, realm: Row) -> None:
        for name in sorted(ASKED_FOR - realm.keys()):
            self._say("missing table", name)
        if not isinstance(realm.get("import_source"), str):
            self._say("missing key", "realm.json: import_source, asked for since version 11")
        for name, rows in realm.items():
            if name == "zerver_usergroup":
                self._say("table", "zerver_usergroup must be left out, or the server makes no groups of its own")
            elif name in TABLES and name != "zerver_reaction":
                self.ids[name] = {row["id"] for row in self._rows(name, rows) if type(row.get("id")) is int}
            elif name not in TABLES and name not in WORDS and rows:
                self._say("table", f"{name} has rows, whose rules are not known here")
        self.ids[USER] = self.ids.get(USER, set()) | self.ids.get("zerver_userprofile_mirrordummy", set())
        for name, rows in realm.items():
            if name in TABLES and name != "zerver_reaction":
                self._table(name, TABLES[name], self._rows(name, rows))
        self._organisation(realm)
        self._folders(realm)
        self._people(realm)
        self._places(realm)

    def _rows(self, name: str, rows: Any) -> list[Row]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._say("table", f"{name} is no list of rows")
            return []
        return rows

    def _table(self, name: str, table: Table, rows: list[Row]) -> None:
        seen: dict[tuple[str, ...], set[Any]] = {keys: set() for keys in (("id",), *table.unique)}
        for row in rows:
            self._row(name, table, row)
            for keys, values in seen.items():
                value = tuple(_folded(row.get(key)) for key in keys)
                if value in values:
                    self._say("not unique", f"{name} {row.get('id')}: {', '.join(keys)} as in another row")
                values.add(value)

    def _row(self, name: str, table: Table, row: Row) -> None:
        if lacking := table.keys - row.keys():
            self._say("missing key", f"{name} {row.get('id')}: {', '.join(sorted(lacking))}")
        if unknown := row.keys() - table.keys - table.more:
            self._say("unknown key", f"{name} {row.get('id')}: {', '.join(sorted(unknown))}")
        if type(row.get("id")) is not int:
            self._say("id", f"{name}: {row.get('id')!r} is no whole number")
        for key, other in table.refers.items():
            value = row.get(key)
            if (value is None and key in table.nullable) or key not in row or other == "zerver_message":
                continue
            if value not in self.ids.get(other, ()):
                self._say("reference", f"{name} {row.get('id')}: {key} {value!r} is not in {other}")
        for key, longest in table.longest.items():
            if len(row.get(key) or "") > longest:
                self._say("too long", f"{name} {row.get('id')}: {key} has more than {longest} characters")
        for key, value in row.items():
            if type(value) is str and "\0" in value:
                self._say("NUL", f"{name} {row.get('id')}: {key} holds a NUL")

    def _organisation(self, realm: Row) -> None:
        rows = realm.get("zerver_realm") or []
        if len(rows) != 1:
            self._say("organisation", f"{len(rows)} rows in zerver_realm instead of one")
        for row in rows:
            has = "moderation_request_channel" in row
            if self.version >= 10 and not has:
                self._say("missing key", "zerver_realm: moderation_request_channel, asked for since version 10")
            if self.version == 9 and has:
                self._say("unknown key", "zerver_realm: moderation_request_channel, unknown to version 9")
            icon = (self.folder / "realm_icons" / "records.json").is_file()
            if (row.get("icon_source") == "U") != icon:
                self._say("icon", "icon_source and realm_icons disagree")

    def _folders(self, realm: Row) -> None:
        """A released 11 asks every channel for its folder; up to 10 there is no such key."""
        rows = self._rows(STREAM, realm.get(STREAM) or [])
        having = [row for row in rows if "folder" in row]
        if having and self.version <= 10:
            self._say("unknown key", f"{STREAM} {having[0].get('id')}: folder, unknown to version {self.version}")
        elif len(having) < len(rows) and (self.version >= 12 or (self.version == 11 and "-" not in self.build)):
            lacking = next(row for row in rows if "folder" not in row)
            self._say("missing key", f"{STREAM} {lacking.get('id')}: folder, asked for since version 11")

    def _people(self, realm: Row) -> None:
        people = [*(realm.get(USER) or []), *(realm.get("zerver_userprofile_mirrordummy") or [])]
        if not any(row.get("role") == 100 and row.get("is_active") and not row.get("is_bot") for row in people):
            self._say("owner", "there is no active owner")
        for row in people:
            for key in ("email", "delivery_email"):
                if not is_address(str(row.get(key))):
                    self._say("address", f"{USER} {row.get('id')}: {key} is no e-mail address")
            if row.get("role") not in (100, 200, 300, 400, 600):
                self._say("role", f"{USER} {row.get('id')}: {row.get('role')!r}")
            if bool(row.get("is_bot")) != (row.get("bot_type") is not None):
                self._say("bot", f"{USER} {row.get('id')}: is_bot and bot_type disagree")
            if not str(row.get("full_name") or "").strip():
                self._say("name", f"{USER} {row.get('id')} has none")
            if row.get("is_mirror_dummy") and row.get("is_active"):
                self._say("mirror dummy", f"{USER} {row.get('id')} is active")

    def _places(self, realm: Row) -> None:
        kinds = {1: USER, 2: STREAM, 3: "zerver_huddle"}
        for row in realm.get(RECIPIENT) or []:
            kind, what = row.get("type"), row.get("type_id")
            if what not in self.ids.get(kinds.get(kind, ""), ()):
                self._say("reference", f"{RECIPIENT} {row.get('id')}: nothing of type {kind!r} has the id {what!r}")
            if type(row.get("id")) is int:
                self.recipients[row["id"]] = (kind, what)
        there = set(self.recipients.values())
        for kind, name in kinds.items():
            for number in sorted(self.ids.get(name, set()) - {what for k, what in there if k == kind}):
                self._say("recipient", f"{name} {number} has none")
        members: dict[int, set[int]] = {}
        own: set[int] = set()
        for row in realm.get("zerver_subscription") or []:
            kind, what = self.recipients.get(row.get("recipient"), (0, 0))
            if kind == GROUP:
                members.setdefault(what, set()).add(row.get("user_profile"))
            elif kind == 1 and what == row.get("user_profile"):
                own.add(what)
        for number in sorted(self.ids.get(USER, set()) - own):
            self._say("subscription", f"{USER} {number} has none to their own recipient")
        groups: set[frozenset[int]] = set()
        for row in realm.get("zerver_huddle") or []:
            group = frozenset(members.get(row.get("id"), ()))
            if len(group) != row.get("group_size"):
                self._say("group", f"zerver_huddle {row.get('id')}: {len(group)} members, not {row.get('group_size')}")
            if group in groups:
                self._say("not unique", f"zerver_huddle {row.get('id')}: the same members as another one")
            groups.add(group)

    # ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _message_files(self, sorted_later: bool) -> None:
        found = sorted(self.folder.glob("messages-*.json"))
        for number, path in enumerate(found, 1):
            if path.name != f"messages-{number:06}.json":
                self._say("gap", f"{path.name} is not read: there is no messages-{number:06}.json")
                break
        self._before = (0.0, 0)
        seen: set[int] = set()
        for path in found:
            content = self._read(path.name)
            if not isinstance(content, dict) or not {"zerver_message", "zerver_usermessage"} <= content.keys():
                self._say("unreadable file", f"{path.name} lacks its two tables")
                continue
            for row in self._rows(path.name, content["zerver_message"]):
                self._message(row, seen, sorted_later)
            for row in self._rows(path.name, content["zerver_usermessage"]):
                self._received(row, seen)
        self.messages = array("q", sorted(seen))

    def _message(self, row: Row, seen: set[int], sorted_later: bool) -> None:
        late = frozenset({"is_channel_message"})
        table = msgspec.structs.replace(MESSAGE, keys=MESSAGE.keys | late) if self.version >= 10 else MESSAGE
        self._row("zerver_message", table, row)
        key = row.get("id")
        if type(key) is not int:
            return
        if key in seen:
            self._say("not unique", f"zerver_message {key}: id as in another row")
        seen.add(key)
        date = row.get("date_sent")
        if not isinstance(date, int | float) or not 0 < date < YEAR_10000:
            self._say("date", f"zerver_message {key}: {date!r}")
        elif not sorted_later:
            if (date, key) < self._before or key < self._before[1]:
                self._say("order", f"zerver_message {key} is older than the one before, or has a lower id")
            self._before = (date, key)
        content = row.get("content")
        if not isinstance(content, str) or not content.strip():
            self._say("empty", f"zerver_message {key} has no text")
            content = ""
        self._topic(row)
        paths = _UPLOAD.findall(content)
        for path in paths:
            self.attached.setdefault(path, set()).add(key)
        if bool(paths) and not row.get("has_attachment"):
            self._say("attachment", f"zerver_message {key} links to a file but has_attachment is false")
        if row.get("edit_history"):
            self._history(key, row["edit_history"])

    def _topic(self, row: Row) -> None:
        kind, _ = self.recipients.get(row.get("recipient", 0), (0, 0))
        channel = kind == 2
        subject = row.get("subject")
        if self.version >= 10 and row.get("is_channel_message") is not channel:
            self._say("kind", f"zerver_message {row['id']}: is_channel_message is not what its recipient says")
        if channel and (not isinstance(subject, str) or not subject.strip() or not subject.isprintable()):
            self._say("topic", f"zerver_message {row['id']}: no topic, or one with control characters")
        if not channel and subject not in ("", "\x07"):
            self._say("topic", f"zerver_message {row['id']}: a direct message has a topic")
        if self.version >= 12 and kind == 1:
            self._say("kind", f"zerver_message {row['id']}: version 12 wants a group of two")

    def _history(self, key: int, text: Any) -> None:
        try:
            entries = msgspec.json.decode(text)
        except (msgspec.DecodeError, TypeError):
            entries = None
        if not isinstance(entries, list):
            self._say("history", f"zerver_message {key}: edit_history is no JSON list in a text")
            return
        times = []
        for entry in entries:
            if "prev_content" in entry and entry.get("prev_rendered_content") is None:
                self._say("history", f"zerver_message {key}: prev_rendered_content is null")
            if entry.get("user_id") not in self.ids.get(USER, ()):
                self._say("history", f"zerver_message {key}: user_id {entry.get('user_id')!r} is nobody")
            times.append(entry.get("timestamp") or 0)
        if times != sorted(times, reverse=True):
            self._say("history", f"zerver_message {key}: not the newest first")

    def _received(self, row: Row, seen: set[int]) -> None:
        self._row("zerver_usermessage", RECEIVED, row)
        if row.get("message") not in seen:
            self._say("reference", f"zerver_usermessage {row.get('id')}: message in no file up to this one")
        flags = row.get("flags_mask")
        if type(flags) is not int or flags & ~FLAGS:
            self._say("flags", f"zerver_usermessage {row.get('id')}: {flags!r}")

    def _is_message(self, key: Any) -> bool:
        if type(key) is not int:
            return False
        at = bisect_left(self.messages, key)
        return at < len(self.messages) and self.messages[at] == key

    def _late(self, realm: Row) -> None:
        """What points at messages."""
        emoji = {str(row.get("id")): row.get("name") for row in realm.get("zerver_realmemoji") or []}
        for name in emoji.values():
            if not _EMOJI.fullmatch(str(name)):
                self._say("emoji", f"{name!r} is no name that Zulip takes")
        rows = self._rows("zerver_reaction", realm.get("zerver_reaction", []))
        self._table("zerver_reaction", TABLES["zerver_reaction"], rows)
        for row in rows:
            kind, code = row.get("reaction_type"), str(row.get("emoji_code"))
            if not self._is_message(row.get("message")):
                self._say("reference", f"zerver_reaction {row.get('id')}: message {row.get('message')!r} is not there")
            if kind == "realm_emoji":
                if emoji.get(code) != row.get("emoji_name"):
                    self._say("emoji", f"zerver_reaction {row.get('id')}: code and name are not those of an emoji")
            elif kind not in ("unicode_emoji", "zulip_extra_emoji"):
                self._say("emoji", f"zerver_reaction {row.get('id')}: type {kind!r}")
            elif kind == "unicode_emoji" and (not _HEX.fullmatch(code) or "fe0f" in code.split("-")):
                self._say("emoji", f"zerver_reaction {row.get('id')}: code {code!r}")
        for row in realm.get(USER) or []:
            last = row.get("last_active_message_id")
            if last is not None and not self._is_message(last):
                self._say("reference", f"{USER} {row.get('id')}: last_active_message_id {last!r} is not there")

    # ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _files(self, realm: Row) -> None:
        content = self._read("attachment.json")
        attachments = self._rows("zerver_attachment", (content or {}).get("zerver_attachment"))
        self._table("zerver_attachment", TABLES["zerver_attachment"], attachments)
        lists = {name: list(self._list(name)) for name in LISTS}
        uploaded = {row.get("s3_path"): row for row in lists["uploads"]}
        for row in attachments:
            self._attachment(row, uploaded)
        known = {row.get("path_id") for row in attachments}
        for path in sorted(self.attached.keys() - known):
            self._say("attachment", f"messages link to {path}, which attachment.json does not have")
        for path in sorted(map(str, uploaded.keys() - known)):
            self._say("attachment", f"{path} is uploaded but not in attachment.json")
        pictures = {row.get("user_profile_id") for row in lists["avatars"]}
        for row in realm.get(USER) or []:
            if (row.get("avatar_source") == "U") != (row.get("id") in pictures):
                self._say("avatar", f"{USER} {row.get('id')}: avatar_source and avatars/records.json disagree")
        files = {row.get("file_name") for row in lists["emoji"]}
        for row in realm.get("zerver_realmemoji") or []:
            if row.get("file_name") not in files:
                self._say("emoji", f"{row.get('name')!r} has no picture in emoji/records.json")

    def _attachment(self, row: Row, uploaded: Mapping[Any, Row]) -> None:
        path = row.get("path_id")
        if path not in uploaded:
            self._say("attachment", f"{path} is not in uploads/records.json")
        if row.get("is_realm_public") is not None or row.get("is_web_public") is not None:
            self._say("privacy", f"{path}: is_realm_public and is_web_public must be null")
        messages = row.get("messages") or []
        for key in messages:
            if not self._is_message(key):
                self._say("reference", f"attachment {path}: message {key!r} is not there")
        if set(messages) != self.attached.get(str(path), set()):
            self._say("attachment", f"{path}: its messages are not those that link to it")

    def _list(self, name: str) -> Iterator[Row]:
        place = self.folder / name
        if not place.is_dir() and name in ("emoji", "realm_icons"):
            return
        for row in self._rows(f"{name}/records.json", self._read(f"{name}/records.json") or []):
            if lacking := LISTS[name] - row.keys():
                self._say("missing key", f"{name}/records.json: {', '.join(sorted(lacking))}")
            path = str(row.get("path"))
            file = place / path
            if not file.resolve().is_relative_to(place.resolve()) or not file.is_file():
                self._say("missing file", f"{name}/{path}")
            elif "size" in LISTS[name] and file.stat().st_size != row.get("size"):
                self._say("size", f"{name}/{path} has {file.stat().st_size} bytes, not {row.get('size')!r}")
            user = row.get("user_profile_id", row.get("author"))
            if user is not None and user not in self.ids.get(USER, ()):
                self._say("reference", f"{name}/records.json: {path} belongs to nobody")
            if name == "avatars" and not str(row.get("s3_path")).endswith(".original"):
                self._say("avatar", f"{path}: s3_path does not end in .original")
            yield row


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
