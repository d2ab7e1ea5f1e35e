"""Archives as the command writes them, made once for all tests that only read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator.cli import cli

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"
Write = Callable[..., Path]


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    made: dict[tuple[str, ...], Path] = {}

    def run(export: Path, *choices: str) -> Path:
        key = (str(export), *choices)
        if key not in made:
            place = tmp_path_factory.mktemp("archive")
            arguments = ["migrate", str(export), "--to", "zulip", "--route", "archive", "-q"]
            arguments += ["-o", str(place / "out"), "--run", str(place / "run")]
            for choice in choices:
                arguments += ["--set", choice]
            result = CliRunner().invoke(cli, arguments)
            # damaged records that were set aside end in an exit code of their own
            assert (place / "out" / "realm.json").is_file(), result.output
            made[key] = place / "out"
        return made[key]

    return run


@pytest.fixture(scope="session")
def kitchen(write: Write) -> Path:
    return write(SAMPLES / "kitchen_sink", "version=11")


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    """A table of an archive, from whichever file it is in."""
    if table in ("zerver_message", "zerver_usermessage"):
        return [row for path in sorted(folder.glob("messages-*.json")) for row in json.loads(path.read_text())[table]]
    name = "attachment.json" if table == "zerver_attachment" else "realm.json"
    found: list[dict[str, Any]] = json.loads((folder / name).read_text())[table]
    return found
