"""One small workspace of invented people in every form of export. Each maker writes one and returns its path."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TEAM = "T0VARIANT"
USERS: list[Json] = [
    {
        "id": f"U0{name.upper()}",
        "team_id": TEAM,
        "name": name,
        "profile": {"real_name": name.title(), "display_name": name},
    }
    for name in ("ada", "bo", "cleo")
]
PUBLIC = {"id": "C0GENERAL", "name": "general", "created": 1700000000, "creator": "U0ADA", "members": ["U0ADA", "U0BO"]}
PRIVATE = {"id": "C0SECRET", "name": "sécret", "created": 1700000000, "creator": "U0BO", "members": ["U0BO", "U0CLEO"]}
GROUP = {
    "id": "C0GROUPDM",
    "name": "mpdm-ada--bo--cleo-1",
    "created": 1700000000,
    "members": ["U0ADA", "U0BO", "U0CLEO"],
}
DIRECT = {"id": "D0ADABO01", "created": 1700000000, "members": ["U0ADA", "U0BO"]}
LISTED = {"channels": [PUBLIC], "groups": [PRIVATE], "mpims": [GROUP], "dms": [DIRECT]}
FILE_ID, FILE = "F0VARIANT1", b"a plan\n"


def message(n: int, user: str = "U0ADA", **more: Any) -> Json:
    return {"type": "message", "user": user, "text": f"Number {n}", "ts": f"{1714560000 + n}.000100", **more}


ROOT = message(1, thread_ts="1714560001.000100", reply_count=2)
REPLIES = [
    message(2, "U0BO", thread_ts="1714560001.000100", parent_user_id="U0ADA"),
    message(90_000, "U0ADA", thread_ts="1714560001.000100", parent_user_id="U0ADA"),
]
WITH_FILE = message(
    3, files=[{"id": FILE_ID, "name": "plan.txt", "mode": "hosted", "size": len(FILE), "user": "U0ADA"}]
)
MESSAGES: dict[str, list[Json]] = {
    "C0GENERAL": [ROOT, REPLIES[0], WITH_FILE, REPLIES[1]],
    "C0SECRET": [message(10, "U0BO"), message(11, "U0CLEO")],
    "C0GROUPDM": [message(20, "U0CLEO")],
    "D0ADABO01": [message(30), message(31, "U0BO")],
}
KEYS = sorted((id_, m["ts"]) for id_, rows in MESSAGES.items() for m in rows)
KINDS = {"C0GENERAL": "channels", "C0SECRET": "groups", "C0GROUPDM": "mpims", "D0ADABO01": "dms"}

MAKERS: dict[str, Callable[[Path], Path]] = {}


def maker(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    MAKERS[make.__name__] = make
    return make


def dump(value: object) -> bytes:
    return json.dumps(value, indent=4, ensure_ascii=False).encode()


def day_of(row: Json) -> str:
    return "2024-05-01" if float(row["ts"]) < 1714600000 else "2024-05-02"


def days(folder: str, rows: list[Json]) -> dict[str, bytes]:
    return {
        f"{folder}/{day}.json": dump([row for row in rows if day_of(row) == day])
        for day in sorted({day_of(row) for row in rows})
    }


def standard() -> dict[str, bytes]:
    """Slack's own layout: folders of a name, a direct message's of its id."""
    members = {f"{kind}.json": dump(rows) for kind, rows in LISTED.items()} | {"users.json": dump(USERS)}
    for kind, rows in LISTED.items():
        for row in rows:
            members |= days(row["id"] if kind == "dms" else row["name"], MESSAGES[row["id"]])
    return members | {"integration_logs.json": b'[""]', "canvases.json": b"[]", "lists.json": b'[""]'}


def write(folder: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


# ── Slack's own ─────────────────────────────────────────────────────────────────────────────────────────────────────


@maker
def corporate_folder(path: Path) -> Path:
    return write(path, standard())


@maker
def corporate_zip(path: Path) -> Path:
    return pack(path.with_suffix(".zip"), standard())


@maker
def enclosed_zip(path: Path) -> Path:
    return pack(path.with_suffix(".zip"), {f"Acme export/{name}": content for name, content in standard().items()})


@maker
def folders_named_by_id(path: Path) -> Path:
    members = {name: content for name, content in standard().items() if "/" not in name}
    for id_, rows in MESSAGES.items():
        members |= days(id_, rows)
    return write(path, members)


@maker
def grid(path: Path) -> Path:
    """A whole organisation: shared conversations in the root, the rest below their workspaces."""
    members: dict[str, bytes] = {
        "org_users.json": dump(USERS),
        "channels.json": dump([PUBLIC]),
        "dms.json": dump([DIRECT]),
    }
    members |= {"groups.json": b"[]", "mpims.json": b"[]"}
    members |= days("general", MESSAGES["C0GENERAL"]) | days("D0ADABO01", MESSAGES["D0ADABO01"])
    for team, kind, row in (("acme", "groups", PRIVATE), ("other", "mpims", GROUP)):
        below = {f"{kind}.json": dump([row]), "users.json": dump(USERS[:2])} | days(row["name"], MESSAGES[row["id"]])
        members |= {f"teams/{team}/{name}": content for name, content in below.items()}
    return write(path, members)


@maker
def advanced_exporter(path: Path) -> Path:
    """slack-advanced-exporter puts files beside; a slash in a name makes a path deeper."""
    return pack(path.with_suffix(".zip"), standard() | {f"__uploads/{FILE_ID}/old/plan.txt": FILE})


# ── slackdump ───────────────────────────────────────────────────────────────────────────────────────────────────────


def api_channel(row: Json, kind: str) -> Json:
    """A conversation as conversations.list gives it: all kinds in one list, told apart by flags."""
    flags = {"is_im": kind == "dms", "is_mpim": kind == "mpims", "is_private": kind != "channels"}
    return {key: value for key, value in row.items() if key != "members"} | flags


API_CHANNELS = [api_channel(row, kind) for kind, rows in LISTED.items() for row in rows]


@maker
def slackdump_export(path: Path) -> Path:
    return pack(
        path.with_suffix(".zip"),
        standard() | {f"__uploads/{FILE_ID}/plan.txt": FILE, "__avatars/U0ADA/image.png": b"\x89PNG"},
    )


@maker
def slackdump_export_standard(path: Path) -> Path:
    return write(path, standard() | {f"general/attachments/{FILE_ID}-plan.txt": FILE})


@maker
def slackdump_dump(path: Path) -> Path:
    """One file per conversation, replies within their roots, one thread dumped alone; users and channels apart."""
    members = {"users.json": dump(USERS), "channels.json": dump([c | {"members": m["members"]} for c, m in _api()])}
    nested = {"C0GENERAL": [ROOT | {"slackdump_thread_replies": REPLIES}, WITH_FILE]}
    for id_, rows in (MESSAGES | nested).items():
        members[f"{id_}.json"] = dump({"channel_id": id_, "name": "", "messages": rows})
    members["C0GENERAL-1714560001.000100.json"] = dump(
        {"channel_id": "C0GENERAL", "thread_ts": ROOT["ts"], "messages": [ROOT, *REPLIES]}
    )
    members[f"C0GENERAL/{FILE_ID}-plan.txt"] = FILE
    return write(path, members)


def _api() -> list[tuple[Json, Json]]:
    rows = [row for kind in LISTED.values() for row in kind]
    return list(zip(API_CHANNELS, rows, strict=True))


def lines(*chunks: Json) -> bytes:
    return "".join(json.dumps(chunk) + "\n" for chunk in chunks).encode()


@maker
def slackdump_chunks(path: Path) -> Path:
    """Gzipped JSON lines; the first conversation's file is two gzip members, as a resumed run leaves it."""
    members = {
        "users.json.gz": gzip.compress(lines({"t": 3, "ts": 1, "n": 3, "u": USERS})),
        "channels.json.gz": gzip.compress(lines({"t": 4, "ts": 1, "n": 4, "ch": API_CHANNELS})),
        "workspace.json.gz": gzip.compress(lines({"t": 6, "ts": 1, "w": {"team": "Variant", "team_id": TEAM}})),
        f"__uploads/{FILE_ID}/plan.txt": FILE,
    }
    for channel, row in _api():
        id_ = channel["id"]
        head = lines({"t": 5, "ts": 1, "id": id_, "ci": channel}, {"t": 7, "ts": 1, "id": id_, "cu": row["members"]})
        if id_ == "C0GENERAL":
            first = lines({"t": 0, "ts": 2, "id": id_, "m": [ROOT, WITH_FILE]})
            thread = {"t": 1, "ts": 3, "id": id_, "r": ROOT["ts"], "p": ROOT, "m": REPLIES}
            files = {"t": 2, "ts": 4, "id": id_, "p": WITH_FILE, "f": WITH_FILE["files"]}
            members[f"{id_}.json.gz"] = gzip.compress(head + first) + gzip.compress(lines(thread, files))
        else:
            members[f"{id_}.json.gz"] = gzip.compress(head + lines({"t": 0, "ts": 2, "id": id_, "m": MESSAGES[id_]}))
    return write(path, members)


