"""Every command as a user types it, on real files, with the reference target."""

from __future__ import annotations

import json
import ssl
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.runner import KITCHEN_SINK, SAMPLES, TINY, Command, Ended


def moved(command: Command, config: Path, export: Path = TINY, *more: object) -> None:
    ended = command("migrate", export, "--to", "memory", "--config", config, "--run", "run", "-q", *more)
    assert ended.code == 0, ended.err


def test_inspect_tells_what_is_there(command: Command) -> None:
    ended = command("inspect", TINY)
    assert ended.code == 0
    assert "messages" in ended.out
    assert ended.err == ""


def test_inspect_as_json_is_one_object_and_nothing_else(command: Command) -> None:
    census = json.loads(command("inspect", TINY, "--json").out)
    wanted = {"records": 3, "messages": 3, "replies": 1, "threads": 1, "reactions": 1, "files": 0, "quarantined": 0}
    assert {name: census[name] for name in wanted} == wanted
    assert (census["conversations"], census["people"]) == (1, 2)
    assert census["subtypes"] == {"none": 3}
    assert census["unknown"] == {}


def test_a_plan_without_a_server_writes_nothing_but_its_run_folder(command: Command, tmp_path: Path) -> None:
    ended = command("plan", KITCHEN_SINK, "--to", "memory", "--run", tmp_path / "run", "-q")
    assert ended.code == 0, ended.err
    assert "Fidelity:" in ended.out
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if not p.name.startswith("journal")) == [
        "plan.json",
        "quarantine.jsonl",
        "run.json",
    ]


def test_direct_messages_are_called_by_who_is_in_them(command: Command, tmp_path: Path) -> None:
    ended = command("plan", KITCHEN_SINK, "--to", "memory", "--run", tmp_path / "run", "-q")
    lines = [
        line.split("  ")[1].strip() for line in ended.out.splitlines() if line.startswith("+") and " direct " in line
    ]
    assert lines == ["Ada, Bo", "Ada", "Bo, Slackbot"]


def test_a_plan_says_by_its_exit_code_whether_there_is_something_to_do(command: Command, config: Path) -> None:
    asking = ("plan", TINY, "--to", "memory", "--config", config, "--run", "run", "-q", "--exit-code")
    assert command(*asking).code == 10
    moved(command, config)
    assert command(*asking).code == 0


def test_a_dry_run_leaves_nothing_behind(command: Command, config: Path, tmp_path: Path) -> None:
    ended = command("migrate", TINY, "--to", "memory", "--config", config, "--dry-run", "-q")
    assert ended.code == 0, ended.err
    assert "posts to send" in ended.out
    assert [p.name for p in tmp_path.iterdir()] == ["move.toml"]


def test_a_move_verifies_reports_and_does_nothing_the_second_time(
    command: Command, config: Path, tmp_path: Path
) -> None:
    ended = command("migrate", KITCHEN_SINK, "--to", "memory", "--config", config, "--run", "run", "-q")
    assert "0 mismatches" in ended.out, ended.out
    assert ended.code in (0, 3), ended.err
    report = json.loads((tmp_path / "run" / "report.json").read_bytes())
    assert report["verdict"]["conversations"]
    assert (report["outcome"]["posts"], report["outcome"]["failures"]) != (0, [])
    size = (tmp_path / "target.jsonl").stat().st_size
    again = command("migrate", KITCHEN_SINK, "--to", "memory", "--config", config, "--run", "run", "-q")
    assert "Sent 0 posts and 0 reactions" in again.out
    assert (tmp_path / "target.jsonl").stat().st_size == size


def test_the_run_folder_is_its_owners_alone(command: Command, config: Path, tmp_path: Path) -> None:
    moved(command, config)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "run").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_verify_alone_names_what_is_gone(command: Command, config: Path, tmp_path: Path) -> None:
    moved(command, config)
    assert command("verify", "run", "-q").code == 0
    store = tmp_path / "target.jsonl"
    lines = store.read_text(encoding="utf-8").splitlines(keepends=True)
    store.write_text("".join(line for line in lines if "See you tomorrow" not in line), encoding="utf-8")
    ended = command("verify", "run", "-q")
    assert ended.code == 4
    assert "C0GENERAL/1672736400.000100" in ended.out
    assert "missing" in ended.out
    verdict = json.loads(command("verify", "run", "--json").out)
    assert verdict["conversations"][0]["differences"] == {"missing": 1}
    report = json.loads((tmp_path / "run" / "report.json").read_bytes())
    assert report["sentence"].startswith("1 mismatch in ")
    assert report["outcome"]["posts"] == 3  # what the move did is still told
    assert "C0GENERAL/1672736400.000100" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_verify_reports_where_a_move_died_before_its_report(command: Command, config: Path, tmp_path: Path) -> None:
    moved(command, config)
    (tmp_path / "run" / "report.json").unlink()
    (tmp_path / "run" / "report.html").unlink()
    ended = command("verify", "run", "-q")
    assert ended.code == 0, ended.err
    assert "Report: run/report.html" in ended.out
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Everything arrived: 3 messages" in page
    assert "Nothing was sent" not in page


