"""Lost connections before and after landing, 5xx, 429, and kills: no double, no gap, nothing left changed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.zulip import FakeZulip, slow_down
from tests.fakes.zulip_realm import Realm
from tests.worlds import small_world
from tests.zulip.conftest import Mover, differences
from tests.zulip.killed import world

ROOT = Path(__file__).parent.parent.parent


def doubles(realm: Realm) -> list[object]:
    """Posts of ours that are there twice: by place, author, exact time and words (times keep their microseconds)."""
    seen, twice = set(), []
    for m in realm.messages.values():
        if m.client != "jabber_mirror" or m.deleted or "hands over" in m.content:
            continue
        key = (m.channel, m.people if m.channel is None else m.topic, m.sender, m.time, m.content)
        if key in seen:
            twice.append(key)
        seen.add(key)
    return twice


@pytest.mark.parametrize("seed", range(6))
def test_lost_connections_and_errors_leave_no_double_and_no_gap(mover: Mover, fake: FakeZulip, seed: int) -> None:
    fake.dice = random.Random(seed)
    source = world() if seed % 2 else small_world()
    adapter_opens = fake.answer

    def later(*arguments: object) -> dict[str, object]:
        if arguments[:2] == ("POST", "users/me/subscriptions"):  # preflight has been: from here on the line is bad
            fake.before = fake.after = fake.broken = fake.busy = 0.06
        return adapter_opens(*arguments)  # type: ignore[arg-type]

    fake.answer = later  # type: ignore[method-assign]
    outcome = mover.move(source)
    fake.calm()
    fake.answer = adapter_opens  # type: ignore[method-assign]
    assert outcome.failures == ()
    assert doubles(fake.realm) == []
    assert differences(mover.check(source)) == []


def test_what_follows_a_post_does_not_send_it_again(mover: Mover, fake: FakeZulip) -> None:
    """The message that showed the author a file is to be deleted after the post; that this is refused is no failure of
    the post. It goes in the end."""
    answers, refused = fake.answer, []

    def busy(*arguments: object) -> dict[str, object]:
        method, path = arguments[:2]
        if method == "DELETE" and str(path).startswith("messages/") and len(refused) < 2:
            refused.append(path)
            raise slow_down()
        return answers(*arguments)  # type: ignore[arg-type]

    fake.answer = busy  # type: ignore[method-assign]
    source = small_world()
    assert mover.move(source).failures == ()
    assert len(refused) == 2
    assert doubles(fake.realm) == []
    assert not [m for m in fake.realm.messages.values() if "hands over" in m.content and not m.deleted]
    assert differences(mover.check(source)) == []


def test_a_rate_limit_only_takes_time(mover: Mover, fake: FakeZulip) -> None:
    fake.limit = 25
    source = world()
    assert mover.move(source).failures == ()
    fake.calm()
    assert doubles(fake.realm) == []
    assert differences(mover.check(source)) == []


@pytest.mark.parametrize("seed", range(2))
def test_killed_processes_leave_no_double_and_no_gap(mover: Mover, fake: FakeZulip, seed: int) -> None:
    """SIGKILL from within the server, after a post landed and before it is acknowledged, until a run comes through."""
    dice, posts, kills = random.Random(seed), 0, 0
    child: subprocess.Popen[bytes] | None = None
    doomed = dice.randrange(1, 12)

    def landed() -> None:
        nonlocal posts, kills, doomed
        posts += 1
        if posts >= doomed and child is not None and kills < 4:
            os.kill(child.pid, signal.SIGKILL)
            kills, posts, doomed = kills + 1, 0, dice.randrange(1, 12)

    fake.on_send = landed
    before = list(fake.realm.domains), dict(fake.realm.defaults)
    for _ in range(12):
        posts = 0
        child = subprocess.Popen([sys.executable, "-m", "tests.zulip.killed", fake.site, str(mover.folder)], cwd=ROOT)
        if child.wait(60) == 0:
            break
    assert child is not None
    assert child.returncode == 0
    assert kills >= 3
    assert doubles(fake.realm) == []
    assert differences(mover.check(world())) == []
    assert (fake.realm.domains, fake.realm.defaults) == before
