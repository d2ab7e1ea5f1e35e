"""The smaller samples: one person's export, and one workspace of an organisation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrator.model import MessageKind, Role
from migrator.slack.reader import Export, open_export
from tests.slack.test_broken import run

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"
TARGETS = ("memory", "matrix", "zulip", "mattermost")


def inspected(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    code, output, errors = run(monkeypatch, capsys, "inspect", "--json", str(SAMPLES / name))
    assert (code, errors) == (0, "")
    census: dict[str, Any] = json.loads(output)
    assert (census["quarantined"], census["notes"], census["unknown"]) == (0, [], {})
    return census


def opened(name: str) -> tuple[Export, dict[str, list[Any]]]:
    source = open_export([SAMPLES / name])
    return source, {id_: list(source.messages(id_)) for id_ in source.workspace.conversations}


def test_one_persons_export(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All that she took part in, of one month: conversations without a message are listed too."""
    census = inspected(monkeypatch, capsys, "single_user")
    assert census["conversations_by_kind"] == {"direct": 3, "public": 2, "group": 1, "private": 1}
    assert (census["messages"], census["replies"], census["threads"], census["people"]) == (8, 2, 2, 3)
    assert census["odd"] == {"threads whose first message is not in the export": 1}
    source, found = opened("single_user")
    assert {id_: len(messages) for id_, messages in found.items()} == {
        "C0BAKERY1": 4,  # with the root that was written in February
        "C0QUIET01": 0,
        "C0RECIPES": 1,
        "C0MPDM001": 2,
        "D0INESJOR": 1,
        "D0INESSLF": 1,
        "D0INESOLD": 0,
    }
    assert [m.ts for m in found["C0BAKERY1"] if m.kind is MessageKind.PLACEHOLDER] == ["1708000000.000100"]
    assert source.workspace.conversations["D0INESSLF"].members == ("U0INES001",)
    source.close()


def test_one_workspace_of_an_organisation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own channels; a colleague of another workspace writes in one, and a shared channel is only named."""
    census = inspected(monkeypatch, capsys, "grid_workspace")
    assert census["conversations_by_kind"] == {"private": 1, "public": 1}
    assert (census["messages"], census["people"], census["people_made_up_from"]) == (4, 2, {"profile": 1})
    source, found = opened("grid_workspace")
    assert source.workspace.id == "T0APPLES1"
    nils = source.workspace.users["W0NILS001"]
    assert (nils.name, nils.role, nils.team, nils.reason) == ("nils", Role.STRANGER, "T0PEARS01", "profile")
    assert [m.author.user for m in found["C0CIDER01"]] == ["W0LARS001", "W0NILS001", "W0MIRA001"]
    assert "C0SHARED1" not in source.workspace.conversations
    source.close()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["single_user", "grid_workspace"])
def test_every_target_plans_them(
    name: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--to", target, "--json", "-q", "--run", str(tmp_path / "run"))
    code, output, errors = run(monkeypatch, capsys, "plan", *options, str(SAMPLES / name))
    assert (code, errors) == (0, "")
    plan = json.loads(output)
    assert sum(line["count"] for line in plan["ledger"] if line["feature"] == "messages") == plan["found"]["messages"]
