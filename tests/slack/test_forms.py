"""Every form of export through the real commands: the same census, a plan that balances, the same messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.slack.reader import open_export
from tests.slack.test_broken import run
from tests.slack.variants import FILE, FILE_ID, KEYS, MAKERS


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_forms_from_end_to_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(MAKERS[name](tmp_path / "export"))
    code, output, errors = run(monkeypatch, capsys, "inspect", "--json", path)
    assert (code, errors) == (0, "")
    census = json.loads(output)
    assert census["messages"] == len(KEYS)
    assert census["replies"] == 2
    assert census["people"] == 3
    assert census["conversations_by_kind"] == {"public": 1, "private": 1, "group": 1, "direct": 1}
    assert census["quarantined"] == 0
    assert census["notes"] == []
    place = str(tmp_path / "run")
    code, output, errors = run(monkeypatch, capsys, "plan", "--to", "memory", "--json", "-q", "--run", place, path)
    assert (code, errors) == (0, "")
    plan = json.loads(output)
    arriving = [line["count"] for line in plan["ledger"] if (line["feature"], line["fate"]) == ("messages", "lossless")]
    assert sum(arriving) == len(KEYS)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_forms_give_the_same_messages(name: str, tmp_path: Path) -> None:
    export = open_export([MAKERS[name](tmp_path / "export")])
    messages = [m for conversation in export.workspace.conversations for m in export.messages(conversation)]
    assert sorted((m.conversation, m.ts) for m in messages) == KEYS
    assert {(m.ts, m.thread) for m in messages if m.thread} == {
        ("1714560002.000100", "1714560001.000100"),
        ("1714650000.000100", "1714560001.000100"),
    }
    [file] = [file for m in messages for file in m.files]
    if FILE_ID in export.layout.uploads:
        assert export.open(file).read() == FILE
    export.close()


def test_all_forms_at_once_are_one_workspace(tmp_path: Path) -> None:
    """The same messages from seven exports are still each one message."""
    names = [
        "corporate_zip",
        "grid",
        "slackdump_dump",
        "slackdump_chunks",
        "slackdump_archive",
        "api_pages",
        "enclosed_zip",
    ]
    export = open_export([MAKERS[name](tmp_path / name) for name in names])
    found = [(m.conversation, m.ts) for c in export.workspace.conversations for m in export.messages(c)]
    assert sorted(found) == KEYS
    assert export.quarantine == []
    export.close()
