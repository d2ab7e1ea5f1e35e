"""A whole move, as the commands use it: open, plan, apply, verify, report. Each step can be taken alone.

Nothing here prints; commands show what the steps return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from migrator.adapters import load
from migrator.adapters.base import Adapter, Foresees, Key, Kind, Live, Prepares, Remembers, RemoteId, Target
from migrator.adapters.bulk import Bulk, Group, OnePass, in_this_process
from migrator.adapters.bulk import Move as BulkMove
from migrator.apply import Engine, Outcome
from migrator.config import refuse_unknown
from migrator.crew import Crew, default_jobs
from migrator.directory import Names
from migrator.errors import StalePlan, UsageError
from migrator.folder import RunFolder, Settings
from migrator.journal import Journal
from migrator.page import page
from migrator.patience import Patience, Tries
from migrator.plan import Options, Plan, Planner, choose_route, chosen
from migrator.progress import Progress
from migrator.recognise import recognise
from migrator.report import Report, report_of
from migrator.selection import Selection
from migrator.share import Share
from migrator.slack.reader import open_export
from migrator.snapshot import JournalSnapshot, adopt
from migrator.verdict import Verdict
from migrator.verify import verify

if TYPE_CHECKING:
    from migrator.slack.reader import Export

__all__ = ["Move"]

WORTH_SHARING = 8 << 20  # bytes of day files: what one process reads in half a second
PACKAGE = "package"  # what the journal calls the state of a package that is loaded by hand: written, recognised


class Move:
    """One export (or several of one workspace) on its way to one target. An async context manager.

    `offline`: plan without a server. `loaded`: the package of a route that is loaded by hand is on the server by now,
    so that it can be read back; until then such a route asks no server. `folder` None chooses ./slack-to-<server>.
    `dry`: leave nothing behind. `jobs`: processes that read and convert (0: as many as is sensible here).
    """

    def __init__(
        self,
        exports: Sequence[Path],
        target: str,
        settings: Mapping[str, Any],
        options: Options,
        *,
        config: Path | None = None,
        folder: Path | None = None,
        offline: bool = False,
        loaded: bool = False,
        dry: bool = False,
        progress: Progress | None = None,
        patience: Patience | None = None,
        jobs: int = 0,
    ) -> None:
        self.exports, self.target_name, self.options = [Path(p) for p in exports], target, options
        self.config, self._folder, self.dry = config, folder, dry
        self.progress = progress or Progress()
        self.patience = patience
        self._tries = Tries(patience or Patience())
        self.crew = Crew(jobs or default_jobs(), WORTH_SHARING)
        factory = load(target)
        if known := getattr(factory, "knows", ()):
            refuse_unknown(target, {*settings, *options.adapter} - {"out"}, known)
        self.adapter: Adapter = factory({**settings, **options.adapter})
        self.route = choose_route(self.adapter, options.route)
        if self.route.name == "live" and "out" in options.adapter:
            raise UsageError(f"the live route into {target} writes no package", hint="leave out -o")
        self.offline = offline or (self.route.by_hand is not None and not loaded)
        self.target: Target | None = None
        self._stack = AsyncExitStack()
        self.opened = False  # whether there is a source to look at

    async def __aenter__(self) -> Move:
        self.source: Export = open_export(self.exports, self.crew)
        self.opened = True
        self._stack.callback(self.source.close)
        try:
            if not self.offline:
                self._stack.push_async_callback(self.adapter.close)
                self.target = await self.adapter.open()
            path = self._folder or RunFolder.default_for(self.target.identity if self.target else self.target_name)
            self.folder = RunFolder(path, create=not self.dry) if path.exists() or not self.dry else None
            self.journal = Journal(self.folder.journal if self.folder else None)
            self._stack.callback(self.journal.close)
            self._bind()
            self._refuse_unrecognised()
            if self.folder is not None and not self.dry and isinstance(self.adapter, Remembers):
                self._stack.push_async_callback(self.adapter.close)  # before the journal lets the next process in
                self.adapter.keep_in(self.folder.path)
            if isinstance(self.adapter, Prepares):
                self.adapter.prepare(Selection(self.source, self.options).workspace, self.journal.remote)
            if self.target is not None and isinstance(self.adapter, Foresees):
                more = tuple(await self.adapter.foresee(self.source.workspace))
                self.target = msgspec.structs.replace(self.target, warnings=self.target.warnings + more)
            if self.target is not None:
                await adopt(self.source, self.adapter, self.journal, self._tries)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.close()
        await self._stack.aclose()

    def _bind(self) -> None:
        """A run folder serves one workspace and one target for good."""
        workspace = self.source.workspace
        named = {workspace.id, workspace.domain or workspace.id}  # older exports know their domain only
        stored = {self.journal.bind("workspace", workspace.id), self.journal.bind("domain", workspace.domain)} - {""}
        if not named & stored:
            self._refuse_folder("workspace", min(stored), workspace.id)
        if self.target is not None:
            bound = self.journal.bind("target", self.target.identity)
            if bound != self.target.identity:
                self._refuse_folder("target", bound, self.target.identity)

    def _refuse_folder(self, what: str, stored: str, wanted: str) -> None:
        raise UsageError(
            f"the run folder {self.folder.path if self.folder else ''} belongs to {what} {stored}, not {wanted}",
            hint="give this move a folder of its own with --run DIR",
        )

    def _refuse_unrecognised(self) -> None:
        """What a package brought would be sent again."""
        if self.route.by_hand is None and not self.offline and self.journal.meta(PACKAGE) == "written":
            path = self.folder.path if self.folder else "RUN"
            raise UsageError(
                "a package was written from this run folder, and what came of it is not known yet",
                hint=f"once it is loaded: slack-migrator verify {path} --config FILE",
            )

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def plan(self) -> Plan:
        """Read everything, write nothing but plan.json in the run folder."""
        self.progress.phase("reading", 0)
        planner = Planner(self.source, self.adapter, self.target, JournalSnapshot(self.journal), self.options)
        for _ in self._spread(planner, planner.compose, [(c.id,) for c in chosen(self.source, self.options)]):
            self.progress.advance()
        made = planner.plan()
        self.progress.close()
        self._save(made)
        return made

    def _spread(self, planner: Planner, work: Callable[[Group], Any], groups: Sequence[Group]) -> Iterator[Any]:
        """`adapters.base.Move.spread`, with what `planner` learns in other processes."""

        def shared(group: Group) -> tuple[Any, list[Share]]:
            return work(group), planner.harvest(group)

        def weight(group: Group) -> int:
            return sum(map(self.source.weight, group))

        for result, shares in self.crew.run(shared, groups, weight):
            planner.adopt(shares)
            yield result

    def _save(self, plan: Plan) -> None:
        if self.folder is not None and not self.dry:
            exports = tuple(str(path.resolve()) for path in self.exports)
            config = str(self.config.resolve()) if self.config else ""
            self.folder.write_json("run.json", Settings(exports, self.target_name, config, self.options))
            self.folder.write_json("plan.json", plan)
            self.folder.write_lines("quarantine.jsonl", self.source.quarantine)

    async def apply(self, plan: Plan) -> Outcome:
        """Carry out a plan, unless it is stale."""
        identity = self.target.identity if self.target else self.adapter.name
        plan.refuse_if_stale(self.source.fingerprint, identity, self.options.digest, self.journal.serial)
        if self.folder is None:
            raise StalePlan("this was a dry run", hint="run the same command without --dry-run")
        if self.route.name == "live":
            if not isinstance(self.adapter, Live) or self.target is None:
                raise UsageError(f"{self.adapter.name} needs a server", hint="add --config FILE")
            engine = Engine(
                self.source, self.adapter, self.target, self.journal, self.options, self.progress, self.patience
            )
            outcome = await engine.run(plan.posts)
        else:
            outcome = await self._load_in_bulk()
        self.progress.close()
        self._write_id_map()
        return outcome

    @property
    def in_one_pass(self) -> bool:
        """Whether `convert` can plan and write at once: nothing is sent anywhere, so nothing has to be known before."""
        return self.target is None and isinstance(self.adapter, OnePass) and self.route.name != "live"

    async def convert(self) -> tuple[Plan, Outcome]:
        """Write the package and make the plan of it in one pass. Only where `in_one_pass`."""
        planner = Planner(self.source, self.adapter, None, JournalSnapshot(self.journal), self.options)
        outcome = await self._load_in_bulk(planner)
        self.progress.close()
        plan = planner.plan()
        self._save(plan)
        return plan, outcome

    async def _load_in_bulk(self, planner: Planner | None = None) -> Outcome:
        if not isinstance(self.adapter, Bulk) or self.folder is None:
            raise UsageError(f"{self.adapter.name} cannot take a package", hint="choose another --route")
        if self.route.by_hand is not None:
            self.journal.set_meta(PACKAGE, "written")
        before = self.journal.counts()
        folder = self.folder.path / "package"
        folder.mkdir(mode=0o700, exist_ok=True)
        advice = await self.adapter.load(
            BulkMove(
                source=Selection(self.source, self.options, planner),
                directory=Names(self.source.workspace, self.journal.remote),
                target=self.target,
                folder=folder,
                progress=self.progress,
                done=self.journal.remote,
                record=self._record,
                options={"route": self.route.name, **self.options.adapter},
                composed=planner.take if planner else lambda _messages, _made: None,
                spread=partial(self._spread, planner) if planner else in_this_process,
                weigh=self.source.weight,
            )
        )
        after = self.journal.counts()
        return Outcome(
            posts=after.get(Kind.POST, 0) - before.get(Kind.POST, 0),
            reactions=after.get(Kind.REACTION, 0) - before.get(Kind.REACTION, 0),
            edits=0,
            failures=tuple(self.journal.failures()),
            unapplied=0,
            advice=tuple(advice),
            resolved=0,
        )

    def _record(self, kind: Kind, key: Key, remote: RemoteId, digest: str) -> None:
        self.journal.done(kind, key, remote, digest)

    async def verify(self) -> Verdict:
        """Read the target back and compare. UsageError without a target."""
        if self.target is None:
            raise UsageError("there is no server to read back from", hint="add --config FILE")
        self.progress.phase("reading back", len(chosen(self.source, self.options)))
        target, package = self.target, self.route.by_hand
        if package is not None:
            await recognise(self.source, self.adapter, target, package, self.journal, self.options)
            self.journal.set_meta(PACKAGE, "recognised")
            self._write_id_map()
            target = msgspec.structs.replace(target, limits=package)
        verdict = await verify(
            self.source, self.adapter, target, self.journal, self.options, self._tries, self.progress.advance
        )
        self.progress.close()
        return verdict

    def report(self, plan: Plan, outcome: Outcome | None, verdict: Verdict | None) -> Path | None:
        """report.json and report.html in the run folder; returns the latter's path."""
        return self._write_report(report_of(plan, outcome, verdict, self.source.quarantine))

    def report_again(self, verdict: Verdict) -> Path | None:
        """As `report`, with a verdict that came later. Where a run died before its report, of its plan."""
        if self.folder is None:
            return None
        made = self.folder.read_json("report.json", Report)
        if made is not None:
            return self._write_report(msgspec.structs.replace(made, verdict=verdict, sentence=verdict.sentence()))
        plan = self.folder.read_json("plan.json", Plan)
        return self.report(plan, None, verdict) if plan is not None else None

    def _write_report(self, report: Report) -> Path | None:
        if self.folder is None:
            return None
        self.folder.write_json("report.json", report)
        return self.folder.write("report.html", page(report).encode())

    def _write_id_map(self) -> None:
        if self.folder is None:
            return
        rows = ["kind,source,target"]
        for kind in Kind:
            rows += [",".join(_csv(cell) for cell in (kind, key, remote)) for key, remote, _ in self.journal.all(kind)]
        self.folder.write("idmap.csv", ("\n".join(rows) + "\n").encode())


def _csv(cell: str) -> str:
    """Quoted where needed; a cell that a spreadsheet would run as a formula is disarmed."""
    if cell[:1] in "=+-@":
        cell = "'" + cell
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\n') else cell
