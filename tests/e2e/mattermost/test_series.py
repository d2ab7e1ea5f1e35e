"""Real exports of three dates, into the real server: everything arrives, by delta, and twice."""

from __future__ import annotations

from pathlib import Path

from tests.corpora import CORPORA, YOURS
from tests.e2e.mattermost.moving import move
from tests.e2e.mattermost.server import Server


def test_a_series_of_real_exports_arrives_by_delta(lone_server: Server, tmp_path: Path) -> None:
    """Three exports of one workspace, each with what is new; the first is one that mmetl's output is refused for."""
    for export in YOURS:
        moved = move(lone_server, "series", export, tmp_path / "run")
        assert not moved.told, export.name
        assert moved.outcome.posts > 0, export.name
    again = move(lone_server, "series", YOURS[-1], tmp_path / "run")
    assert not again.told
    assert again.outcome.posts == 0


def test_an_export_with_two_channels_of_nearly_one_name_arrives(lone_server: Server, tmp_path: Path) -> None:
    """Another of those real exports, with `meetup` and `meetup-`."""
    moved = move(lone_server, "houston", CORPORA / "houstondatavis.zip", tmp_path / "run")
    assert not moved.told
    assert moved.outcome.posts > 1_300