def database(path: Path) -> None:
    """slackdump.sqlite: every message stands there twice, as an older and as the present record."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE SESSION (ID INTEGER PRIMARY KEY, FINISHED BOOLEAN NOT NULL);
        CREATE TABLE CHUNK (ID INTEGER PRIMARY KEY, TYPE_ID INTEGER NOT NULL, CHANNEL_ID TEXT, FINAL BOOLEAN);
        CREATE TABLE MESSAGE (ID INTEGER NOT NULL, CHUNK_ID INTEGER NOT NULL, CHANNEL_ID TEXT NOT NULL,
            TS TEXT NOT NULL, THREAD_TS TEXT, IS_PARENT BOOLEAN, IDX INTEGER, TXT TEXT, DATA BLOB NOT NULL,
            PRIMARY KEY (ID, CHUNK_ID));
        CREATE TABLE CHANNEL (ID TEXT, CHUNK_ID INTEGER, NAME TEXT, IDX INTEGER, DATA BLOB);
        CREATE TABLE FILE (ID TEXT, CHUNK_ID INTEGER, CHANNEL_ID TEXT, MESSAGE_ID INTEGER, MODE TEXT, DATA BLOB);
        CREATE TABLE WORKSPACE (ID INTEGER PRIMARY KEY, CHUNK_ID INTEGER, TEAM TEXT, TEAM_ID TEXT, DATA BLOB);
        CREATE TABLE S_USER (ID TEXT, CHUNK_ID INTEGER, USERNAME TEXT, IDX INTEGER, DATA BLOB);
        CREATE TABLE CHANNEL_USER (CHANNEL_ID TEXT, USER_ID TEXT, CHUNK_ID INTEGER, IDX INTEGER);
        INSERT INTO SESSION VALUES (1, 1);
        INSERT INTO CHUNK VALUES (1, 3, NULL, 1), (2, 4, NULL, 1), (3, 5, NULL, 1), (4, 6, NULL, 1), (5, 0, NULL, 0),
            (6, 0, NULL, 1);
        """
    )

    def put(table: str, *values: object) -> None:
        connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)

    for index, user in enumerate(USERS):
        put("S_USER", user["id"], 1, user["name"], index, json.dumps(user).encode())
    for index, (channel, row) in enumerate(_api()):
        put("CHANNEL", channel["id"], 2, "", index, json.dumps({"id": channel["id"], "name": "as listed"}).encode())
        put("CHANNEL", channel["id"], 3, "", index, json.dumps(channel).encode())
        for place, member in enumerate(row["members"]):
            put("CHANNEL_USER", channel["id"], member, 3, place)
    put("WORKSPACE", 1, 4, "Variant", TEAM, json.dumps({"team": "Variant", "team_id": TEAM}).encode())
    for id_, rows in MESSAGES.items():
        for index, row in enumerate(rows):
            micros = int(row["ts"].replace(".", ""))
            old = json.dumps(row | {"text": "as it was"}).encode()
            put("MESSAGE", micros, 5, id_, row["ts"], row.get("thread_ts"), 0, index, "", old)
            put("MESSAGE", micros, 6, id_, row["ts"], row.get("thread_ts"), 0, index, "", json.dumps(row).encode())
    connection.commit()
    connection.close()


