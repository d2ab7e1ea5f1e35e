"""Reading back misses nothing, also where the fast way leaves posts out."""

from __future__ import annotations

from pathlib import Path

from migrator.adapters.mattermost import delivery
from migrator.adapters.mattermost.delivery import Deliveries
from migrator.adapters.mattermost.driver import direct_name
from migrator.adapters.mattermost.readback import PAGE, _by_cursor, posts
from migrator.adapters.mattermost.rest import Rest
from tests.e2e.mattermost import zips
from tests.e2e.mattermost.server import Server


def test_posts_of_one_moment_across_pages_are_all_read(server: Server, rest: Rest, tmp_path: Path) -> None:
    """Ten posts share the millisecond at which a page ends; direct channels are found by their members."""
    count = 2 * PAGE
    said = [zips.post("dense", "eve", f"post {n}", min(n, PAGE - 5) if n < PAGE + 5 else n) for n in range(count)]
    lines = [
        zips.channel("dense"),
        zips.user("eve", "dense"),
        zips.user("finn", "dense"),
        zips.user("gus", "dense"),
        *said,
    ]
    for members in (["eve", "finn"], ["eve", "finn", "gus"], ["eve", "eve"]):
        direct = {"channel_members": members, "user": "eve", "message": "psst", "create_at": zips.T0}
        lines.append({"type": "direct_post", "direct_post": direct})
    file = zips.pack(tmp_path / "dense.zip", lines)
    known = Deliveries(tmp_path / "deliveries.json")
    delivery.deliver(rest, file, known.of(file), save=known.save)
    channel = rest.get("/teams/name/moved/channels/name/dense")["id"]
    wanted = {f"post {n}" for n in range(count)}
    quick = {post.message for post in _by_cursor(rest, channel)}
    assert len(wanted - quick) > 0, "the fast way is complete: the second reading is not needed any more"
    assert {post.message for post in posts(rest, channel)} >= wanted

    ids = {user["username"]: user["id"] for user in rest.post("/users/usernames", ["eve", "finn", "gus"])}
    team = rest.get("/teams/name/moved")["id"]
    for names in (["eve", "finn"], ["eve", "finn", "gus"], ["eve", "eve"]):
        place = rest.get(f"/teams/{team}/channels/name/{direct_name([ids[name] for name in names])}")
        assert [post.message for post in posts(rest, place["id"])] == ["psst"]
