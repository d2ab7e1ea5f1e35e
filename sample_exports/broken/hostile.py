"""Makes the broken exports that a repository should not hold as they are: hostile zips, links, packed slackdump forms.

    python sample_exports/broken/hostile.py FOLDER       writes all of them into FOLDER

What each must lead to stands in outcomes.toml, beside the folders that are kept as they are.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

CASES: dict[str, Callable[[Path], Path]] = {}
USERS = [
    {"id": "U0ADA", "team_id": "T0BROKEN", "name": "ada", "profile": {"real_name": "Ada Abel"}},
    {"id": "U0BO", "team_id": "T0BROKEN", "name": "bo", "profile": {"real_name": "Bo Birch"}},
]
CHANNELS = [{"id": "C0GENERAL", "name": "general", "created": 1714500000, "members": ["U0ADA", "U0BO"]}]
DAY = "general/2024-05-01.json"


def message(number: int, **more: Any) -> dict[str, Any]:
    ts = f"17145{60000 + number}.000100"
    return {"type": "message", "user": "U0ADA", "text": f"Message {number}", "ts": ts, **more}


def plain() -> dict[str, bytes]:
    """A sound little export: two people, one channel, two messages."""
    content = {"users.json": USERS, "channels.json": CHANNELS, DAY: [message(1), message(2)]}
    return {name: json.dumps(value, indent=4).encode() for name, value in content.items()}


def case(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    CASES[make.__name__.replace("_", "-")] = make
    return make


def pack(path: Path, members: dict[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return path


def patch(path: Path, old: bytes, new: bytes, count: int = -1) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, count))
    return path


def each(content: bytearray, signature: bytes) -> list[int]:
    """Where the headers with this signature stand."""
    places, at = [], content.find(signature)
    while at >= 0:
        places.append(at)
        at = content.find(signature, at + 4)
    return places


def directory_entry(content: bytearray, name: str) -> int:
    for at in each(content, b"PK\1\2"):
        (length,) = struct.unpack_from("<H", content, at + 28)
        if content[at + 46 : at + 46 + length] == name.encode():
            return at
    raise AssertionError(name)


def raw_zip(path: Path, members: dict[bytes, bytes], flags: int = 0) -> Path:
    """Stored members with names as they are, as zipfile would never write them."""
    local, central = bytearray(), bytearray()
    for name, content in members.items():
        crc, size, offset = zlib.crc32(content), len(content), len(local)
        local += (
            struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, 0, 0, 33, crc, size, size, len(name), 0) + name + content
        )
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 0x0314, 20, flags, 0, 0, 33, crc, size, size, len(name), 0, 0, 0, 0, 0, offset
        )
        central += name
    count = len(members)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    return path


def as_folder(folder: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


# ── zips that cannot be read ────────────────────────────────────────────────────────────────────────────────────────


@case
def zip_empty_file(path: Path) -> Path:
    path.write_bytes(b"")
    return path


@case
def zip_not_a_zip(path: Path) -> Path:
    path.write_bytes(b"<!DOCTYPE html><html>Sign in</html>")
    return path


@case
def zip_cut_short(path: Path) -> Path:
    content = pack(path, plain()).read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


@case
def zip_directory_cut_off(path: Path) -> Path:
    content = bytearray(pack(path, plain()).read_bytes())
    del content[: len(content) // 2]
    path.write_bytes(content)
    return path


@case
def zip_directory_garbled(path: Path) -> Path:
    content = bytearray(pack(path, plain()).read_bytes())
    second = each(content, b"PK\1\2")[1]
    content[second : second + 4] = b"XXXX"
    path.write_bytes(content)
    return path


@case
def zip_without_members(path: Path) -> Path:
    return pack(path, {})


@case
def zip_in_zip(path: Path) -> Path:
    inner = pack(path.with_suffix(".inner"), plain())
    return pack(path, {"Export May 2024.zip": inner.read_bytes()})


@case
def zip_all_encrypted(path: Path) -> Path:
    content = bytearray(pack(path, plain()).read_bytes())
    for at in each(content, b"PK\1\2"):
        content[at + 8] |= 1
    path.write_bytes(content)
    return path


@case
def zip_part_of_a_split(path: Path) -> Path:
    content = bytearray(pack(path, plain()).read_bytes())
    content[-18] = 1
    path.write_bytes(content)
    return path


@case
def zip_claims_millions(path: Path) -> Path:
    """Without zip64 the count is 16 bits: this one claims 4 billion members by zip64."""
    content = bytearray(pack(path, plain()).read_bytes())
    end = content.rfind(b"PK\5\6")
    count, size, offset = 1 << 32, *struct.unpack_from("<2L", content, end + 12)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    content[end:end] = record + locator
    path.write_bytes(content)
    return path


# ── zips with members that are refused ──────────────────────────────────────────────────────────────────────────────


@case
def zip_bomb(path: Path) -> Path:
    return pack(path, plain() | {"general/2024-05-02.json": b"[" + b" " * (32 << 20) + b"]"})


@case
def zip_overlapping(path: Path) -> Path:
    """Two members whose directory entries point at the same bytes, as in a bomb without nesting."""
    content = bytearray(pack(path, plain() | {"a/2024-05-02.json": b"[]", "b/2024-05-02.json": b"[]"}).read_bytes())
    first, second = directory_entry(content, "a/2024-05-02.json"), directory_entry(content, "b/2024-05-02.json")
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    path.write_bytes(content)
    return path


@case
def zip_paths_that_lead_away(path: Path) -> Path:
    names = (
        "../../etc/2024-05-02.json",
        "/etc/2024-05-02.json",
        "C:/users.json",
        "C:\\users.json",
        "general/../x.json",
    )
    return pack(path, plain() | dict.fromkeys(names, b"[]"))


@case
def zip_name_with_nul(path: Path) -> Path:
    members = {name.encode(): content for name, content in plain().items()}
    return raw_zip(path, members | {b"general/2024-05-02.json\0.txt": b"[]"})


@case
def zip_symbolic_link(path: Path) -> Path:
    link = zipfile.ZipInfo("general/2024-05-02.json")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    return pack(path, [*plain().items(), (link, b"/etc/passwd")])


@case
def zip_device(path: Path) -> Path:
    device = zipfile.ZipInfo("general/2024-05-02.json")
    device.create_system, device.external_attr = 3, 0o020666 << 16
    return pack(path, [*plain().items(), (device, b"")])


@case
def zip_one_encrypted(path: Path) -> Path:
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": b"[]"}).read_bytes())
    content[directory_entry(content, "general/2024-05-02.json") + 8] |= 1
    path.write_bytes(content)
    return path


@case
def zip_duplicate_member(path: Path) -> Path:
    import warnings

    later = json.dumps([message(1), message(2), message(3)]).encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pack(path, [*plain().items(), (DAY, later)])


@case
def zip_other_method(path: Path) -> Path:
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": b"[]"}).read_bytes())
    content[directory_entry(content, "general/2024-05-02.json") + 10] = 9
    path.write_bytes(content)
    return path


@case
def zip_too_deep(path: Path) -> Path:
    return pack(path, plain() | {"a/" * 40 + "2024-05-02.json": b"[]"})


@case
def zip_wrong_checksum(path: Path) -> Path:
    extra = json.dumps([message(3)]).encode()
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": extra}).read_bytes())
    content[directory_entry(content, "general/2024-05-02.json") + 16] ^= 0xFF
    path.write_bytes(content)
    return path


@case
def zip_size_too_small(path: Path) -> Path:
    extra = json.dumps([message(3)]).encode()
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": extra}).read_bytes())
    at = directory_entry(content, "general/2024-05-02.json") + 24
    content[at : at + 4] = struct.pack("<L", 5)
    path.write_bytes(content)
    return path


@case
def zip_broken_deflate(path: Path) -> Path:
    extra = json.dumps([message(n) for n in range(3, 40)]).encode()
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": extra}).read_bytes())
    (offset,) = struct.unpack_from("<L", content, directory_entry(content, "general/2024-05-02.json") + 42)
    start = offset + 30 + len("general/2024-05-02.json")
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    return path


@case
def zip_member_beyond_the_end(path: Path) -> Path:
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": b"[]"}).read_bytes())
    at = directory_entry(content, "general/2024-05-02.json") + 42
    content[at : at + 4] = struct.pack("<L", 0x7FFFFFFF)
    path.write_bytes(content)
    return path


@case
def zip_member_elsewhere(path: Path) -> Path:
    content = bytearray(pack(path, plain() | {"general/2024-05-02.json": b"[]" * 50}).read_bytes())
    at = directory_entry(content, "general/2024-05-02.json") + 42
    (offset,) = struct.unpack_from("<L", content, at)
    content[at : at + 4] = struct.pack("<L", offset + 3)
    path.write_bytes(content)
    return path


# ── zips that are only odd ──────────────────────────────────────────────────────────────────────────────────────────


@case
def zip_enclosed_with_junk(path: Path) -> Path:
    members = {f"My export/{name}": content for name, content in plain().items()}
    return pack(path, members | {"__MACOSX/My export/._users.json": b"\0", "My export/.DS_Store": b"\0"})


@case
def zip_backslashes(path: Path) -> Path:
    return raw_zip(path, {name.replace("/", "\\").encode(): content for name, content in plain().items()})


def _with_name(name: str) -> dict[str, bytes]:
    channels = json.dumps([{**CHANNELS[0], "name": name}]).encode()
    return plain() | {"channels.json": channels}


@case
def zip_names_without_flag(path: Path) -> Path:
    members = {n.replace("general", "düsseldorf").encode(): c for n, c in _with_name("düsseldorf").items()}
    return raw_zip(path, members)


@case
def zip_names_in_a_code_page(path: Path) -> Path:
    members = {n.replace("general", "düsseldorf").encode("cp437"): c for n, c in _with_name("düsseldorf").items()}
    return raw_zip(path, members)


@case
def zip_names_flagged_wrongly(path: Path) -> Path:
    members = {n.encode(): c for n, c in plain().items()}
    return raw_zip(path, members | {b"general/\xff\xfe-2024.json": b"{}"}, flags=0x800)


@case
def zip_something_before_and_behind(path: Path) -> Path:
    content = pack(path, plain()).read_bytes()
    path.write_bytes(b"#!/bin/sh\nexit 0\n" + content[:-2] + struct.pack("<H", 7) + b"comment")
    return path


# ── folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@case
def folder_with_links(path: Path) -> Path:
    as_folder(path, plain())
    outside = as_folder(path.with_name(path.name + ".outside"), {"2024-05-02.json": json.dumps([message(9)]).encode()})
    (path / "general" / "2024-05-02.json").symlink_to(outside / "2024-05-02.json")
    (path / "elsewhere").symlink_to(outside)
    return path


@case
def folder_with_pipe(path: Path) -> Path:
    as_folder(path, plain())
    os.mkfifo(path / "general" / "2024-05-02.json")
    return path


@case
def folder_too_deep(path: Path) -> Path:
    return as_folder(path, plain() | {"a/" * 40 + "2024-05-02.json": b"[]"})


@case
def folder_without_anything(path: Path) -> Path:
    path.mkdir()
    return path


@case
def folder_of_one_zip(path: Path) -> Path:
    path.mkdir()
    pack(path / "export.zip", plain())
    return path


@case
def path_that_is_not_there(path: Path) -> Path:
    return path


@case
def text_of_a_megabyte(path: Path) -> Path:
    day = [message(3, text="*_~`<:" * 170_000), message(4)]
    return as_folder(path, plain() | {"general/2024-05-02.json": json.dumps(day).encode()})


@case
def reactions_of_thousands(path: Path) -> Path:
    people = [f"U{n:08}" for n in range(5000)]
    day = [message(3, reactions=[{"name": "tada", "users": people, "count": 9000}])]
    return as_folder(path, plain() | {"general/2024-05-02.json": json.dumps(day).encode()})


# ── slackdump's packed forms ────────────────────────────────────────────────────────────────────────────────────────


def lines(*chunks: dict[str, Any]) -> bytes:
    return "".join(json.dumps(chunk) + "\n" for chunk in chunks).encode()


@case
def chunks_cut_short(path: Path) -> Path:
    packed = gzip.compress(lines({"t": 0, "ts": 1, "id": "C0GENERAL", "m": [message(n) for n in range(1, 400)]}))
    return as_folder(path, {"C0GENERAL.json.gz": packed[: len(packed) // 2], **_chunk_indexes()})


@case
def chunks_with_a_broken_line(path: Path) -> Path:
    good = lines({"t": 0, "ts": 1, "id": "C0GENERAL", "m": [message(1), message(2)]})
    return as_folder(path, {"C0GENERAL.json.gz": gzip.compress(good + b'{"t": 0, "id"\n'), **_chunk_indexes()})


@case
def chunks_not_gzip(path: Path) -> Path:
    return as_folder(path, {"C0GENERAL.json.gz": b"this is not gzip", **_chunk_indexes()})


def _chunk_indexes() -> dict[str, bytes]:
    return {
        "users.json.gz": gzip.compress(lines({"t": 3, "ts": 1, "u": USERS})),
        "channels.json.gz": gzip.compress(lines({"t": 4, "ts": 1, "ch": CHANNELS})),
    }


def database(path: Path, rows: list[tuple[int, int, str, bytes | str]]) -> Path:
    """An archive of slackdump: `rows` are (ID, CHUNK_ID, CHANNEL_ID, DATA)."""
    path.mkdir()
    connection = sqlite3.connect(path / "slackdump.sqlite")
    connection.executescript(
        """
        CREATE TABLE SESSION (ID INTEGER PRIMARY KEY, FINISHED BOOLEAN);
        CREATE TABLE CHUNK (ID INTEGER PRIMARY KEY, TYPE_ID INTEGER, CHANNEL_ID TEXT);
        CREATE TABLE MESSAGE (ID INTEGER, CHUNK_ID INTEGER, CHANNEL_ID TEXT, TS TEXT, DATA BLOB);
        CREATE TABLE CHANNEL (ID TEXT, CHUNK_ID INTEGER, DATA BLOB);
        CREATE TABLE S_USER (ID TEXT, CHUNK_ID INTEGER, DATA BLOB);
        CREATE TABLE CHANNEL_USER (CHANNEL_ID TEXT, USER_ID TEXT, CHUNK_ID INTEGER, IDX INTEGER);
        """
    )
    connection.execute("INSERT INTO SESSION VALUES (1, 1)")
    connection.executemany("INSERT INTO CHUNK VALUES (?, ?, NULL)", [(n, 4) for n in range(1, 9)])
    connection.executemany("INSERT INTO S_USER VALUES (?, 1, ?)", [(u["id"], json.dumps(u).encode()) for u in USERS])
    connection.executemany(
        "INSERT INTO CHANNEL VALUES (?, 1, ?)", [(c["id"], json.dumps(c).encode()) for c in CHANNELS]
    )
    connection.executemany("INSERT INTO MESSAGE VALUES (?, ?, ?, '', ?)", rows)
    connection.commit()
    connection.close()
    return path


def _row(number: int, chunk: int = 2, **more: Any) -> tuple[int, int, str, bytes]:
    return 1714560000000100 + number * 1_000_000, chunk, "C0GENERAL", json.dumps(message(number, **more)).encode()


@case
def sqlite_rows_of_anything(path: Path) -> Path:
    odd = [(1, 2, "C0GENERAL", b"not json"), (2, 2, "C0GENERAL", b"null"), (3, 2, "C0GENERAL", "[1]")]
    return database(path, [_row(1), _row(2), _row(2, chunk=3, text="As last seen"), *odd])


@case
def sqlite_not_a_database(path: Path) -> Path:
    return as_folder(path, {"slackdump.sqlite": b"SQLite format 3\0" + b"\xff" * 4096})


@case
def sqlite_of_something_else(path: Path) -> Path:
    path.mkdir()
    connection = sqlite3.connect(path / "slackdump.sqlite")
    connection.execute("CREATE TABLE PLANTS (ID)")
    connection.commit()
    connection.close()
    return path


@case
def sqlite_cut_short(path: Path) -> Path:
    file = database(path, [_row(n, text="x" * 500) for n in range(1, 200)]) / "slackdump.sqlite"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return path


def make(name: str, folder: Path) -> Path:
    """One case in `folder`; returns the path to give to the program."""
    return CASES[name](folder / (f"{name}.zip" if name.startswith("zip-") else name))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for each_name in CASES:
        make(each_name, target)
