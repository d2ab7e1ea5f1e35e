"""Whole moves into the real server: everything arrives, twice, and by delta."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.mattermost.moving import move, told
from tests.e2e.mattermost.server import Server
from tests.worlds import say, small_world


def test_a_small_world_arrives_and_arrives_once(server: Server, tmp_path: Path) -> None:
    world = small_world()
    verdict, _ = move(server, "small", world, tmp_path / "run")
    assert not told(verdict)
    again, _ = move(server, "small", world, tmp_path / "run")
    assert not told(again)
    assert [c.posts for c in again.conversations] == [c.posts for c in verdict.conversations]


def test_a_later_export_sends_what_is_new(server: Server, tmp_path: Path) -> None:
    world = small_world()
    move(server, "later", world, tmp_path / "run")
    world.messages_of["C1"].append(say("new words", conversation="C1", ts="1700000020.000100", user="U2"))
    world.messages_of["C1"].append(
        say("a later reply", conversation="C1", ts="1700000021.000100", thread="1700000001.000100", user="U2")
    )
    world.fingerprint = "later"
    verdict, _ = move(server, "later", world, tmp_path / "run")
    assert not told(verdict)
