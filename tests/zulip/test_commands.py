"""The real command against the strict server: nothing but an address, a key file and an export."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.fakes.zulip import FakeZulip
from tests.zulip.test_faults import doubles

ROOT = Path(__file__).parent.parent.parent
KITCHEN_SINK = ROOT / "sample_exports" / "kitchen_sink"


def start(fake: FakeZulip, folder: Path, command: str = "migrate") -> subprocess.Popen[str]:
    key = folder / "zulip.key"
    key.write_text("admin-key\n", encoding="utf-8")
    config = folder / "move.toml"
    config.write_text(
        f'[zulip]\nsite = "{fake.site}"\nemail = "admin@example.invalid"\napi_key_file = "zulip.key"\n',
        encoding="utf-8",
    )
    line = [command, str(KITCHEN_SINK), "--to", "zulip", "--config", str(config), "--run", str(folder / "run")]
    return subprocess.Popen(
        [sys.executable, "-m", "migrator", *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_a_plan_changes_nothing_on_the_server(fake: FakeZulip, tmp_path: Path) -> None:
    realm = fake.realm
    before = len(realm.messages), len(realm.users), list(realm.domains), dict(realm.defaults), len(realm.channels)
    out, err = start(fake, tmp_path, "plan").communicate(timeout=60)
    assert "can_forge_sender" not in out, err  # the rights are there
    assert "RATE_LIMITING_RULES" in out
    assert (
        len(realm.messages),
        len(realm.users),
        list(realm.domains),
        dict(realm.defaults),
        len(realm.channels),
    ) == before


def test_a_plan_tells_of_what_is_there_already_and_of_names_that_change(fake: FakeZulip, tmp_path: Path) -> None:
    fake.realm.add_user("ada@example.invalid", "Ada Lovelace")
    fake.realm.add_channel("random", private=True)  # of another kind than ours: no place for public messages
    out, err = start(fake, tmp_path, "plan").communicate(timeout=60)
    said = " ".join(out.split())
    assert "1 of the people have accounts here already" in said, err
    assert (
        "channels of the same name are here already, and take the messages: general" in said
    )  # every new organisation has it
    assert "'random' becomes 'random (C0" in said


def test_every_feature_arrives_though_the_command_is_killed_twice(fake: FakeZulip, tmp_path: Path) -> None:
    """SIGKILL after a post landed and before its answer; the same command goes on, verifies, and is then done."""
    posts, kills = 0, 0
    child = start(fake, tmp_path)

    def landed() -> None:
        nonlocal posts, kills
        posts += 1
        if kills < 2 and posts == 17:
            os.kill(child.pid, signal.SIGKILL)
            posts, kills = 0, kills + 1

    fake.on_send = landed
    out, err = child.communicate(timeout=120)
    while child.returncode == -signal.SIGKILL:
        child = start(fake, tmp_path)
        out, err = child.communicate(timeout=120)
    assert kills == 2
    assert child.returncode == 0, out + err
    assert "0 mismatches" in out
    assert doubles(fake.realm) == []
    assert fake.realm.domains == ["example.invalid"]
    child = start(fake, tmp_path)
    out, err = child.communicate(timeout=120)
    assert "Sent 0 posts and 0 reactions" in out, out + err
    assert "admin-key" not in out + err
