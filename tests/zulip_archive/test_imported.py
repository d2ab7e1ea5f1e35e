"""The archive is imported, then read back over the API and compared message by message; a later export goes on."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator.cli import cli
from migrator.errors import MigratorError
from tests.corpora import CORPORA
from tests.fakes.zulip import FakeZulip, serving
from tests.fakes.zulip_import import load, owner_of
from tests.fakes.zulip_realm import Message, Realm
from tests.oracles.zulip.test_dialect import server_emoji
from tests.zulip_archive.conftest import SAMPLES

KITCHEN = SAMPLES / "kitchen_sink"


def run(*arguments: object) -> Result:
    """A command, with the exit code that its error stands for."""
    result = CliRunner().invoke(cli, [*map(str, arguments), "-q"])
    if isinstance(result.exception, MigratorError):
        result.exit_code = result.exception.exit_code
    return result


def said(result: Result) -> str:
    """What was printed, and the error with its hint."""
    return f"{result.output}\n{result.exception}\n{getattr(result.exception, 'hint', '')}"


class Archived:
    """A run folder whose archive was imported: into `realm`, which `fake` serves."""

    def __init__(self, folder: Path, stack: ExitStack, *choices: str, version: str = "11.0", export: Path = KITCHEN):
        self.folder, self.run = folder, folder / "run"
        arguments = ["migrate", export, "--to", "zulip", "--route", "archive", "-o", folder / "out", "--run", self.run]
        self.written = run(*arguments, *(part for choice in choices for part in ("--set", choice)))
        assert (folder / "out" / "realm.json").is_file(), self.written.output
        exact = any(choice.startswith("sequences") for choice in choices)
        self.realm: Realm = load(folder / "out", server_emoji(), version, keep_ids=exact)
        self.realm.jwt_key = "shared"
        self.fake: FakeZulip = stack.enter_context(serving(self.realm))
        self.config = folder / "move.toml"
        self.configure("zulip.key", jwt=True)

    def configure(self, key_file: str, *, jwt: bool) -> None:
        (self.folder / key_file).write_text("admin-key\n")
        (self.folder / "jwt.key").write_text("shared\n")
        owner = owner_of(self.realm)
        text = f'[zulip]\nsite = "{self.fake.site}"\nemail = "{owner.email}"\napi_key_file = "{key_file}"\n'
        self.config.write_text(text + ('jwt_key_file = "jwt.key"\n' if jwt else ""))

    def verify(self) -> Result:
        return run("verify", self.run, "--config", self.config)


@pytest.fixture
def archived(tmp_path: Path) -> Iterator[Callable[..., Archived]]:
    with ExitStack() as stack:
        yield lambda *choices, **more: Archived(tmp_path, stack, *choices, **more)


def test_the_command_says_what_to_do_and_asks_no_server_before_the_import(tmp_path: Path) -> None:
    """With a configuration too: its organisation is not there yet."""
    (tmp_path / "zulip.key").write_text("a key")
    config = tmp_path / "move.toml"
    config.write_text('[zulip]\nsite = "http://127.0.0.1:9"\nemail = "a@example.invalid"\napi_key_file = "zulip.key"\n')
    arguments = ["migrate", SAMPLES / "tiny", "--to", "zulip", "--route", "archive", "--config", config]
    done = run(*arguments, "--set", "version=11", "-o", tmp_path / "out", "--run", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "manage.py import" in done.output
    assert f"slack-migrator verify {tmp_path / 'run'} --config FILE" in done.output
    unsaid = run(*arguments, "-o", tmp_path / "out", "--run", tmp_path / "run")
    assert unsaid.exit_code == 6, said(unsaid)  # which version it is must be asked, and nobody answers


def test_the_version_is_asked_of_the_server_where_there_is_one(tmp_path: Path) -> None:
    with serving(Realm(server_emoji(), version="11.0-dev+git", level=372)) as fake:
        config = tmp_path / "move.toml"
        config.write_text(f'[zulip]\nsite = "{fake.site}"\n')
        arguments = ["migrate", SAMPLES / "tiny", "--to", "zulip", "--route", "archive", "--config", config]
        done = run(*arguments, "-o", tmp_path / "out", "--run", tmp_path / "run")
        assert done.exit_code == 0, done.output
        assert fake.calls == [("GET", "server_settings")]
    realm = json.loads((tmp_path / "out" / "realm.json").read_text())
    assert "folder" not in realm["zerver_stream"][0]


@pytest.mark.parametrize(
    ("export", "version", "choices"),
    [
        (KITCHEN, "11.0", ("version=11",)),
        (KITCHEN, "11.0", ("version=11", "sequences=1000,2000,3000")),
        (KITCHEN, "11.0", ("version=11", "threads=quotes")),
        (KITCHEN, "9.4", ("version=9",)),
        (KITCHEN, "12.0", ("version=12", "sequences=1000,2000,3000")),
        (CORPORA / "houstondatavis.zip", "11.0", ("version=11",)),
    ],
    ids=["names", "ids", "quotes", "9", "12", "real"],
)
def test_everything_is_there_after_the_import(
    export: Path, version: str, choices: tuple[str, ...], archived: Callable[..., Archived]
) -> None:
    move = archived(*choices, version=version, export=export)
    done = move.verify()
    assert done.exit_code == 0, done.output
    assert "0 mismatches" in done.output
    assert "not read back" not in done.output
    again = move.verify()
    assert again.exit_code == 0, again.output
    assert move.fake.violations == []
    assert "admin-key" not in done.output


DAMAGE: dict[str, tuple[Callable[[Realm, Message], object], str]] = {
    "text": (lambda realm, m: setattr(m, "content", m.content + " and more"), "text"),
    "author": (lambda realm, m: setattr(m, "sender", next(n for n in realm.users if n != m.sender)), "author"),
    "time": (lambda realm, m: setattr(m, "time", m.time + 86_400), "time"),
    "gone": (lambda realm, m: setattr(m, "deleted", True), "missing"),
    "reaction": (
        lambda realm, m: m.reactions.append(
            {"user_id": m.sender, "emoji_name": "tada", "emoji_code": "1f389", "reaction_type": "unicode_emoji"}
        ),
        "reactions",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_one_damaged_message_is_named(case: str, archived: Callable[..., Archived]) -> None:
    move = archived("version=11")
    damage, named = DAMAGE[case]
    general = next(c.id for c in move.realm.channels.values() if c.name == "general")
    there = [m for m in move.realm.messages.values() if m.channel == general and "⤷" not in m.content]
    message = there[len(there) // 2]
    damage(move.realm, message)
    done = move.verify()
    assert done.exit_code == 4, done.output
    lines = [line for line in done.output.splitlines() if line.strip().startswith("!")]
    assert any(f": {named}: expected" in line for line in lines), done.output
    keys = {line.split()[1] for line in lines}
    assert len(keys) <= 2, keys  # and nothing else is: a message out of its time may also be out of its order


def test_a_file_whose_bytes_changed_is_named(archived: Callable[..., Archived]) -> None:
    move = archived("version=11")
    upload = next(iter(move.realm.uploads.values()))
    upload.data += b"!"
    done = move.verify()
    assert done.exit_code == 4
    assert ": files: expected" in done.output


def test_what_nobody_may_read_is_said_and_not_called_missing(archived: Callable[..., Archived]) -> None:
    """Without a JWT key: direct messages and private channels of others."""
    move = archived("version=11")
    move.configure("zulip.key", jwt=False)
    done = move.verify()
    assert done.exit_code == 3, done.output
    assert "not read back" in done.output
    assert "missing" not in done.output
    assert "What can be read arrived" in done.output


def test_a_later_export_goes_on_live_and_brings_what_archives_do_not_hold(archived: Callable[..., Archived]) -> None:
    move = archived("version=11")
    live = ["migrate", KITCHEN, "--to", "zulip", "--config", move.config, "--run", move.run]
    early = run(*live)
    assert early.exit_code == 2, said(early)  # what the archive brought would be sent again
    assert f"verify {move.run} --config" in said(early)
    assert move.verify().exit_code == 0
    owner = owner_of(move.realm)
    owner.forge = owner.create = True
    count = len(move.realm.messages)
    done = run(*live)
    assert done.exit_code == 0, done.output
    assert "Sent 0 posts" in done.output
    assert len(move.realm.messages) == count
    assert [group["name"] for group in move.realm.groups.values()] == ["cooks"]
    later = move.folder / "later"
    shutil.copytree(KITCHEN, later)
    user = json.loads((KITCHEN / "users.json").read_text())[0]["id"]
    message = {"type": "message", "user": user, "text": "one more", "ts": "1893456000.000100"}
    (later / "general" / "2030-01-01.json").write_text(json.dumps([message]))
    done = run("migrate", later, *live[2:])
    assert done.exit_code == 0, done.output
    assert "Sent 1 posts" in done.output
    assert "0 mismatches" in done.output
    assert len(move.realm.messages) == count + 1
    assert [m for m in move.realm.messages.values() if re.fullmatch("one more", m.content)]
