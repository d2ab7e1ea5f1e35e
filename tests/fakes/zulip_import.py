"""`manage.py import` on the pretended server: an archive becomes a new organisation.

Written from facts/zulip.md 4.2-4.7 and, like the server's own, passes rows on as they are: a key that is asked for and
not there is a KeyError, a key that nothing knows a TypeError, a file that is listed and not there a FileNotFoundError.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.fakes.zulip_realm import Channel, Message, Realm, Upload, User

READ, STARRED = 1, 2
PERSONAL, CHANNEL, GROUP = 1, 2, 3
Row = dict[str, Any]


def load(folder: Path, names: dict[str, str], version: str = "11.0", *, keep_ids: bool = False) -> Realm:
    """The new organisation. `keep_ids`: the sequences stand where the archive expects them, else somewhere else."""
    realm = Realm(names, version=version)
    status = _read(folder / "migration_status.json")
    assert status["zulip_version"].split(".")[0] == realm.version.split(".")[0], "another major version"
    realm.users.clear()
    realm.channels.clear()
    _Import(folder, realm, keep_ids).run()
    return realm


def owner_of(realm: Realm, key: str = "admin-key") -> User:
    """The owner, who has made themself an API key."""
    owner = next(user for user in realm.users.values() if user.role == 100 and user.active and not user.bot)
    owner.key = key
    return owner


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _exactly(row: Row, keys: str) -> Row:
    """As `Model(**row)`: TypeError for a key that the model does not have."""
    if unknown := row.keys() - set(keys.split()):
        raise TypeError(f"unexpected keyword arguments: {sorted(unknown)}")
    return row


class _Import:
    def __init__(self, folder: Path, realm: Realm, keep_ids: bool) -> None:
        self.folder, self.realm, self.keep_ids = folder, realm, keep_ids
        self.major = int(realm.version.split(".")[0])
        self.data: dict[str, list[Row]] = _read(folder / "realm.json")
        self.users: dict[int, int] = {}
        self.channels: dict[int, int] = {}
        self.messages: dict[int, int] = {}
        self.paths: dict[str, str] = {}

    def _new(self, old: int) -> int:
        if self.keep_ids:
            self.realm.next = max(self.realm.next, old)
            return old
        return self.realm.number()

    def run(self) -> None:
        if self.major >= 11:
            self.data.pop("import_source")
        people = self.data["zerver_userprofile"] + self.data.pop("zerver_userprofile_mirrordummy")
        self._channels()
        files = sorted(self.folder.glob("messages-*.json"))
        pages = [_read(path) for path in files]
        for page in pages:
            for row in page["zerver_message"]:
                self.messages[row["id"]] = self._new(row["id"])
        self._people(sorted(people, key=lambda row: int(row["id"])))
        self._avatars()
        self._profiles()
        emoji = self._emoji()
        recipients = self._recipients()
        self._uploads()
        for page in pages:
            self._page(page, recipients)
        self._reactions(emoji)
        self._attachments()

    def _channels(self) -> None:
        taken: set[str] = set()
        for row in self.data["zerver_stream"]:
            known = "id realm name date_created description creator deactivated invite_only stream_post_policy"
            known += " history_public_to_subscribers"
            if self.major >= 11:
                row.pop("folder")
            _exactly(row, known)
            assert len(row["name"]) <= 60, "DataError: varchar(60)"
            assert len(row["description"]) <= 1024, "DataError: varchar(1024)"
            assert row["name"].upper() not in taken, "IntegrityError: name"
            taken.add(row["name"].upper())
            number = self.channels[row["id"]] = self._new(row["id"])
            self.realm.channels[number] = Channel(
                number, row["name"], row["description"], row["invite_only"], row["deactivated"]
            )

    def _people(self, rows: list[Row]) -> None:
        for row in rows:
            del row["user_permissions"], row["groups"]
            assert len(row["full_name"]) <= 100, "DataError: varchar(100)"
            assert row["role"] in (100, 200, 300, 400, 600)
            assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", row["delivery_email"]), "ValidationError"
            assert self.realm.by_email(row["delivery_email"]) is None, "IntegrityError: delivery_email"
            number = self.users[row["id"]] = self._new(row["id"])
            user = User(number, row["delivery_email"], row["full_name"], row["role"], row["is_active"], row["is_bot"])
            user.dummy = row["is_mirror_dummy"]
            user.key = f"key-{number}"
            user.settings = {"email_address_visibility": 1, "enable_offline_email_notifications": True}
            self.realm.users[number] = user
        assert any(u.role == 100 and u.active for u in self.realm.users.values()), "no active owner"

    def _emoji(self) -> dict[int, str]:
        for row in _read(self.folder / "emoji" / "records.json"):
            assert row["author"] in self.users
            data = (self.folder / "emoji" / row["path"]).read_bytes()
            name = next(r["name"] for r in self.data["zerver_realmemoji"] if r["file_name"] == row["file_name"])
            self.realm.emoji[name] = data
        return {row["id"]: row["name"] for row in self.data["zerver_realmemoji"]}

    def _avatars(self) -> None:
        for row in _read(self.folder / "avatars" / "records.json"):
            assert row["s3_path"].endswith(".original")
            self.realm.users[self.users[row["user_profile_id"]]].avatar = (
                self.folder / "avatars" / row["path"]
            ).read_bytes()

    def _profiles(self) -> None:
        names = {row["id"]: row["name"] for row in self.data["zerver_customprofilefield"]}
        for number, name in names.items():
            assert len(name) <= 40, "DataError: varchar(40)"
            self.realm.fields[number] = {"id": number, "name": name, "type": 1}
        for row in self.data["zerver_customprofilefieldvalue"]:
            self.realm.users[self.users[row["user_profile"]]].profile[row["field"]] = row["value"]

    def _recipients(self) -> dict[int, tuple[int, Any]]:
        """Recipient to type and account, channel, or set of accounts."""
        groups: dict[int, set[int]] = {row["id"]: set() for row in self.data["zerver_huddle"]}
        kinds = {row["id"]: (row["type"], row["type_id"]) for row in self.data["zerver_recipient"]}
        for row in self.data["zerver_subscription"]:
            kind, what = kinds[row["recipient"]]
            user = self.users[row["user_profile"]]
            if kind == CHANNEL:
                self.realm.channels[self.channels[what]].members.add(user)
            elif kind == GROUP:
                groups[what].add(user)
        made = {PERSONAL: self.users.__getitem__, CHANNEL: self.channels.__getitem__, GROUP: groups.__getitem__}
        return {number: (kind, made[kind](what)) for number, (kind, what) in kinds.items()}

    def _uploads(self) -> None:
        for row in _read(self.folder / "uploads" / "records.json"):
            data = (self.folder / "uploads" / row["path"]).read_bytes()
            new = f"2/{self.realm.number():x}/{row['path'].rpartition('/')[2]}"
            self.paths[row["s3_path"]] = new
            self.realm.uploads[new] = Upload(self.users[row["user_profile_id"]], row["path"], data)

    def _page(self, page: dict[str, list[Row]], recipients: dict[int, tuple[int, Any]]) -> None:
        known = "id realm sender recipient sending_client subject content rendered_content date_sent last_edit_time"
        known += " edit_history has_attachment has_image has_link"
        known += " is_channel_message" if self.major >= 10 else ""
        for row in page["zerver_message"]:
            _exactly(row, known)
            kind, what = recipients[row["recipient"]]
            sender = self.users[row["sender"]]
            assert "\0" not in row["content"], "ValueError: NUL"
            assert len(row["subject"]) <= 60, "DataError: varchar(60)"
            assert row.get("is_channel_message", kind == CHANNEL) is (kind == CHANNEL)
            people = {what, sender} if kind == PERSONAL else what if kind == GROUP else ()
            content = row["content"]
            if row["has_attachment"]:
                for old, new in self.paths.items():
                    content = content.replace(f"/user_uploads/{old})", f"/user_uploads/{new})")
            number = self.messages[row["id"]]
            channel, topic = (what, row["subject"]) if kind == CHANNEL else (None, "")
            message = Message(number, sender, content, row["date_sent"], channel, topic, frozenset(people), "archive")
            message.edited = row["last_edit_time"] is not None
            self.realm.messages[number] = message
        for row in page["zerver_usermessage"]:
            message, user = self.realm.messages[self.messages[row["message"]]], self.users[row["user_profile"]]
            if not row["flags_mask"] & READ:
                message.unread.add(user)
            if row["flags_mask"] & STARRED:
                message.starred.add(user)

    def _reactions(self, emoji: dict[int, str]) -> None:
        seen: set[tuple[Any, ...]] = set()
        for row in self.data["zerver_reaction"]:
            code = row["emoji_code"]
            if row["reaction_type"] == "realm_emoji":
                assert emoji[int(code)] == row["emoji_name"]
            key = (row["message"], row["user_profile"], row["reaction_type"], code)
            assert key not in seen, "IntegrityError: reaction"
            seen.add(key)
            self.realm.messages[self.messages[row["message"]]].reactions.append(
                {
                    "user_id": self.users[row["user_profile"]],
                    "emoji_name": row["emoji_name"],
                    "emoji_code": code,
                    "reaction_type": row["reaction_type"],
                }
            )

    def _attachments(self) -> None:
        for row in _read(self.folder / "attachment.json")["zerver_attachment"]:
            assert row["is_realm_public"] is None, "readable by every member"
            upload = self.realm.uploads[self.paths[row["path_id"]]]
            upload.messages = {self.messages[number] for number in row["messages"]}
