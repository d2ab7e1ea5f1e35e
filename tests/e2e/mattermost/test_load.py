"""Every feature once, into the real server, twice."""

from __future__ import annotations

from pathlib import Path

from migrator.adapters.base import Kind
from migrator.journal import Journal
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server

SAMPLES = Path(__file__).parents[3] / "sample_exports"


def test_the_kitchen_sink_arrives_once(server: Server, tmp_path: Path) -> None:
    """Every feature once; the same command again changes nothing on the server."""
    first = move(server, "sink", SAMPLES / "kitchen_sink", tmp_path / "run")
    assert not first.told
    assert first.verdict.messages > 80
    before = posts_of(server, tmp_path / "run")
    again = move(server, "sink", SAMPLES / "kitchen_sink", tmp_path / "run")
    assert not again.told
    assert again.outcome.posts == 0
    assert posts_of(server, tmp_path / "run") == before


def posts_of(server: Server, run: Path) -> dict[str, tuple[str, ...]]:
    """The ids of all posts on the server, by channel."""
    with Journal(run / "journal.sqlite") as journal:
        places = [remote.partition("/")[0] for _, remote, _ in journal.all(Kind.CONVERSATION)]
    return {
        place: tuple(sorted(server.get(f"/channels/{place}/posts", per_page=200, include_deleted="true")["order"]))
        for place in places
    }
