"""The archive: a folder that `manage.py import` takes as a new organisation (facts/zulip.md 4).

realm.json is written last: without it the server takes nothing, so a run that was killed leaves no half archive that
looks whole, and the next run begins again.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from migrator.adapters.base import Kind
from migrator.adapters.bulk import Move, WorkFile
from migrator.adapters.zulip.archive_files import Emoji, Uploads, put_avatars, put_icon
from migrator.adapters.zulip.archive_order import Order
from migrator.adapters.zulip.archive_people import Roster
from migrator.adapters.zulip.archive_places import Places
from migrator.adapters.zulip.archive_posts import Composer, Settings
from migrator.adapters.zulip.emoji import custom_name
from migrator.adapters.zulip.preflight import FOLDERS, MAJORS, Told, version_of
from migrator.adapters.zulip.threads import Policy
from migrator.directory import Names
from migrator.errors import UsageError
from migrator.model import Workspace

__all__ = ["Choices", "choices", "write"]

DEFAULT_VERSION = 11
FOLDERS_SINCE = 11
EMPTY = (  # tables that the importer asks for and that a Slack export has nothing for (facts 4.3)
    "zerver_userprofile_mirrordummy",
    "zerver_userprofile_crossrealm",
    "zerver_realmdomain",
    "zerver_realmfilter",
    "zerver_realmplayground",
    "zerver_userpresence",
    "zerver_useractivity",
    "zerver_useractivityinterval",
)
FOUNDED = 1_376_000_000.0  # when nothing tells how old a workspace is: Slack's own beginning
OURS = ("uploads", "avatars", "emoji", "realm_icons", "realm.json", "attachment.json", "migration_status.json")


class Choices(Struct, frozen=True):
    """What the mover chose. `last`: last values of the sequences of people, channels and messages, if given.
    `folders`: whether this version knows folders of channels, whose key its import then asks for."""

    version: int
    folders: bool
    policy: Policy
    main_topic: str
    last: tuple[int, int, int] | None = None
    idle: bool = True
    domain: str = ""
    icon: Path | None = None
    known: Mapping[str, str] = field(default_factory=dict)


def choices(
    settings: Mapping[str, Any], told: Told | None, policy: Policy, main_topic: str, known: Mapping[str, str]
) -> Choices:
    """From settings: `version`, `sequences` ("people,channels,messages"), `idle` (yes, no), `icon_file`,
    `email_domain`. `told`: what a server said of itself, if one was asked; of a given version it only tells which
    build it is. UsageError."""
    text = str(settings.get("version") or (told.version if told else DEFAULT_VERSION))
    version = version_of(text)
    if version not in MAJORS:
        raise UsageError(
            f"version {text} is not known; known are {MAJORS.start} to {MAJORS.stop - 1}",
            hint="give the version of the server that will import, e.g. --set version=11",
        )
    # a build between two releases is one or the other: only the server itself can tell
    if told is not None and version_of(told.version) == version:
        folders = told.level >= FOLDERS
    else:
        folders = version > FOLDERS_SINCE or (version == FOLDERS_SINCE and "-" not in text)
    last = None
    if text := str(settings.get("sequences") or ""):
        if not re.fullmatch(r"\d+,\d+,\d+", text):
            raise UsageError("sequences is not three numbers", hint="--set sequences=PEOPLE,CHANNELS,MESSAGES")
        people, channels, messages = map(int, text.split(","))
        last = (people, channels, messages)
    idle = str(settings.get("idle") or "yes")
    if idle not in ("yes", "no"):
        raise UsageError(f"idle = {idle} is neither yes nor no", hint="leave it out")
    icon = Path(str(settings["icon_file"])) if settings.get("icon_file") else None
    if icon is not None and not icon.is_file():
        raise UsageError("icon_file cannot be read", hint="name a PNG, JPEG, GIF or WebP file")
    domain = str(settings.get("email_domain") or "")
    return Choices(version, folders, policy, main_topic, last, idle == "yes", domain, icon, known)


def write(move: Move, chosen: Choices, out: Path) -> Sequence[str]:
    """Write the archive into `out`; returns what the admin does with it, a sentence or command each."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is not a folder", hint="name a folder for the archive with -o DIR")
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=".work-") as work:
        return _Maker(move, chosen, out, Path(work)).run()