@maker
def slackdump_archive(path: Path) -> Path:
    write(path, {f"__uploads/{FILE_ID}/plan.txt": FILE})
    database(path / "slackdump.sqlite")
    return path


@maker
def slackdump_archive_zip(path: Path) -> Path:
    path.mkdir()
    database(path / "db")
    members = {"a/slackdump.sqlite": (path / "db").read_bytes(), f"a/__uploads/{FILE_ID}/plan.txt": FILE}
    return pack(path.with_suffix(".zip"), members)


# ── look-alikes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@maker
def api_pages(path: Path) -> Path:
    """Responses of conversations.history kept as they came: pages in folders, and one file of a channel's name."""
    members = {f"{kind}.json": dump({"ok": True, "channels": rows}) for kind, rows in LISTED.items()}
    members["users.json"] = dump({"ok": True, "members": USERS})
    for kind, rows in LISTED.items():
        for row in rows:
            name, messages = row["id"] if kind == "dms" else row["name"], MESSAGES[row["id"]]
            if kind == "groups":
                members[f"{name}.json"] = dump({"ok": True, "messages": messages, "has_more": False})
                continue
            for number, message_ in enumerate(messages):
                members[f"{name}/page{number}.json"] = dump({"ok": True, "messages": [message_], "has_more": True})
    return write(path, members)


@maker
def bytes_repr_folders(path: Path) -> Path:
    """What a Python 2 script made of names that are not ASCII."""
    renamed = {name.replace("sécret/", f"{'sécret'.encode()!r}/"): content for name, content in standard().items()}
    return write(path, renamed)
