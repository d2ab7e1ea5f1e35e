"""Uploads and jobs on a real server: resumed, followed up after a crash, refused with their line."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from migrator.adapters.mattermost import delivery
from migrator.adapters.mattermost.delivery import Deliveries, ImportRefused, State
from migrator.adapters.mattermost.readback import posts
from migrator.adapters.mattermost.rest import Rest
from migrator.errors import LimitExceeded, TargetUnavailable
from migrator.secret import Secret
from tests.e2e.mattermost import zips
from tests.e2e.mattermost.server import Server

MIB = 1 << 20


def channel_id(server: Server, name: str, team: str = "moved") -> str:
    found = server.get(f"/teams/name/{team}/channels/name/{name}", include_deleted="true")
    return str(found["id"])


def test_a_file_is_sent_in_parts_and_imported(server: Server, rest: Rest, tmp_path: Path) -> None:
    """A part is lost on the way, the process is begun anew: the server's own count of bytes is where it goes on."""
    noise = os.urandom(12 * MIB)
    said = [zips.post("parts", "pat", f"line {n}", n) for n in range(3)]
    said.append(zips.post("parts", "pat", "with a file", 9, attachments=[{"path": "noise.bin"}]))
    lines = [zips.channel("parts"), zips.user("pat", "parts"), *said]
    file = zips.pack(tmp_path / "parts.zip", lines, {"noise.bin": noise})
    known = Deliveries(tmp_path / "deliveries.json")
    parts: list[int] = []

    class Cut(Exception):
        pass

    def stop_after_two(count: int) -> None:
        parts.append(count)
        if len(parts) == 3:  # the first call tells of what was there already
            raise Cut

    with pytest.raises(Cut):
        delivery.send(rest, file, known.of(file), save=known.save, sent=stop_after_two, chunk=5 * MIB)
    assert parts == [0, 5 * MIB, 5 * MIB]

    again = Deliveries(tmp_path / "deliveries.json")
    parts.clear()
    mine = again.of(file)
    delivery.send(rest, file, mine, save=again.save, sent=parts.append, chunk=5 * MIB)
    assert parts == [10 * MIB, file.stat().st_size - 10 * MIB]
    delivery.run(rest, mine, save=again.save)
    assert mine.state == State.DONE
    back = posts(rest, channel_id(server, "parts"))
    assert [post.message for post in back if not post.type] == ["line 0", "line 1", "line 2", "with a file"]
    assert back[-1].metadata is not None
    assert [(f.name, f.size) for f in back[-1].metadata.files or ()] == [("noise.bin", 12 * MIB)]

    # begun once more, nothing is sent and no job is asked for
    jobs = len(mine.jobs)
    delivery.deliver(rest, file, Deliveries(tmp_path / "deliveries.json").of(file), save=again.save)
    assert len(mine.jobs) == jobs


def test_a_refused_line_is_named(rest: Rest, tmp_path: Path) -> None:
    """The server's line number comes out; the file stays there, and a mended one goes through."""
    lines = [zips.channel("broken"), zips.user("bea", "broken")]
    file = zips.pack(tmp_path / "broken.zip", [*lines, zips.post("broken", "bea", "x" * 16_384, 1)])
    known = Deliveries(tmp_path / "deliveries.json")
    with pytest.raises(ImportRefused) as refused:
        delivery.deliver(rest, file, known.of(file), save=known.save)
    assert refused.value.line == 4
    assert "broken.zip" in str(refused.value)
    assert "@example" not in str(refused.value)

    mended = zips.pack(tmp_path / "broken.zip", [*lines, zips.post("broken", "bea", "x", 1)])
    delivery.deliver(rest, mended, known.of(mended), save=known.save)
    assert known.of(mended).state == State.DONE


def test_a_file_over_the_limit_is_not_sent(rest: Rest, tmp_path: Path) -> None:
    file = tmp_path / "huge.zip"
    with file.open("wb") as body:
        body.truncate(101 * MIB)
    known = Deliveries(tmp_path / "deliveries.json")
    with pytest.raises(LimitExceeded, match=r"huge\.zip"):
        delivery.send(rest, file, known.of(file), save=known.save)


def test_a_job_whose_server_died_is_followed_by_another(lone_server: Server, tmp_path: Path) -> None:
    """kill -9 in the middle of an import; the same file ends with every post once."""
    server = lone_server
    rest = Rest(server.url, Secret(server.token))
    count = 12_000
    lines = [zips.channel("crash"), zips.user("cat", "crash")]
    lines += [zips.post("crash", "cat", f"post {n}", n) for n in range(count)]
    file = zips.pack(tmp_path / "crash.zip", lines)
    known = Deliveries(tmp_path / "deliveries.json")
    mine = known.of(file)
    delivery.send(rest, file, mine, save=known.save)

    def crash_when_it_works() -> None:
        """As soon as the first posts are there."""
        watcher = Rest(server.url, Secret(server.token))
        while True:
            found = watcher.find("/teams/name/moved/channels/name/crash")
            if found and found["total_msg_count"]:
                break
        server.kill()
        server.start()
        watcher.close()

    crash = threading.Thread(target=crash_when_it_works, daemon=True)
    crash.start()
    delivery.run(rest, mine, save=known.save, poll=0.2)
    crash.join()
    assert len(mine.jobs) == 2
    back = [post.message for post in posts(rest, channel_id(server, "crash")) if not post.type]
    assert back == [f"post {n}" for n in range(count)]


def test_a_process_that_lost_its_job_finds_it_again(lone_server: Server, tmp_path: Path) -> None:
    """Killed between asking for a job and noting it: the job is looked up by its file, and one is enough."""
    rest = Rest(lone_server.url, Secret(lone_server.token))
    lines = [zips.channel("lost"), zips.user("lou", "lost"), zips.post("lost", "lou", "here", 1)]
    file = zips.pack(tmp_path / "lost.zip", lines)
    known = Deliveries(tmp_path / "deliveries.json")
    mine = known.of(file)
    delivery.send(rest, file, mine, save=known.save)
    rest.post("/jobs", {"type": "import_process", "data": {"import_file": mine.stored}})

    restarted = Deliveries(tmp_path / "deliveries.json")
    mine = restarted.of(file)
    assert not mine.jobs
    delivery.run(rest, mine, save=restarted.save, poll=0.2)
    assert mine.state == State.DONE
    back = posts(rest, channel_id(lone_server, "lost"))
    assert [post.message for post in back if not post.type] == ["here"]
    asked = rest.get("/jobs/type/import_process")
    assert [job["status"] for job in asked if job["data"]["import_file"] == mine.stored] == ["success"]
    assert [
        job["status"] for job in rest.get("/jobs/type/import_process") if file.name in job["data"]["import_file"]
    ] == ["success"]


def test_a_server_that_is_away_is_a_matter_of_waiting(tmp_path: Path) -> None:
    """Nobody listens there: said after a few tries, in words without a traceback."""
    waited: list[float] = []
    rest = Rest("http://127.0.0.1:9", Secret("x"), sleep=waited.append)
    with pytest.raises(TargetUnavailable, match="does not answer"):
        rest.get("/system/ping")
    assert len(waited) >= 3
