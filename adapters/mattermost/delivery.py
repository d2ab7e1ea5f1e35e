"""Bringing import files to the server and having them imported: chunked upload, job, watch; resumable anywhere.

What has been done is kept in a file of the run folder (`Deliveries`) and, where that may be behind, asked of the
server.

A job whose server died stays "in_progress" for ever, and looks like one that works: progress is 0 until the end. But a
server runs one import at a time, in the order asked for. So where we doubt a job we ask for a second one on the same
file: it begins only if the first is dead, and running a file again adds nothing twice.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from migrator.adapters.mattermost.rest import Refused, Rest, anonymous
from migrator.errors import ItemsFailed, LimitExceeded, TargetUnavailable
from migrator.whole import write_whole

__all__ = ["Deliveries", "Delivery", "ImportRefused", "State", "deliver", "discard"]

CHUNK = 16 << 20  # bytes; the server wants at least 5 MiB in a first part
MOST_STUCK = 5  # times in a row that a part may fail without the server having got any of it
POLL = 2.0  # seconds between two looks at a job
PATIENCE = 900.0  # seconds that a job may take before a second one is asked for behind it
JOB = "import_process"
ENDED = frozenset({"success", "error", "canceled"})


class ImportRefused(ItemsFailed):
    """The server stopped an import. `line` counts from 1 (0: it did not say); `reason` is the server's sentence."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"the server refused line {line or '?'} of {file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class State:
    """How far a file is."""

    WRITTEN = "written"
    UPLOADED = "uploaded"
    DONE = "done"


class Delivery(Struct):
    """One import file on its way: its name and sha256, the upload session, the name it got, the jobs asked for.

    `stale`: what the server still holds of it as an earlier conversion made it, and will never be asked to import.
    """

    name: str
    size: int
    sha256: str
    state: str = State.WRITTEN
    upload: str = ""
    stored: str = ""
    jobs: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    @property
    def held(self) -> list[str]:
        """Names of all that the server holds of it."""
        return [*self.stale, self.stored] if self.stored else self.stale


