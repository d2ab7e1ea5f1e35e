"""What must not be harmed, what stands in the way, and what is said when the server refuses a line."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.mattermost import preflight, rounds
from migrator.adapters.mattermost.rest import Rest
from migrator.errors import AuthError, ItemsFailed, LimitExceeded
from migrator.journal import Journal
from migrator.secret import Secret
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import PASSWORD, Server


def small(folder: Path, text: str = "hello") -> Path:
    """Two people, one channel, one message."""
    folder.mkdir(parents=True, exist_ok=True)
    users = [
        exports.person("U1", "gwen", email="Gwen@example.invalid"),
        exports.person("U2", "hal", email="hal@example.invalid"),
    ]
    channel = {"id": "C1", "name": "talk", "created": 1709290000, "members": ["U1", "U2"]}
    said = [
        {"type": "message", "user": "U1", "ts": exports.ts(1), "text": text},
        {"type": "message", "user": "U2", "ts": exports.ts(2), "text": "yes"},
    ]
    (folder / "talk").mkdir(exist_ok=True)
    (folder / "users.json").write_text(json.dumps(users))
    (folder / "channels.json").write_text(json.dumps([channel]))
    (folder / "talk" / f"{exports.DAY}.json").write_text(json.dumps(said))
    return folder


def test_an_account_that_is_there_keeps_password_and_roles(server: Server, tmp_path: Path) -> None:
    """It is met by its address, under whatever name; its posts are its own, and it is in its channels."""
    there = server.new_user("gwendolyn", email="gwen@example.invalid")
    server.call("PUT", f"/users/{there['id']}/roles", json={"roles": "system_admin system_user"})
    moved = move(server, "guard", small(tmp_path / "export"), tmp_path / "run")
    assert not moved.told
    assert any("gwendolyn" in warning for warning in moved.plan.warnings)
    after = server.get(f"/users/{there['id']}")
    assert after["roles"] == "system_admin system_user"
    assert after["email"] == "gwen@example.invalid"
    assert server.login("gwendolyn", PASSWORD)
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        place = journal.remote(Kind.CONVERSATION, "C1")
        assert journal.remote(Kind.USER, "U1") == there["id"]
    members = {member["user_id"] for member in server.get(f"/channels/{place}/members")}
    assert there["id"] in members


def test_a_refused_line_is_reported_with_its_message(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that passed every check of ours and is refused all the same leads back to the export."""

    def plant(file: Path, *_: object) -> None:
        with zipfile.ZipFile(file) as zipped:
            members = {name: zipped.read(name) for name in zipped.namelist()}
        lines = [json.loads(line) for line in members["import.jsonl"].splitlines()]
        for line in lines:
            if line["type"] == "post" and line["post"]["message"] == "hello":
                line["post"]["message"] = "x" * 20_000
        members["import.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        with zipfile.ZipFile(file, "w") as zipped:
            for name, content in members.items():
                zipped.writestr(name, content)

    monkeypatch.setattr(rounds, "refuse", plant)
    with pytest.raises(ItemsFailed, match=rf"message C1/{exports.ts(1)}"):
        move(server, "planted", small(tmp_path / "export"), tmp_path / "run")


@pytest.fixture(scope="module")
def crowded() -> Iterator[Server]:
    """A server on which a team may have one member."""
    settings = {"TeamSettings": {"MaxUsersPerTeam": 1}, "ServiceSettings": {"EnableLinkPreviews": True}}
    with Server(settings=settings) as running:
        yield running


def test_a_setting_in_the_way_is_named_and_changed_when_allowed(crowded: Server, tmp_path: Path) -> None:
    export = small(tmp_path / "export")
    with pytest.raises(LimitExceeded, match=r"TeamSettings\.MaxUsersPerTeam is 1 "):
        move(crowded, "moved", export, tmp_path / "run", set_server_config=False)
    assert crowded.get("/config")["TeamSettings"]["MaxUsersPerTeam"] == 1
    moved = move(crowded, "moved", export, tmp_path / "run")
    assert not moved.told
    assert crowded.get("/config")["TeamSettings"]["MaxUsersPerTeam"] > 2
    assert any("MaxUsersPerTeam was 1 and is now" in said for said in moved.outcome.advice)
    assert crowded.get("/config")["ServiceSettings"]["EnableLinkPreviews"] is True


def test_the_user_limit_is_told_before_anything_is_sent(crowded: Server) -> None:
    """250 active people without a licence lock sign-up: the server's own numbers say so."""
    facts = preflight.look(Rest(crowded.url, Secret(crowded.token)), "moved")
    assert facts.user_limit == 250
    assert not facts.licensed
    assert "beyond 250" in preflight.cap_warning(facts, 300)
    assert preflight.cap_warning(facts, 20) == ""


def test_an_ordinary_account_is_refused(crowded: Server) -> None:
    crowded.new_user("nobody-special")
    rest = Rest(crowded.url, Secret(crowded.login("nobody-special")))
    with pytest.raises(AuthError, match="system admin"):
        preflight.look(rest, "moved")


def test_a_post_that_vanished_is_noticed(server: Server, tmp_path: Path) -> None:
    """The target is believed, not the journal: one post is deleted on the server, and verify names it."""
    export = small(tmp_path / "export")
    moved = move(server, "vanish", export, tmp_path / "run")
    assert not moved.told
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        post = journal.remote(Kind.POST, f"C1/{exports.ts(2)}")
    server.call("DELETE", f"/posts/{post}")
    again = move(server, "vanish", export, tmp_path / "run")
    assert len(again.told) == 1
    assert f"C1/{exports.ts(2)}: missing" in again.told[0]
