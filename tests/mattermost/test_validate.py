"""Every trap of facts/mattermost.md 10.1 and every limit of 4.2: a file that would fail or do damage is refused."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.adapters.mattermost.present import Account, Place, Present
from migrator.adapters.mattermost.validate import check, refuse
from migrator.cli import cli
from migrator.errors import ItemsFailed

Lines = list[dict[str, Any]]
GOOD: Lines = [
    {"type": "version", "version": 1},
    {"type": "emoji", "emoji": {"name": "party_parrot", "image": "emoji/parrot.png"}},
    {"type": "team", "team": {"name": "team", "display_name": "Team", "type": "I"}},
    {"type": "channel", "channel": {"team": "team", "name": "general", "type": "O", "display_name": "General"}},
    {
        "type": "user",
        "user": {
            "username": "ada",
            "email": "ada@example.invalid",
            "teams": [{"name": "team", "channels": [{"name": "general"}]}],
        },
    },
    {"type": "user", "user": {"username": "bo", "email": "bo@example.invalid"}},
    {"type": "bot", "bot": {"username": "robot", "owner": "nobody"}},
    {"type": "direct_channel", "direct_channel": {"members": ["ada", "bo"]}},
    {
        "type": "post",
        "post": {
            "team": "team",
            "channel": "general",
            "user": "ada",
            "message": "",
            "create_at": 1000,
            "reactions": [{"user": "bo", "emoji_name": "party_parrot", "create_at": 1000}],
            "replies": [{"user": "bo", "message": "yes", "create_at": 1001, "attachments": [{"path": "a.txt"}]}],
            "thread_followers": [{"user": "ada", "last_viewed": 1}],
        },
    },
    {
        "type": "direct_post",
        "direct_post": {"channel_members": ["ada", "ada"], "user": "ada", "message": "x", "create_at": 5},
    },
]
PRESENT = Present(
    {"eve": Account("1", "eve", "eve@example.invalid"), "hal": Account("2", "hal", bot=True)},
    {"old": Place("c", "old", archived=True)},
)


def written(folder: Path, lines: Lines, raw: bytes = b"", *, size: int = 10) -> Path:
    path = folder / "import.zip"
    with zipfile.ZipFile(path, "w") as archive:
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + raw
        archive.writestr("import.jsonl", body)
        archive.writestr("data/emoji/parrot.png", bytes(size))
        archive.writestr("data/a.txt", b"a")
    return path


def changed(act: Callable[[Lines], Any]) -> Lines:
    lines = copy.deepcopy(GOOD)
    act(lines)
    return lines


def test_a_good_file_passes(tmp_path: Path) -> None:
    assert check(written(tmp_path, GOOD), PRESENT) == []
    refuse(written(tmp_path, GOOD), PRESENT)


POST, REPLY = 8, "replies"
BREAK: dict[str, tuple[Callable[[Lines], Any], str]] = {
    # what kills or blocks the server
    "a bot named like a person of the server": (lambda x: x[6]["bot"].update(username="eve"), "process would die"),
    "a bot named like a person of the file": (lambda x: x[6]["bot"].update(username="bo"), "process would die"),
    "a line without its object": (lambda x: x.insert(9, {"type": "post"}), "process would die"),
    "a second version line": (lambda x: x.insert(1, {"type": "version", "version": 1}), "hang for ever"),
    # what takes something away
    "somebody who is there": (lambda x: x[5]["user"].update(username="eve"), "password and rights"),
    "an archived channel again": (lambda x: x[3]["channel"].update(name="old"), "archived on the server already"),
    "equal times": (lambda x: x[POST]["post"][REPLY][0].update(create_at=1000), "another one's author"),
    "a reply before its root": (lambda x: x[POST]["post"][REPLY][0].update(create_at=999), "before its root"),
    "a file that is not there": (lambda x: x[POST]["post"].update(attachments=[{"path": "b"}]), "not in the zip"),
    "a path out of the zip": (lambda x: x[POST]["post"].update(attachments=[{"path": "../a"}]), "leads out"),
    # what stops an import
    "a taken address": (lambda x: x[5]["user"].update(email="ADA@example.invalid"), "address of somebody else"),
    "an address of the server": (lambda x: x[5]["user"].update(email="eve@example.invalid"), "address of somebody"),
    "no address": (lambda x: x[5]["user"].pop("email"), "missing"),
    "not an address": (lambda x: x[5]["user"].update(email="bo"), "not an address"),
    "a name with a space": (lambda x: x[5]["user"].update(username="b o"), "not a username"),
    "a reserved name": (lambda x: x[5]["user"].update(username="all"), "not a username"),
    "a user twice": (lambda x: x.insert(6, x[5]), "bo twice"),
    "auth without data": (lambda x: x[5]["user"].update(auth_service="saml"), "go together"),
    "a long nickname": (lambda x: x[5]["user"].update(nickname="x" * 65), "64 at most"),
    "NUL": (lambda x: x[POST]["post"].update(message="a\0b"), "NUL"),
    "NUL in props": (lambda x: x[POST]["post"].update(props={"a": "\0"}), "NUL"),
    "a long type": (lambda x: x[POST]["post"].update(type="custom_" + "x" * 20), "26 at most"),
    "an unknown type": (
        lambda x: x[POST]["post"].update(type="system_combined_user_activity"),
        "unknown to the server",
    ),
    "an unknown author": (lambda x: x[POST]["post"].update(user="zed"), "nobody"),
    "an unknown replier": (lambda x: x[POST]["post"][REPLY][0].update(user="zed"), "nobody"),
    "an unknown reactor": (lambda x: x[POST]["post"]["reactions"][0].update(user="zed"), "nobody"),
    "an unknown follower": (lambda x: x[POST]["post"]["thread_followers"][0].update(user="zed"), "nobody"),
    "an unknown saver": (lambda x: x[POST]["post"].update(flagged_by=["zed"]), "nobody"),
    "a follower twice": (lambda x: x[POST]["post"].update(thread_followers=[{"user": "bo"}] * 2), "twice"),
    "upper case": (lambda x: x[POST]["post"].update(user="Ada"), "lower case"),
    "an upper case channel": (lambda x: x[POST]["post"].update(channel="General"), "lower case"),
    "an unknown channel": (lambda x: x[POST]["post"].update(channel="nowhere"), "no channel"),
    "a reaction before its post": (lambda x: x[POST]["post"]["reactions"][0].update(create_at=1), "before its post"),
    "a reaction's name": (lambda x: x[POST]["post"]["reactions"][0].update(emoji_name="日本"), "not an emoji name"),
    "a group of nine": (lambda x: x[7]["direct_channel"].update(members=["ada"] * 9), "2 to 8"),
    "a direct post to nine": (lambda x: x[9]["direct_post"].update(channel_members=["ada"] * 9), "2 to 8"),
    "a channel type": (lambda x: x[3]["channel"].update(type=""), "neither O nor P"),
    "a channel name": (lambda x: x[3]["channel"].update(name="_general"), "not a channel name"),
    "a long header": (lambda x: x[3]["channel"].update(header="x" * 1025), "1024 at most"),
    "a long purpose": (lambda x: x[3]["channel"].update(purpose="x" * 251), "250 at most"),
    "a text too long": (lambda x: x[POST]["post"].update(message="x" * 16_384), "16383 at most"),
    "no text at all": (lambda x: x[POST]["post"].pop("message"), "missing"),
    "time 0": (lambda x: x[POST]["post"].update(create_at=0), "not a time"),
    "a time as text": (lambda x: x[POST]["post"].update(create_at="1000"), "post.create_at"),
    "eleven files": (lambda x: x[POST]["post"].update(attachments=[{"path": "a.txt"}] * 11), "10 at most"),
    "too many replies": (
        lambda x: x[POST]["post"].update(
            replies=[{"user": "bo", "message": "", "create_at": 2000 + n} for n in range(3_641)]
        ),
        "takes 3640",
    ),
    "an emoji without image": (lambda x: x[1]["emoji"].update(image="emoji/none.png"), "not in the zip"),
    "an emoji's name": (lambda x: x[1]["emoji"].update(name="a b"), "not an emoji name"),
    "an emoji of the server's own": (lambda x: x[1]["emoji"].update(name="smile"), "one of the server's own"),
    "an avatar that is not there": (lambda x: x[5]["user"].update(profile_image="none.png"), "not in the zip"),
    "a team's name": (lambda x: x[2]["team"].update(name="T"), "not a team name"),
    "a team's name that is reserved": (lambda x: x[2]["team"].update(name="helpdesk"), "reserved"),
    "half a guest": (lambda x: x[4]["user"].update(roles="system_guest"), "a guest is one everywhere"),
    "an unknown word": (lambda x: x[4]["user"].update(email_interval="never"), "neither immediately"),
    "one participant": (lambda x: x[7]["direct_channel"].update(participants=[{"username": "ada"}]), "2 to 8"),
    "a favourite of a stranger": (lambda x: x[7]["direct_channel"].update(favorited_by=["zed"]), "no member"),
    "a number for a list": (lambda x: x[POST]["post"].update(flagged_by=1), "post.flagged_by"),
    "props of a megabyte": (lambda x: x[POST]["post"].update(props={"a": "<" * 140_000}), "over 800000"),
    "types apart": (lambda x: x.append(x[POST]), "not together"),
    "an unknown line type": (lambda x: x.append({"type": "pots", "pots": {}}), "unknown"),
    "no version": (lambda x: x.pop(0), "must be version 1"),
}


@pytest.mark.parametrize("name", BREAK)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    act, why = BREAK[name]
    path = written(tmp_path, changed(act))
    problems = check(path, PRESENT)
    assert [p for p in problems if why in p and p.startswith("line ")], problems
    with pytest.raises(ItemsFailed):
        refuse(path, PRESENT)


@pytest.mark.parametrize("raw", [b"\n", b"{\n", b"\xef\xbb\xbf{}\n", b"[]\n", b'{"type":"post","post":[]}\n'])
def test_a_broken_line_is_refused(tmp_path: Path, raw: bytes) -> None:
    assert [p for p in check(written(tmp_path, GOOD, raw)) if p.startswith("line 11: ")]


def test_an_emoji_over_half_a_mebibyte_is_refused(tmp_path: Path) -> None:
    assert "over 524288 bytes" in check(written(tmp_path, GOOD, size=(512 << 10) + 1))[0]


def test_too_many_followers_in_a_batch_are_refused(tmp_path: Path) -> None:
    followers = [{"user": f"u{n}"} for n in range(100)]
    post = {"team": "t", "channel": "c", "user": "u0", "message": "", "thread_followers": followers}
    lines = [{"type": "version", "version": 1}]
    lines += [{"type": "post", "post": {**post, "create_at": n + 1}} for n in range(110)]
    assert "line 111: post.thread_followers: over 10922 in 1000 lines" in check(written(tmp_path, lines))


def test_the_command_tells_what_is_wrong_and_ends_with_a_code(tmp_path: Path) -> None:
    good = CliRunner().invoke(cli, ["mattermost", "check", str(written(tmp_path, GOOD))])
    assert (good.exit_code, good.output) == (0, "The server would take this file.\n")
    bad = CliRunner().invoke(cli, ["mattermost", "check", str(written(tmp_path, GOOD[1:]))])
    assert isinstance(bad.exception, ItemsFailed)
    assert "must be version 1" in bad.output


def test_a_bare_file_is_checked_too_and_anything_else_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"type":"version","version":1}\n')
    assert check(path) == []
    path.write_bytes(b"\x00\xff")
    assert check(path)
    path.write_bytes(b"")
    assert check(path) == ["line 0: the file is empty"]
