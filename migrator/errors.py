"""Every error a user can meet: one tree, one exit code and one next step each.

MigratorError                       1   (never raised itself)
├── UsageError                      2   the command line or the configuration is wrong
├── ItemsFailed                     3   the run ended, but some items failed or were quarantined
├── VerifyError                     4   the target does not hold what the export holds
├── AuthError                       5   the target or Slack refused our credentials or rights
├── TargetUnavailable               6   the target cannot be reached; the same command resumes
├── ExportError                     7   the export cannot be read at all
├── FidelityError                   8   --fail-on: the plan would lose more than allowed
├── StalePlan                       9   export or target changed since the plan was made
├── PlanHasChanges                 10   --exit-code: the plan has something to do
├── RunLocked                      11   another process works in this run folder
├── LimitExceeded                  12   the target refuses a size or a number
├── DiskError                      13   a file here cannot be written or read; the same command resumes
├── BalanceError                   70   found ≠ the sum of fates: a bug of ours
└── Interrupted                   130   stopped by the user; the same command resumes

What an adapter raises for a single call says what to *do* about it: `Retry`, `SkipItem`, or one of the tree above to
stop the run. These two never reach the user.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AuthError",
    "BalanceError",
    "DiskError",
    "ExportError",
    "FidelityError",
    "Interrupted",
    "ItemsFailed",
    "LimitExceeded",
    "MigratorError",
    "PlanHasChanges",
    "Retry",
    "RunLocked",
    "SkipItem",
    "StalePlan",
    "TargetUnavailable",
    "UsageError",
    "VerifyError",
    "exit_codes",
]


class MigratorError(Exception):
    """Base of the tree. `str()` is what the user reads: what happened, where; `hint` is the next command to type."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MigratorError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class ItemsFailed(MigratorError):
    """The run ended, but some items failed or were quarantined."""

    exit_code = 3


class VerifyError(MigratorError):
    """The target does not hold what the export holds."""

    exit_code = 4


class AuthError(MigratorError):
    """The target or Slack refused our credentials or rights."""

    exit_code = 5


class TargetUnavailable(MigratorError):
    """The target cannot be reached, or stopped answering; the same command resumes."""

    exit_code = 6


class ExportError(MigratorError):
    """The export cannot be read at all."""

    exit_code = 7


class FidelityError(MigratorError):
    """`--fail-on`: the plan would lose more than the user allows."""

    exit_code = 8


class StalePlan(MigratorError):
    """The export or the target changed since the plan was made."""

    exit_code = 9


class PlanHasChanges(MigratorError):
    """`--exit-code`: the plan has something to do."""

    exit_code = 10


class RunLocked(MigratorError):
    """Another process works in this run folder."""

    exit_code = 11


class LimitExceeded(MigratorError):
    """The target refuses a size or a number that no splitting can mend."""

    exit_code = 12


class DiskError(MigratorError):
    """A file of this machine cannot be written or read: the disk is full, or rights are missing."""

    exit_code = 13


class BalanceError(MigratorError):
    """Found is not the sum of fates: a bug of ours."""

    exit_code = 70


class Interrupted(MigratorError):
    """Stopped by the user; the same command resumes."""

    exit_code = 130


class Retry(Exception):
    """The call may succeed later. `after` is in seconds when the server named one (a wait that costs no attempt).

    `landed` says whether the target may have done it all the same: False only where it surely did not (a rate limit, a
    refused connection). Where it may have, the core asks `find` before it sends again.
    """

    def __init__(self, message: str, *, after: float | None = None, landed: bool = True) -> None:
        super().__init__(message)
        self.after = after
        self.landed = landed


class SkipItem(Exception):
    """This one item can never be accepted; record the reason, go on with the next."""


def exit_codes() -> dict[int, str]:
    """Exit code to its one-line meaning, for `help exit-codes` and the docs."""
    table = {0: "Everything went well.", 1: "An unforeseen error: please report it."}
    for cls in MigratorError.__subclasses__():
        table[cls.exit_code] = (cls.__doc__ or "").strip().splitlines()[0]
    return dict(sorted(table.items()))