class Deliveries:
    """The files of a package and how far each is, in one JSON file that is replaced at every step.

    One thread uploads while another watches a job, so both may save.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saving = threading.Lock()
        self._known: dict[str, Delivery] = {}
        if path.exists():
            self._known = {d.name: d for d in msgspec.json.decode(path.read_bytes(), type=list[Delivery])}

    def __iter__(self) -> Any:
        return iter(self._known.values())

    def of(self, file: Path) -> Delivery:
        """The delivery of a file; a new one where it is not known, or not with this content."""
        size, digest = file.stat().st_size, _sha256(file)
        known = self._known.get(file.name)
        if known is None or known.sha256 != digest:
            known = self._known[file.name] = Delivery(file.name, size, digest, stale=known.held if known else [])
            self.save()
        return known

    def retain(self, names: Container[str]) -> list[Delivery]:
        """Forget all files but these; returns what is forgotten."""
        others = [delivery for name, delivery in self._known.items() if name not in names]
        for delivery in others:
            del self._known[delivery.name]
        self.save()
        return others

    def save(self) -> None:
        with self._saving:
            write_whole(self._path, msgspec.json.encode(list(self._known.values())))


def deliver(
    rest: Rest,
    file: Path,
    delivery: Delivery,
    *,
    save: Callable[[], None],
    sent: Callable[[int], None] = lambda _: None,
    workers: int = 0,
) -> None:
    """Upload a file and see its import through. ImportRefused, TargetUnavailable, LimitExceeded, AuthError."""
    send(rest, file, delivery, save=save, sent=sent)
    run(rest, delivery, save=save, workers=workers)


# ── upload ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def send(
    rest: Rest,
    file: Path,
    delivery: Delivery,
    *,
    save: Callable[[], None],
    sent: Callable[[int], None] = lambda _: None,
    chunk: int = CHUNK,
) -> None:
    """Upload a file unless the server holds it; goes on where an earlier call stopped. `sent` is told bytes."""
    if delivery.state == State.DONE or (delivery.state == State.UPLOADED and _is_there(rest, delivery)):
        return
    if delivery.stale:
        discard(rest, delivery.stale)
        delivery.stale = []
    known = _offset(rest, delivery)
    if known is None:
        _begin(rest, file, delivery)
        save()
    offset, stuck = known or 0, 0
    sent(offset)
    with file.open("rb") as body:
        while offset < delivery.size:
            body.seek(offset)
            part = body.read(chunk)
            try:
                rest.request("POST", f"/uploads/{delivery.upload}", data=part)
                reached = offset + len(part)
            except TargetUnavailable:
                held = _offset(rest, delivery)
                stuck += 1
                if held is None or stuck > MOST_STUCK:
                    raise
                reached = held
            if reached > offset:
                stuck = 0
                sent(reached - offset)
            offset = reached
    delivery.stored = f"{delivery.upload}_{file.name}"
    delivery.state = State.UPLOADED
    save()


def discard(rest: Rest, stored: Iterable[str]) -> None:
    """Take uploaded files off the server, which keeps them until they are imported."""
    for name in stored:
        try:
            rest.delete(f"/imports/{quote(name)}")
        except Refused as refused:
            if refused.status != 404:  # by a server that cannot do it
                raise


def _begin(rest: Rest, file: Path, delivery: Delivery) -> None:
    """Open an upload session."""
    try:
        session = rest.post("/uploads", {"type": "import", "filename": file.name, "file_size": delivery.size})
    except LimitExceeded:
        raise LimitExceeded(
            f"{file.name} has {delivery.size:,} bytes, more than the server takes",
            hint="raise FileSettings.MaxFileSize",
        ) from None
    delivery.upload, delivery.jobs = str(session["id"]), []


def _offset(rest: Rest, delivery: Delivery) -> int | None:
    """How many bytes of it the server holds; None without an upload session there."""
    if not delivery.upload:
        return None
    session = rest.find(f"/uploads/{delivery.upload}")
    if session is not None:
        return int(session["file_offset"])
    # A finished session is forgotten by the server; its file is not.
    name = f"{delivery.upload}_{delivery.name}"
    return delivery.size if name in rest.get("/imports") else None


def _is_there(rest: Rest, delivery: Delivery) -> bool:
    """The server holds the file, or has imported and deleted it."""
    return delivery.stored in rest.get("/imports") or any(
        job["status"] == "success" for job in _jobs_of(rest, delivery)
    )


# ── job ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def run(
    rest: Rest,
    delivery: Delivery,
    *,
    save: Callable[[], None],
    workers: int = 0,
    sleep: Callable[[float], None] = time.sleep,
    poll: float = POLL,
) -> None:
    """Have an uploaded file imported; returns when it is."""
    if delivery.state == State.DONE:
        return
    jobs = _jobs_of(rest, delivery)
    if jobs and all(job["status"] in ("error", "canceled") for job in jobs):
        jobs = []  # an earlier run saw it fail; whoever starts us again has changed something
    delivery.jobs = [job["id"] for job in jobs]
    # one that works since before this process: its server may have died meanwhile
    doubted = any(job["status"] == "in_progress" for job in jobs)
    while True:
        outages, begun = rest.outages, time.monotonic()
        if not delivery.jobs or doubted:
            delivery.jobs.append(_start(rest, delivery, workers))
            save()
        doubted = False
        while not doubted:
            states = [rest.get(f"/jobs/{job}") for job in delivery.jobs]
            if any(job["status"] == "success" for job in states):
                _cancel(rest, states)
                delivery.state = State.DONE
                save()
                return
            latest = states[-1]
            if latest["status"] == "error":
                data = latest.get("data") or {}
                raise ImportRefused(delivery.name, _number(data), _reason(data))
            if latest["status"] == "canceled":
                raise ImportRefused(delivery.name, 0, "the job was cancelled on the server")
            late = time.monotonic() - begun > PATIENCE
            doubted = latest["status"] == "in_progress" and (rest.outages != outages or late)
            if not doubted:
                sleep(poll)


def _start(rest: Rest, delivery: Delivery, workers: int) -> str:
    """Ask for an import of the file; one that was asked for and is waiting is not asked for again."""
    known = set(delivery.jobs)
    data = {"import_file": delivery.stored, "extract_content": "false"}
    if workers:
        data["workers"] = str(workers)
    try:
        return str(rest.post("/jobs", {"type": JOB, "data": data})["id"])
    except TargetUnavailable:
        for job in _jobs_of(rest, delivery):  # the answer was lost: has it landed?
            if job["id"] not in known and job["status"] not in ENDED:
                return str(job["id"])
        return str(rest.post("/jobs", {"type": JOB, "data": data})["id"])


def _jobs_of(rest: Rest, delivery: Delivery) -> list[Mapping[str, Any]]:
    """The server's jobs on this file, oldest first."""
    if not delivery.stored:
        return []
    jobs = [
        job
        for job in rest.get(f"/jobs/type/{quote(JOB)}", page=0, per_page=200) or ()
        if (job.get("data") or {}).get("import_file") == delivery.stored
    ]
    return sorted(jobs, key=lambda job: (job["create_at"], job["id"]))


def _cancel(rest: Rest, jobs: list[Mapping[str, Any]]) -> None:
    """Take back the second job of a file that the first one has imported after all."""
    for job in jobs:
        if job["status"] == "pending":
            try:
                rest.post(f"/jobs/{job['id']}/cancel", repeatable=True)
            except Refused:
                continue  # it has begun meanwhile, and will end without its file


def _number(data: Mapping[str, str]) -> int:
    value = str(data.get("line_number", ""))
    return int(value) if value.isdigit() else 0


def _reason(data: Mapping[str, str]) -> str:
    """ "We could not … — BulkImport: … , …" is what the job keeps: shortened, without addresses."""
    text = anonymous(" ".join(str(data.get("error", "no reason given")).split()))
    return text if len(text) <= 500 else text[:499] + "…"


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as body:
        while block := body.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
