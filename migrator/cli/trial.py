"""slack-migrator try EXPORT"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from migrator.cli.migrate import carry_out
from migrator.cli.options import exports
from migrator.errors import Interrupted
from migrator.model import ConversationKind, Role, User, Workspace
from migrator.move import Move
from migrator.plan import Options
from migrator.progress import Progress

if TYPE_CHECKING:
    from migrator.adapters.matrix.homeserver import Homeserver


@click.command(name="try", short_help="Look at an export in a private Matrix homeserver.")
@exports
@click.option("--keep", is_flag=True, help="Leave the server running and say how to log in with any Matrix client.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the server lives [a temporary folder].")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(exports: tuple[Path, ...], keep: bool, folder: Path | None, quiet: bool) -> None:
    """Move an export into a private Matrix homeserver on this machine, and verify it there.

    The server (a real Synapse: pip install matrix-synapse) listens on this machine only and talks to nobody. It
    is stopped and removed at the end unless you say --keep; the report stays.

    \b
    Example:
      slack-migrator try export.zip --keep
    """
    from migrator.adapters.matrix.homeserver import start

    place = folder or Path(tempfile.mkdtemp(prefix="slack-migrator-try-"))
    click.echo("Starting a private Matrix homeserver …", err=True)
    server, stays = None, False
    try:
        server = start(place / "server", keep=keep)
        move = Move(
            exports,
            "matrix",
            server.settings,
            Options(),
            folder=place / "run",
            progress=Progress(quiet=quiet),
        )
        try:
            asyncio.run(carry_out(move, fail_on=None, dry_run=False, ask=False, check=True, advise=False))
        finally:
            if keep and server.alive and move.opened:
                stays = True
                _say_how_to_look(server.base_url, *_login(server, move.source.workspace), server.pid, place)
    except KeyboardInterrupt:
        raise Interrupted("stopped", hint="run the same command again; it begins anew") from None
    finally:
        if not stays:
            if server is not None:
                server.stop()
            _clear(place, whole=folder is None)


def _clear(place: Path, *, whole: bool) -> None:
    """Leave nothing of a stopped server but the report, in a folder that is ours; a folder of the user's as it is."""
    if not whole:
        click.echo(f"The private server is stopped; what it held stays in {place}.")
        return
    shutil.rmtree(place / "server", ignore_errors=True)
    if not (place / "run" / "report.html").exists():
        shutil.rmtree(place, ignore_errors=True)
    else:
        click.echo("The private server is stopped and removed, the report stays; --keep leaves the server to look at.")


def _login(server: Homeserver, workspace: Workspace) -> tuple[str, str]:
    """Give the person who sees most a password. Returns the user id and the password."""
    from migrator.adapters.matrix.adapter import Matrix

    user = Matrix(server.settings).user_id(_guide(workspace))
    return user, server.give_login(user)


def _guide(workspace: Workspace) -> User:
    """An active person in as many conversations as possible; owners first."""
    seen: dict[str, int] = {}
    for conversation in workspace.conversations.values():
        for member in conversation.members:
            seen[member] = seen.get(member, 0) + 1 + (conversation.kind is not ConversationKind.PUBLIC)
    people = [user for user in workspace.users.values() if user.active and not user.is_bot] or [
        *workspace.users.values()
    ]
    return max(people, key=lambda user: (seen.get(user.id, 0), user.role is Role.OWNER, user.id))


def _say_how_to_look(url: str, user: str, password: str, pid: int, place: Path) -> None:
    click.echo(
        f"\nThe server goes on running at {url}\n"
        f"Log in with any Matrix client (homeserver {url}):\n"
        f"  user      {user}\n"
        f"  password  {password}\n"
        f"Stop it with: kill {pid}\n"
        f"Then remove:  {place}"
    )
    sys.stdout.flush()