def _clear(out: Path) -> None:
    """Take away what an earlier run wrote, and nothing else."""
    for path in [*(out / name for name in OURS), *out.glob("messages-[0-9]*.json")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class _Maker:
    def __init__(self, move: Move, chosen: Choices, out: Path, work: Path) -> None:
        self.move, self.chosen, self.out = move, chosen, out
        workspace = move.source.workspace
        people, channels, messages = chosen.last or (0, 0, 0)
        self.settings = Settings(
            chosen.version,
            messages + 1,
            chosen.last is not None,
            chosen.idle,
            chosen.policy,
            chosen.main_topic,
            workspace.domain or "app",
        )
        self.roster = Roster(workspace, people + 1, chosen.known, chosen.domain)
        self.places = Places(workspace, self.roster, channels + 1, chosen.version, chosen.folders)
        self.directory = Names(workspace, self._lookup(workspace))
        self.uploads = Uploads(out)
        self.emoji = Emoji(out, move.source)
        self.work = WorkFile(work, "posts"), WorkFile(work, "reactions")
        self.composer = Composer(move, self.directory, self.settings, self.roster, self.places, *self.work, work)
        self.order = Order(self.settings, self.places, self.uploads, self.emoji, *self.work)
        dates = [float(c.created) for c in workspace.conversations.values() if c.created > 0]
        self.founded = min(dates, default=FOUNDED)

    def _lookup(self, workspace: Workspace) -> Callable[[Kind, str], str | None]:
        def lookup(kind: Kind, key: str) -> str | None:
            if kind is Kind.EMOJI:
                return custom_name(key) if key in workspace.emoji else None
            return None  # people and places are the writer's own matter

        return lookup

    def run(self) -> Sequence[str]:
        try:
            self._compose()
            self.move.progress.phase("writing the archive")
            self.order.write(self.out)
            attachments = self.uploads.finish(self.founded, self.order.message_id)
            _write_tables(self.out / "attachment.json", {"zerver_attachment": attachments})
            self.pictured = put_avatars(self.out, self.move.source, self.roster, self.founded)
            if self.chosen.icon is not None:
                put_icon(self.out, self.chosen.icon.read_bytes())
            build = ".0-dev" if self.chosen.version == FOLDERS_SINCE and not self.chosen.folders else ".0"
            status = {"zulip_version": f"{self.chosen.version}{build}", "migrations_by_app": {}}
            (self.out / "migration_status.json").write_bytes(msgspec.json.encode(status))
            _write_tables(self.out / "realm.json", self._tables(), {"import_source": "slack"})
        finally:
            for file in self.work:
                file.close()
        return self._advice()

    def _compose(self) -> None:
        """All conversations, perhaps by several processes; adopted in their order."""
        self.move.progress.phase("composing")
        groups = [(conversation,) for conversation in self.move.source.workspace.conversations]
        for some in self.move.spread(self.composer.take, groups):
            for taken in some:
                self.order.adopt(taken)
                self.move.progress.advance(taken.messages)

    def _tables(self) -> Mapping[str, Iterable[Any]]:
        fields, values = self.roster.profiles()
        first = self.settings.first if self.order.count else None
        return {
            "zerver_realm": [self._realm()],
            "zerver_client": [{"id": 1, "name": "slack-migrator"}],
            "zerver_userprofile": self.roster.rows(self.founded, first, self.settings.idle, self.pictured),
            **self.places.tables(self.directory, self.founded),
            "zerver_realmemoji": self.emoji.finish(self.roster.owner.id),
            "zerver_realmauthenticationmethod": [{"id": 1, "realm": 1, "name": "Email"}],
            "zerver_customprofilefield": fields,
            "zerver_customprofilefieldvalue": values,
            "zerver_userstatus": self.roster.statuses(self.founded),
            "zerver_reaction": self.order.reactions(),
            **dict.fromkeys(EMPTY, ()),
        }

    def _realm(self) -> dict[str, Any]:
        workspace = self.move.source.workspace
        row: dict[str, Any] = {
            "id": 1,
            "name": (workspace.name or workspace.domain or workspace.id)[:40],
            "string_id": _subdomain(workspace),
            "date_created": self.founded,
            "deactivated": False,
            "description": "",
            "icon_source": "U" if self.chosen.icon else "G",
            "new_stream_announcements_stream": None,
            "signup_announcements_stream": None,
            "zulip_update_announcements_stream": None,
            "invite_required": True,
        }
        if self.chosen.version >= 10:
            row["moderation_request_channel"] = None
        return row

    def _build(self) -> str:
        """Which of two kinds of servers that call themselves 11."""
        if self.chosen.version != FOLDERS_SINCE:
            return ""
        return " as it was released" if self.chosen.folders else " before its release (11.0-dev)"

    def _called(self) -> str:
        name = self.move.source.workspace.name
        return f" ({name})" if name else ""

    def _advice(self) -> list[str]:
        name = _subdomain(self.move.source.workspace)
        manage = "~/deployments/current/manage.py"
        said = [
            f"the archive is for Zulip {self.chosen.version}{self._build()}: another one needs --set version=VERSION",
            f"check it: slack-migrator zulip check {self.out}",
            "copy the folder to the Zulip host, where the user zulip can read it; then there, as that user:",
            "stop the server: ~/deployments/current/scripts/stop-server",
            f"import it: {manage} import {name} /PATH/TO/{self.out.name}",
            "start the server: ~/deployments/current/scripts/start-server",
            f"let people in: {manage} send_password_reset_email -r {name} --all-users (or set up single sign-on)",
            f"compare it then, message by message: slack-migrator verify {self.move.folder.parent} --config FILE",
            f"the organisation is called {name} at first: give it its name in its settings{self._called()}",
            f"if the import ends in an error: {manage} delete_realm -r {name}, and import again",
        ]
        if not self.settings.exact:
            said.insert(
                2,
                "mentions are by unique names and links to messages lead to Slack; for exact ids give the last values "
                "of zerver_userprofile_id_seq, zerver_stream_id_seq and zerver_message_id_seq: --set sequences=A,B,C",
            )
        else:
            said.insert(2, "nobody may sign up or write on that host from now until the import is done: ids are fixed")
        if self.roster.made_owner:
            owner = self.roster.owner.name
            said.append(f"the export names no active owner: {owner!r} is made owner; check with manage.py list_users")
        if self.uploads.unreadable:
            said.append(f"{self.uploads.unreadable} files of the export cannot be read: their messages say so")
        if self.order.strange_times:
            said.append(f"{self.order.strange_times} messages have an impossible time: put at the nearest possible one")
        return said


def _write_tables(path: Path, tables: Mapping[str, Iterable[Any]], words: Mapping[str, str] | None = None) -> None:
    """A JSON object of lists of rows, written row by row, and of `words`; the file is there only when it is whole."""
    draft = path.with_suffix(".part")
    encoder = msgspec.json.Encoder()
    with draft.open("wb") as file:
        opening = b"{"
        for name, word in (words or {}).items():
            file.write(opening + encoder.encode(name) + b":" + encoder.encode(word))
            opening = b",\n"
        for name, rows in tables.items():
            file.write(opening + encoder.encode(name) + b":[")
            between = b"\n"
            for row in rows:
                file.write(between + encoder.encode(row))
                between = b",\n"
            file.write(b"]")
            opening = b",\n"
        file.write(b"}\n")
    draft.replace(path)


def _subdomain(workspace: Workspace) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", (workspace.domain or workspace.name).lower()).strip("-")[:40].strip("-")
    return text or "slack"
