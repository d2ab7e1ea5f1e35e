"""Secrets are shown nowhere: not by repr, not in errors, not in what a run leaves behind."""

from __future__ import annotations

import pickle
from pathlib import Path

import click
import msgspec
import pytest

from docs.generate import commands
from migrator.cli import cli
from migrator.errors import UsageError
from migrator.model import File, Remote
from migrator.secret import Secret, read_secret

TOKEN = "xoxe-1-very-secret"


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode({"token": secret})
    assert secret.reveal() == TOKEN


def test_the_address_of_a_file_is_a_secret() -> None:
    file = File("F1", "a.txt", data=Remote(f"https://files.slack.com/a?t={TOKEN}"))
    assert TOKEN not in f"{file} {file!r}"


def test_a_secret_comes_from_the_environment_a_file_or_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    assert read_secret({"as_token_file": str(tmp_path / "token")}, "as_token").reveal() == TOKEN
    assert read_secret({"as_token_command": f"cat {tmp_path / 'token'}"}, "as_token").reveal() == TOKEN
    monkeypatch.setenv("SLACK_MIGRATOR_AS_TOKEN", "from the environment")
    assert read_secret({"as_token": "from the file"}, "as_token").reveal() == "from the environment"


def test_a_missing_secret_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_secret({}, "as_token")
    assert "SLACK_MIGRATOR_AS_TOKEN" in error.value.hint
    with pytest.raises(UsageError):
        read_secret({"as_token_file": str(tmp_path / "nowhere")}, "as_token")
    with pytest.raises(UsageError) as failed:
        read_secret({"as_token_command": f"false {TOKEN}"}, "as_token")
    assert TOKEN not in f"{failed.value} {failed.value.hint} {failed.value.__cause__}"


def test_no_command_takes_a_secret_as_an_argument() -> None:
    words = ("token", "password", "secret", "key")
    for path, command in commands(cli, ()):
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                names = " ".join(parameter.opts)
                assert not any(word in names for word in words), f"{' '.join(path)} {names}"
