"""kill -9 in the middle, then the same command again: nothing twice, nothing missing."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import sqlite3
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migrator.adapters.base import Kind
from migrator.adapters.matrix.homeserver import Homeserver
from migrator.journal import Journal
from tests.synapse import ask, corner, events

pytestmark = pytest.mark.synapse

EXPORT = Path(__file__).parent.parent.parent / "sample_exports" / "kitchen_sink"
KILLS = 10  # at least, for each of two seeds; only kills of a run that had something left to do are counted
KEY = "slack_migrator.key"


def holding(server: Homeserver, folder: Path) -> dict[str, Counter[Any]]:
    """What each conversation holds, as the server returns it, in terms that are equal for equal moves.

    Left out are edits that only mend links: what is there already when a message is sent needs none.
    """
    sender = ask(server, "GET", "account", "whoami")["user_id"]
    out = {}
    with Journal(folder / "journal.sqlite") as journal:
        rooms = {key: remote for key, remote, _ in journal.all(Kind.CONVERSATION)}
    for conversation, room in rooms.items():
        note = ask(server, "GET", "user", sender, "rooms", room, "account_data", "slack_migrator.room")
        names: dict[str, str] = {}
        changed: set[str] = set()  # posts whose edit event shows when they were changed
        seen: Counter[Any] = Counter()
        for event in events(server, room, note["host"]):
            content = event["content"]
            relation = content.get("m.relates_to", {})
            names[event["event_id"]] = content.get(KEY, "")
            if content.get("slack_migrator.edited"):
                changed.add(event["event_id"])
            if relation.get("rel_type") == "m.replace" and relation["event_id"] not in changed:
                continue
            if event["type"] in ("m.room.message", "m.reaction"):
                target = names.get(relation.get("event_id", ""), "")
                what = (content.get("body"), content.get("formatted_body") is not None, relation.get("rel_type"))
                seen[event["type"], content.get(KEY, ""), event["origin_server_ts"], target, *what] += 1
            elif event["type"] == "m.room.member":
                who = event["state_key"].partition("_u")[2]
                seen[event["type"], who, content["membership"]] += 1
        out[conversation] = seen
    return out


@pytest.fixture(scope="module")
def unharmed(synapse: Homeserver, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Counter[Any]], float]:
    """What a move that nobody disturbs leaves, and how long it takes as a process."""
    settings, folder = corner(synapse), tmp_path_factory.mktemp("unharmed")
    begun = time.monotonic()
    process = migrating(settings, folder)
    assert process.wait(120) == 0, (folder / "output").read_text(encoding="utf-8")[-2000:]
    return holding(synapse, folder / "run"), time.monotonic() - begun


def migrate_command(settings: dict[str, Any], folder: Path) -> list[str]:
    config = folder / "move.toml"
    config.write_text("[matrix]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    command = [sys.executable, "-m", "migrator", "migrate", str(EXPORT), "--to", "matrix", "--config", str(config)]
    return [*command, "--run", str(folder / "run"), "--yes"]


def migrating(settings: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            [*migrate_command(settings, folder), "--quiet"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def let_the_last_request_land(folder: Path) -> None:
    """A resumed run waits until an act of the killed one can have landed (`Patience.settle`); on loopback that is soon
    and so the journal is made to look as old as it needs to be."""
    time.sleep(0.3)
    for path in (folder / "run").glob("journal.sqlite*"):
        os.utime(path, (time.time() - 60, time.time() - 60))


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_the_same_command_brings_everything_once(
    synapse: Homeserver, unharmed: tuple[dict[str, Counter[Any]], float], tmp_path: Path, seed: int
) -> None:
    wanted, whole = unharmed
    dice, kills, moves = random.Random(seed), 0, 0
    while kills < KILLS:
        moves += 1
        folder = tmp_path / str(moves)
        folder.mkdir()
        kills += until_it_ends(corner(synapse), folder, dice, whole * 0.6)
        found = holding(synapse, folder / "run")
        assert found.keys() == wanted.keys()
        for conversation, seen in found.items():
            assert seen - wanted[conversation] == Counter(), conversation  # nothing twice
            assert wanted[conversation] - seen == Counter(), conversation  # nothing missing


PHASES = (Kind.USER, Kind.CONVERSATION, Kind.POST, Kind.FILE, Kind.REACTION)


def test_killed_in_every_phase_one_move_still_brings_everything_once(
    synapse: Homeserver, unharmed: tuple[dict[str, Counter[Any]], float], tmp_path: Path
) -> None:
    """While people, rooms, posts, files and reactions are made, and after the last post, while the rest is settled."""
    wanted, _ = unharmed
    settings, dice = corner(synapse), random.Random(7)
    posts = sum(
        n for seen in wanted.values() for (kind, key, *_), n in seen.items() if kind == "m.room.message" and key
    )
    for phase in PHASES:
        enough = receipts(tmp_path, phase) + dice.randint(1, 5)
        kill_when(settings, tmp_path, lambda p=phase, n=enough: receipts(tmp_path, p) >= n)
        assert receipts(tmp_path, Kind.POST) < posts, f"it was over before {phase}"
    kill_when(settings, tmp_path, lambda: receipts(tmp_path, Kind.POST) == posts, after=0.3)
    assert not (tmp_path / "run" / "report.json").exists()
    process = migrating(settings, tmp_path)
    assert process.wait(120) == 0, (tmp_path / "output").read_text(encoding="utf-8")[-2000:]
    assert holding(synapse, tmp_path / "run") == wanted


def test_killed_while_it_reads_back_nothing_is_sent_again(
    synapse: Homeserver, unharmed: tuple[dict[str, Counter[Any]], float], tmp_path: Path
) -> None:
    """The read-back shows on a terminal that it has begun, then how many conversations it has read."""
    wanted, _ = unharmed
    migrate = migrate_command(corner(synapse), tmp_path)
    verify = [sys.executable, "-m", "migrator", "verify", str(tmp_path / "run")]
    begun, amid = re.compile(r"reading back:\s+0%"), re.compile(r"reading back: [^\r]* [1-9]\d*/\d+")
    for command in (migrate, verify):
        for moment in (begun, amid):
            kill_when_shown(command, moment, tmp_path)
            assert not (tmp_path / "run" / "report.json").exists()
            assert holding(synapse, tmp_path / "run") == wanted
    let_the_last_request_land(tmp_path)
    for command in (verify, migrate):
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "0 mismatches" in ended.stdout
        if command == migrate:
            assert "Sent 0 posts and 0 reactions, changed 0." in ended.stdout
            assert (tmp_path / "run" / "report.json").exists()
        assert holding(synapse, tmp_path / "run") == wanted


def kill_when_shown(command: list[str], moment: re.Pattern[str], folder: Path) -> None:
    """Run a command whose progress goes to a terminal, and kill it the moment that shows this."""
    terminal, screen = pty.openpty()
    termios.tcsetwinsize(screen, (24, 120))
    environment = {**os.environ, "TQDM_MININTERVAL": "0"}  # every step is shown, however quick
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=screen, env=environment)
    os.close(screen)
    shown = ""
    try:
        while not moment.search(shown):
            shown += os.read(terminal, 4096).decode(errors="replace")
    except OSError:  # the last that held the terminal has let it go
        raise AssertionError(f"it ended before it could be killed: {shown[-2000:]}") from None
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def receipts(folder: Path, kind: Kind) -> int:
    """How many of a kind the journal of a running move holds; pictures of people are no files of messages."""
    path = folder / "run" / "journal.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        sql = "SELECT count(*) FROM items WHERE kind = ? AND remote IS NOT NULL AND key NOT LIKE 'avatar:%'"
        try:
            return int(journal.execute(sql, (kind,)).fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0


def kill_when(settings: dict[str, Any], folder: Path, due: Callable[[], bool], after: float = 0.0) -> None:
    process = migrating(settings, folder)
    while not due():
        assert process.poll() is None, (folder / "output").read_text(encoding="utf-8")[-2000:]
        time.sleep(0.002)
    time.sleep(after)
    process.kill()
    process.wait()
    let_the_last_request_land(folder)


def until_it_ends(settings: dict[str, Any], folder: Path, dice: random.Random, longest: float) -> int:
    """Start a move again and again, killing it at a random moment, until one run comes to its end; returns the kills.
    A run that ended well has verified itself."""
    kills = 0
    while True:
        process = migrating(settings, folder)
        try:
            process.wait(dice.uniform(0.3, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            let_the_last_request_land(folder)
        else:
            assert process.returncode == 0, (folder / "output").read_text(encoding="utf-8")[-2000:]
            return kills
