"""The fence around the `zulip` client: each of its traps (facts 5.5) is shut."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.adapters.zulip.client import Refused, Server
from migrator.adapters.zulip.preflight import complaints, inspect, missing_rights
from migrator.errors import AuthError, Retry, UsageError
from migrator.secret import Secret
from tests.fakes.zulip import FakeZulip
from tests.fakes.zulip_realm import Realm


@pytest.fixture
def server(fake: FakeZulip) -> Server:
    return Server(fake.site, "admin@example.invalid", Secret("admin-key"))


def test_a_failing_call_is_made_once(server: Server, fake: FakeZulip) -> None:
    fake.after = 1.0
    with pytest.raises(Retry) as caught:
        server.call("GET", "users/me")
    assert caught.value.landed
    assert fake.calls == [("GET", "users/me")]


def test_errors_are_what_the_contract_says(server: Server, fake: FakeZulip, capfd: pytest.CaptureFixture[str]) -> None:
    fake.broken = 1.0
    with pytest.raises(Retry) as broken:
        server.call("GET", "users/me")
    assert broken.value.after is None
    fake.broken, fake.busy = 0.0, 1.0
    with pytest.raises(Retry) as busy:
        server.call("GET", "users/me")
    assert (busy.value.after, busy.value.landed) == (0.01, False)
    fake.calm()
    with pytest.raises(Refused) as refused:
        server.call("POST", "users", {"email": "admin@example.invalid", "password": "x" * 20, "full_name": "Somebody"})
    assert "example.invalid" not in str(refused.value)
    with pytest.raises(AuthError):
        Server(fake.site, "admin@example.invalid", Secret("wrong")).call("GET", "users/me")
    fake.close()
    with pytest.raises(Retry) as closed:
        Server(fake.site, "admin@example.invalid", Secret("admin-key")).call("GET", "users/me")
    assert not closed.value.landed
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")


def test_nothing_is_read_from_the_home_folder_or_the_environment(
    fake: FakeZulip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".zuliprc").write_text(
        "[api]\ninsecure=true\nkey=other\nsite=https://other.invalid\n", encoding="utf-8"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ZULIP_SITE", "https://other.invalid")
    monkeypatch.setenv("ZULIP_ALLOW_INSECURE", "true")
    server = Server(fake.site, "admin@example.invalid", Secret("admin-key"))
    assert server.call("GET", "users/me")["user_id"] == 101
    client = server._mine.client
    assert client.session.verify is not False
    assert client.session.headers["User-agent"] == "slack-migrator"


def test_preflight_reads_and_writes_nothing(server: Server, realm: Realm) -> None:
    before = len(realm.messages), len(realm.users), list(realm.domains), list(realm.dummies)
    facts = inspect(server)
    assert (facts.may_forge, facts.may_create, facts.admin) == (True, True, True)
    assert missing_rights(facts) is None
    assert (len(realm.messages), len(realm.users), list(realm.domains), list(realm.dummies)) == before


@pytest.mark.parametrize(("right", "command"), [("forge", "can_forge_sender"), ("create", "can_create_users")])
def test_preflight_prints_the_commands_that_are_missing(server: Server, realm: Realm, right: str, command: str) -> None:
    setattr(realm.users[101], right, False)
    facts = inspect(server)
    error = missing_rights(facts)
    assert error is not None
    assert f"manage.py change_user_role YOUR-ADDRESS {command} -r chat" in error.hint
    said = complaints(facts, has_jwt=False)
    assert any(command in line for line in said)
    assert any("JWT_AUTH_KEYS" in line for line in said)
    assert any("RATE_LIMITING_RULES" in line for line in said)


def test_a_version_that_is_not_known_is_refused(server: Server, realm: Realm) -> None:
    realm.version = "13.1"
    with pytest.raises(UsageError, match=r"13\.1"):
        inspect(server)


@pytest.mark.parametrize("version", ["9.4", "10.0", "11.0-dev+git", "12.0"])
def test_known_versions_are_taken(server: Server, realm: Realm, version: str) -> None:
    realm.version = version
    assert inspect(server).major == int(version.partition(".")[0])