def test_a_saved_plan_is_applied_unless_it_is_stale(command: Command, config: Path) -> None:
    planning = ("plan", TINY, "--to", "memory", "--config", config, "--run", "run", "-q")
    assert command(*planning).code == 0
    first = command("apply", "run", "-q")
    assert first.code == 0, first.err
    assert "0 mismatches" in first.out
    stale = command("apply", "run", "-q")
    assert stale.code == 9
    assert "Next:" in stale.err


def test_only_some_conversations_and_no_notices(command: Command, config: Path, tmp_path: Path) -> None:
    moved(command, config, KITCHEN_SINK, "--only", "general", "--skip-notices", "--no-verify")
    posts = [json.loads(line)[1][1] for line in (tmp_path / "target.jsonl").open() if line.startswith('["post"')]
    assert {post["conversation"] for post in posts} == {"conversation-C0GENERAL"}
    assert not [post for post in posts if "has joined the channel" in post["text"]]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("inspect", "nowhere.zip"), 7, "nowhere.zip"),
        (("plan", TINY, "--to", "teams"), 2, "choose one of"),
        (("migrate", TINY, "--to", "memory", "--config", "nowhere.toml"), 2, "nowhere.toml"),
        (("migrate", TINY, "--to", "memory", "--only", "attic"), 2, "attic"),
        (("migrate", TINY, "--to", "memory", "--only", "#genral"), 2, "did you mean general?"),
        (("migrate", TINY, "--to", "memory", "--set", "nonsense"), 2, "KEY=VALUE"),
        (("migrate", TINY, "--to", "memory", "--route", "tunnel"), 2, "tunnel"),
        (("migrate", TINY, "--to", "matrix"), 2, "needs a server"),
        (("migrate", TINY, "--to", "memory", "-o", "there"), 2, "no package"),
        (("verify", "nowhere"), 2, "nowhere"),
        (("apply", "nowhere"), 2, "nowhere"),
        (("frobnicate",), 2, "frobnicate"),
        (("migrat", TINY), 2, "Did you mean 'migrate'?"),
        (("migrate", TINY, "--to", "Matrix", "--config", "nowhere.toml"), 2, "choose one of"),
        (("plan", TINY, "--to", "matrix", "--set", "prefx=x_"), 2, "did you mean prefix?"),
        (("plan", TINY, "--to", "zulip", "--set", "thread=quotes"), 2, "did you mean threads?"),
        (("plan", TINY, "--to", "mattermost", "--set", "channel=merge"), 2, "did you mean channels?"),
        (("plan", TINY, "--to", "memory", "--set", "lanes=many"), 2, "lanes = 'many'"),
        (("plan", TINY, "--to", "mattermost", "--set", "channels=merged"), 2, "channels = 'merged' is not known"),
        (("plan", TINY, "--to", "mattermost", "--set", "accounts=by_name"), 2, 'accounts = "by-name", or leave it out'),
        (("plan", TINY, "--to", "mattermost", "--set", "server_config=allow"), 2, "is neither yes nor no"),
        (("plan", TINY, "--to", "matrix", "--set", "quiet_names=perhaps"), 2, "is neither yes nor no"),
        (("plan", TINY, "--to", "matrix", "--set", "prefix=Slack "), 2, "'Slack ' cannot start a user id"),
        (("plan", TINY, "--to", "mattermost", "--set", "team=Help Desk"), 2, 'for example team = "team-help-desk"'),
        (("plan", TINY, "--to", "mattermost", "--set", "workers=-1"), 2, "workers = '-1'"),
        (("plan", TINY, "--to", "memory", "--jobs", "0"), 2, "--jobs"),
        (("plan", TINY, KITCHEN_SINK, "--to", "memory"), 2, "tiny of T0TINY, kitchen_sink of T0KITCHEN"),
        (("inspect", SAMPLES.parent / "docs"), 7, "is not a Slack export"),
        (("inspect", "nest.zip"), 7, "unpack it and give that file"),
        (("inspect", "empty.zip"), 7, "empty.zip is empty"),
    ],
)
def test_mistakes_get_a_sentence_a_next_step_and_their_code(
    command: Command, tmp_path: Path, arguments: tuple[object, ...], code: int, says: str
) -> None:
    (tmp_path / "empty.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "nest.zip", "w") as outer:
        outer.writestr("export.zip", b"PK")
    ended = command(*arguments)
    assert ended.code == code, ended.err
    assert says in ended.err
    assert ended.out == ""
    assert "Next: " in ended.err or "--help' for help." in ended.err


SERVERS = {
    "matrix": '[matrix]\nhomeserver = "{}"\nserver_name = "example.invalid"\nas_token_file = "token"\n',
    "zulip": '[zulip]\nsite = "{}"\nemail = "ada@example.invalid"\napi_key_file = "token"\n',
    "mattermost": '[mattermost]\nurl = "{}"\nteam = "cooks"\ntoken_file = "token"\n',
}
ROUTES = {"matrix": "live", "zulip": "live", "mattermost": "import"}


class Page(BaseHTTPRequestHandler):
    """Some web server: a page whatever is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>It works")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        pass


@pytest.fixture
def website() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def self_signed(path: Path) -> Path:
    """A key and its own certificate, in one file. (The library comes with Synapse.)"""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.TraditionalOpenSSL
    secret = key.private_bytes(pem, plain, serialization.NoEncryption())
    path.write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


def calling(command: Command, folder: Path, target: str, address: str) -> Ended:
    (folder / "token").write_text("not-to-be-seen-anywhere", encoding="utf-8")
    (folder / "move.toml").write_text(SERVERS[target].format(address), encoding="utf-8")
    ended = command("plan", TINY, "--to", target, "--config", "move.toml", "--route", ROUTES[target], "-q")
    assert "Next: " in ended.err
    assert ended.out == ""
    assert "not-to-be-seen" not in ended.err
    return ended


@pytest.mark.parametrize("target", SERVERS)
def test_an_address_where_nobody_listens(
    command: Command, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    ended = calling(command, tmp_path, target, "http://127.0.0.1:9")
    assert ended.code == 6, ended.err
    assert "http://127.0.0.1:9" in ended.err


@pytest.mark.parametrize("target", SERVERS)
def test_an_address_where_something_else_listens(
    command: Command, tmp_path: Path, target: str, website: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    address = f"http://127.0.0.1:{website.server_port}"
    ended = calling(command, tmp_path, target, address)
    assert ended.code in (2, 6), ended.err
    assert address in ended.err
    assert "check" in ended.err


@pytest.mark.parametrize("target", SERVERS)
def test_a_certificate_that_nobody_vouches_for(
    command: Command, tmp_path: Path, target: str, website: ThreadingHTTPServer
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "server.pem"))
    website.socket = context.wrap_socket(website.socket, server_side=True)
    ended = calling(command, tmp_path, target, f"https://127.0.0.1:{website.server_port}")
    assert ended.code == 6, ended.err
    assert "certificate cannot be verified" in ended.err
    assert 'ca_file = "PATH"' in ended.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('homeserver = "matrix.example.invalid"', "is no address"),
        ("", "has no homeserver"),
        ('homeserver = "https://127.0.0.1:9"\nca_file = "nowhere.pem"', "nowhere.pem cannot be used"),
        ('homeserver = "https://127.0.0.1:9"\nlanes = "many"', "lanes = 'many'"),
        ('homserver = "https://127.0.0.1:9"', "did you mean homeserver?"),
        ('homeserver = "http://matrix.example.invalid"', "in the clear"),
    ],
)
def test_a_configuration_that_is_wrong(command: Command, tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "move.toml").write_text(f'[matrix]\nas_token = "not-to-be-seen"\n{line}\n', encoding="utf-8")
    ended = command("migrate", TINY, "--to", "matrix", "--config", "move.toml", "-q")
    assert ended.code == 2, ended.err
    assert says in ended.err
    assert "not-to-be-seen" not in ended.err
    assert "Next: " in ended.err


def test_a_run_folder_serves_one_workspace(command: Command, config: Path) -> None:
    moved(command, config)
    ended = command("migrate", KITCHEN_SINK, "--to", "memory", "--config", config, "--run", "run", "-q")
    assert ended.code == 2
    assert "--run DIR" in ended.err


def test_fidelity_is_held_to(command: Command, config: Path, tmp_path: Path) -> None:
    asking = ("migrate", KITCHEN_SINK, "--to", "memory", "--config", config, "--fail-on", "approximated", "-q")
    ended = command(*asking)
    assert ended.code == 8, ended.err
    assert not (tmp_path / "target.jsonl").exists()


@pytest.mark.parametrize("topic", ["exit-codes", "fidelity", "environment"])
def test_help_topics(command: Command, topic: str) -> None:
    ended = command("help", topic)
    assert ended.code == 0
    assert len(ended.out.splitlines()) > 2


def test_control_characters_of_an_export_do_not_reach_the_terminal(command: Command, tmp_path: Path) -> None:
    room = {"id": "C1", "name": "evil\u001b]0;title\u0007", "created": 1, "members": []}
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "channels.json").write_text(json.dumps([room]), encoding="utf-8")
    for arguments in (("inspect", "export"), ("plan", "export", "--to", "memory", "-q")):
        ended = command(*arguments)
        assert ended.code == 0, ended.err
        assert "\u001b" not in ended.out
