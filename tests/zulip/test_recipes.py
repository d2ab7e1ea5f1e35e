"""docs/zulip.md is true: its commands, options, settings and the lines for the host are those of the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from migrator.adapters.zulip.adapter import Zulip
from migrator.cli import cli
from migrator.config import load_settings
from migrator.plan import choose_route
from tests.fakes.zulip import FakeZulip
from tests.zulip.test_commands import KITCHEN_SINK, start

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "zulip.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    (slack-migrator .+)$", PAGE, re.MULTILINE)
CODE = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "adapters" / "zulip").glob("*.py"))


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_page_is_one(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("zulip-archive", "RUN"):
        Path(name).mkdir()
    for name in ("export.zip", "move.toml"):
        Path(name).touch()
    _, *words = shlex.split(line)
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    made = command.make_context(command.name, words, parent=context)
    if route := made.params.get("route"):
        assert choose_route(Zulip(), route).name == route


def test_every_setting_of_the_page_is_read_somewhere() -> None:
    table = re.search(r"    \[zulip\]\n((?:    .+\n)+)", PAGE)
    assert table is not None
    keys = re.findall(r"^    (?:# )?(\w+) = ", table[1], re.MULTILINE) + re.findall(r"^\| `(\w+)=", PAGE, re.MULTILINE)
    assert {"site", "api_key_file", "threads", "lanes", "sequences", "idle"} <= set(keys)
    for key in keys:
        assert f'"{key}"' in CODE or f'"{key.removesuffix("_file")}"' in CODE, key


def test_the_configuration_of_the_page_is_one(tmp_path: Path) -> None:
    table = re.search(r"    \[zulip\]\n((?:    .+\n)+)", PAGE)
    assert table is not None
    path = tmp_path / "move.toml"
    text = re.sub(r"^    (?:# )?", "", table[0], flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    settings = load_settings(path, "zulip")
    adapter = Zulip(settings)
    assert (adapter.policy.value, adapter.main_topic, adapter.lanes) == ("topics", "imported from Slack", 4)
    assert settings["api_key_file"] == str(tmp_path / "zulip.key")


def test_the_lines_for_the_host_afterwards_are_those_that_the_move_prints(fake: FakeZulip, tmp_path: Path) -> None:
    out, err = start(fake, tmp_path).communicate(timeout=120)
    lines = [row.strip() for row in PAGE.splitlines() if "manage.py" in row and "--revoke" in row]
    assert len(lines) == 2
    for line in lines:
        assert line.replace("SUBDOMAIN", "chat") in out, err
    assert "make a new key" in out


def test_the_lines_for_the_host_are_those_that_the_archive_route_prints(tmp_path: Path) -> None:
    line = ["migrate", str(KITCHEN_SINK), "--to", "zulip", "--route", "archive", "-o", str(tmp_path / "zulip-archive")]
    out = CliRunner().invoke(cli, [*line, "--run", str(tmp_path / "run"), "-q"]).output
    page, said = " ".join(PAGE.split()), " ".join(out.split())
    for name in ("stop-server", "start-server", "import ", "delete_realm -r ", "send_password_reset_email -r "):
        (line_there,) = set(re.findall(rf"\./((?:scripts/|manage\.py ){name}[^`\n]*)", PAGE))
        assert f"~/deployments/current/{line_there.replace('SUBDOMAIN', 'invented-kitchen')}" in said, line_there
    (query,) = re.findall(r'su zulip -c "psql .*?\'"', page)
    assert query in said


def test_the_lines_for_the_host_are_those_that_the_plan_prints(fake: FakeZulip, tmp_path: Path) -> None:
    owner = fake.realm.users[101]
    owner.forge = owner.create = False
    out, err = start(fake, tmp_path, "plan").communicate(timeout=120)
    assert KITCHEN_SINK.is_dir()
    for right in ("can_forge_sender", "can_create_users"):
        (line,) = {
            row.strip() for row in PAGE.splitlines() if right in row and "--revoke" not in row and "manage" in row
        }
        assert line.replace("SUBDOMAIN", "chat") in out, err
    assert 'RATE_LIMITING_RULES = {"api_by_user": [(60, 100000)]}' in out
    assert "JWT_AUTH_KEYS" in out
