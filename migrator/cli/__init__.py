"""The command line: one file per command, loaded when it is called, so that `--help` stays quick."""

from __future__ import annotations

import errno
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click

from migrator import __version__
from migrator.errors import AuthError, DiskError, Interrupted, MigratorError, Retry, SkipItem, TargetUnavailable

__all__ = ["cli", "main"]

# command -> module below migrator.cli; each module's `command` is the click command
COMMANDS = {
    "apply": ("apply", "Carry out a saved plan."),
    "help": ("topics", "Read about exit codes, fidelity, the environment."),
    "inspect": ("inspect", "Tell what is in an export."),
    "matrix": ("matrix", "Helpers for a Matrix homeserver."),
    "mattermost": ("mattermost", "Helpers for a Mattermost server."),
    "migrate": ("migrate", "Plan, apply and verify in one go."),
    "plan": ("plan", "Work out what a move would do; write nothing."),
    "try": ("trial", "Look at an export in a private Matrix homeserver."),
    "verify": ("verify", "Read the target back and compare."),
    "zulip": ("zulip", "Helpers for a Zulip server."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are called; their one-line help stands in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            close = get_close_matches(cmd_name, COMMANDS, 1)
            ctx.fail(f"No such command '{cmd_name}'." + (f" Did you mean '{close[0]}'?" if close else ""))
        module = import_module(f"migrator.cli.{COMMANDS[cmd_name][0]}")
        command = module.command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "SLACK_MIGRATOR",
        "max_content_width": 100,
    },
    epilog="Start with: slack-migrator inspect EXPORT",
)
@click.version_option(__version__, prog_name="slack-migrator")
def cli() -> None:
    """Move a Slack workspace into Matrix, Zulip or Mattermost, and prove that everything arrived.

    EXPORT is the zip file that Slack gave you, or the folder it unpacks to.
    """


def main() -> NoReturn:
    """The entry point: errors become one sentence, a next step and their exit code; never a traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        stopped = Interrupted("stopped", hint="run the same command again: it goes on where it stopped")
        sys.exit(_show(stopped))
    except MigratorError as error:
        sys.exit(_show(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        sys.exit(_show(_target_error(error) or _disk_error(error) or _unforeseen(error)))
    sys.exit(0)


def _show(error: MigratorError) -> int:
    click.echo(f"Error: {error.message}", err=True)
    if error.hint:
        click.echo(f"Next: {error.hint}", err=True)
    return error.exit_code


_OF_FILES = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE}  # no room, or no disk
    | {errno.EACCES, errno.EPERM, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
)


def _disk_error(error: Exception) -> DiskError | None:
    """What the operating system or the journal's database says of files; None for anything else."""
    hint = "make room or set the rights, then run the same command again: it goes on where it stopped"
    if isinstance(error, OSError) and error.errno in _OF_FILES:
        where = f"{error.filename}: " if isinstance(error.filename, str | os.PathLike) else ""
        return DiskError(f"{where}{error.strerror}", hint=hint)
    if type(error).__module__ == "sqlite3":  # not imported here: `--help` needs no database
        if "not a database" in str(error) or "malformed" in str(error):
            hint = "move the run folder away and run the same command again: it adopts what is on the target"
        return DiskError(f"the journal in the run folder: {error}", hint=hint)
    return None


def _target_error(error: Exception) -> MigratorError | None:
    """What an adapter says of one call, where the run cannot go on without it; None for anything else."""
    if isinstance(error, Retry):
        return TargetUnavailable(str(error), hint="run the same command again: it goes on where it stopped")
    if isinstance(error, SkipItem):
        return AuthError(f"the target refuses what the run cannot do without: {error}", hint="see its log for why")
    return None


def _unforeseen(error: Exception) -> MigratorError:
    place = _innermost(error)
    return MigratorError(f"unforeseen {type(error).__name__} in {place}", hint="please report this line")


def _innermost(error: BaseException) -> str:
    trace = error.__traceback__
    place = "?"
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "?")
        if name.startswith("migrator"):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
