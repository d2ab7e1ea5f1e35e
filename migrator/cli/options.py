"""Options that several commands share, and what they make of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from migrator.errors import FidelityError, ItemsFailed, UsageError, VerifyError
from migrator.ledger import Fate
from migrator.plan import Options, Plan

if TYPE_CHECKING:
    from migrator.verdict import Verdict

F = TypeVar("F", bound=Callable[..., Any])

exports = click.argument("exports", metavar="EXPORT...", nargs=-1, required=True, type=click.Path(path_type=Path))


def _known(_context: click.Context, _option: click.Parameter, target: str) -> str:
    """UsageError for a target that there is none of, before its settings are looked for."""
    from migrator.adapters import load

    load(target)
    return target


def moving(command: F) -> F:
    """The options of everything that plans a move."""
    decorators = [
        click.option(
            "--to",
            "target",
            required=True,
            metavar="TARGET",
            callback=_known,
            help="matrix, mattermost, zulip or memory.",
        ),
        click.option(
            "--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with the target's settings."
        ),
        click.option("--run", "folder", type=click.Path(path_type=Path), help="Run folder [./slack-to-SERVER]."),
        click.option("--route", default="", help="Way into the target [its best]."),
        click.option("--only", multiple=True, metavar="NAME", help="Move only this conversation; repeatable."),
        click.option("--skip-notices", is_flag=True, help="Leave out joins, topic changes and other system notices."),
        click.option("--set", "choices", multiple=True, metavar="KEY=VALUE", help="A target's own choice; repeatable."),
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Where a file route writes its package."),
        click.option(
            "--fail-on",
            type=click.Choice([Fate.DROPPED.value, Fate.APPROXIMATED.value]),
            help="End with exit code 8, before anything is sent, if the plan would do this to anything.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1, 64),
            default=None,
            help="Processes that read and convert [one per processor, at most 4].",
        ),
        click.option("-q", "--quiet", is_flag=True, help="No progress."),
    ]
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def make_options(
    route: str, only: Sequence[str], skip_notices: bool, choices: Sequence[str], output: Path | None
) -> Options:
    """The command line as `plan.Options`. UsageError for a malformed --set."""
    pairs = dict(_pair(choice) for choice in choices)
    if output is not None:
        pairs["out"] = str(output.resolve())
    return Options(route=route, skip_notices=skip_notices, only=tuple(only), adapter=pairs)


def _pair(choice: str) -> tuple[str, str]:
    key, equals, value = choice.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {choice!r} is not KEY=VALUE", hint="for example --set threads=quotes")
    return key, value


def hold_to_fidelity(plan: Plan, fail_on: str | None) -> None:
    """Raises FidelityError where the plan would lose more than --fail-on allows."""
    if fail_on is None:
        return
    refused = {Fate.DROPPED} if fail_on == Fate.DROPPED else {Fate.DROPPED, Fate.APPROXIMATED}
    if lines := [line for line in plan.ledger if line.fate in refused]:
        total = sum(line.count for line in lines)
        raise FidelityError(
            f"{total:,} things would be {fail_on} or worse, first: {lines[0].feature.value} ({lines[0].note})",
            hint="read the plan, then leave out --fail-on",
        )


def end(verdict: Verdict | None, failures: int, quarantined: int) -> None:
    """The exit code of a run that came to its end: raises VerifyError or ItemsFailed, or returns."""
    if verdict is not None and not verdict.clean:
        raise VerifyError("the target does not hold what the export holds", hint="see report.html in the run folder")
    if failures or quarantined:
        raise ItemsFailed(
            f"{failures:,} items were refused by the target, {quarantined:,} records of the export are damaged",
            hint="everything else arrived; see report.html in the run folder",
        )
    if verdict is not None and verdict.unread:
        raise ItemsFailed(
            f"{len(verdict.unread):,} conversations cannot be read back", hint="what can be read holds what it should"
        )
