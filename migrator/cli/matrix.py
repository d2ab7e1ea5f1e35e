"""slack-migrator matrix registration"""

from __future__ import annotations

from pathlib import Path

import click


@click.group(name="matrix", short_help="Helpers for a Matrix homeserver.")
def command() -> None:
    """Helpers for a Matrix homeserver."""


@command.command(name="registration", short_help="Write the application-service registration to install.")
@click.option("--server-name", required=True, metavar="NAME", help="What stands behind the colon in @me:NAME.")
@click.option("--homeserver", metavar="URL", help="Address of its client API [https://NAME].")
@click.option("--prefix", default="slack_", show_default=True, help="How the names of moved people and rooms begin.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("slack-registration.yaml"),
    show_default=True,
    help="The registration; its token for us goes beside it, as NAME.token.",
)
def registration(server_name: str, homeserver: str | None, prefix: str, output: Path) -> None:
    """Write the file that lets slack-migrator act on a homeserver, and say how to install it.

    The homeserver's administrator installs it once. It holds secrets: it is written so that only you can read it, and
    nothing of it is shown.

    \b
    Example:
      slack-migrator matrix registration --server-name example.org -o slack-registration.yaml
    """
    from migrator.adapters.matrix.registration import Registration, write_secret

    made = Registration.make(server_name, prefix)
    token = output.with_suffix(".token")
    write_secret(output, made.yaml())
    try:
        write_secret(token, made.as_token + "\n")
    except BaseException:
        output.unlink()
        raise
    click.echo(
        _STEPS.format(
            output=output,
            token=token.name,
            server=server_name,
            address=homeserver or f"https://{server_name}",
            prefix="" if prefix == "slack_" else f'\n     prefix = "{prefix}"',
            folder=token.resolve().parent,
        )
    )


_STEPS = """\
Wrote {output} (the registration) and {token} beside it (our token). Both are secret.

1. On the homeserver {server} (Synapse): copy the registration to where Synapse can read it, for example
     install -o matrix-synapse -m 600 {output} /etc/matrix-synapse/slack-registration.yaml
2. Name it in homeserver.yaml:
     app_service_config_files:
       - /etc/matrix-synapse/slack-registration.yaml
   If the file names others already, add the line to them.
3. Restart Synapse, for example
     systemctl restart matrix-synapse
4. Write move.toml in {folder}:
     [matrix]
     homeserver = "{address}"
     as_token_file = "{token}"{prefix}
5. See what would happen; nothing is written:
     slack-migrator migrate EXPORT --to matrix --config move.toml --dry-run
6. After the move: take the line out of homeserver.yaml, restart Synapse, delete both files. What was moved stays."""
