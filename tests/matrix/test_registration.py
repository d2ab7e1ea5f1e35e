"""`slack-migrator matrix registration`: what is written, who can read it, what is shown."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from migrator.adapters.matrix.ids import alias, localpart, name_alias
from migrator.adapters.matrix.registration import Registration
from migrator.cli.matrix import command
from migrator.errors import UsageError


def call(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["registration", *arguments])


def test_the_registration_says_what_synapse_must_know(tmp_path: Path) -> None:
    path = tmp_path / "slack.yaml"
    result = call("--server-name", "example.org", "-o", str(path))
    assert result.exit_code == 0, result.output
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content["url"] is None
    assert content["rate_limited"] is False
    (users,), (aliases,) = content["namespaces"]["users"], content["namespaces"]["aliases"]
    assert users["exclusive"]
    for user in ("U024BE7LH", "name:Deploy Bot", "B1"):
        assert re.fullmatch(users["regex"], f"@{localpart('slack_', user)}:example.org")
    assert re.fullmatch(users["regex"], f"@{content['sender_localpart']}:example.org")
    assert not re.fullmatch(users["regex"], "@slack_u1:exampleXorg")
    for address in (alias("slack_", "C1", "example.org"), name_alias("slack_", "general", "example.org")):
        assert re.fullmatch(aliases["regex"], address)


def test_tokens_are_in_files_of_their_owner_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "slack.yaml"
    shown = call("--server-name", "example.org", "-o", str(path)).output
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    token = path.with_suffix(".token")
    assert token.read_text(encoding="utf-8").strip() == content["as_token"]
    assert content["as_token"] != content["hs_token"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path, token)} == {0o600}
    assert content["as_token"] not in shown
    assert content["hs_token"] not in shown
    assert "app_service_config_files" in shown
    assert content["as_token"] not in repr(Registration.make("example.org"))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "slack.yaml"
    path.write_text("mine", encoding="utf-8")
    result = call("--server-name", "example.org", "-o", str(path))
    assert isinstance(result.exception, UsageError)
    assert path.read_text(encoding="utf-8") == "mine"
    path.unlink()
    path.with_suffix(".token").write_text("mine", encoding="utf-8")
    assert isinstance(call("--server-name", "example.org", "-o", str(path)).exception, UsageError)
    assert not path.exists()


@pytest.mark.parametrize(
    ("server", "prefix"), [("", "slack_"), ("a b", "slack_"), ("example.org", "Slack "), ("x\ny", "s")]
)
def test_names_that_cannot_be_part_of_an_id_are_refused(server: str, prefix: str) -> None:
    with pytest.raises(UsageError):
        Registration.make(server, prefix)


def test_no_two_people_share_an_account() -> None:
    some = [
        "U1",
        "u1",
        "name:Bot",
        "name:bot",
        "name:b ot",
        "name:b_ot",
        "name:b=20ot",
        "x" * 300,
        "x" * 301,
        "é",
        "-u1",
    ]
    assert len({localpart("slack_", one) for one in some}) == len(some)
    for one in some:
        assert re.fullmatch(r"[a-z0-9._=\-]{1,200}", localpart("slack_", one))
