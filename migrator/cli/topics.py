"""slack-migrator help TOPIC"""

from __future__ import annotations

import click

from migrator.adapters import load, names
from migrator.cli.show import table
from migrator.errors import exit_codes
from migrator.ledger import Fate, Feature

ENVIRONMENT = """\
SLACK_MIGRATOR_<SECRET>          a secret of the target (AS_TOKEN, API_KEY, TOKEN …), instead of a file
SLACK_MIGRATOR_<TARGET>_<KEY>    a setting of the target, instead of the configuration file
SLACK_MIGRATOR_<COMMAND>_<OPT>   an option of a command (SLACK_MIGRATOR_MIGRATE_RUN)
"""


@click.command(name="help", short_help="Read about exit codes, fidelity, the environment.")
@click.argument("topic", type=click.Choice(["exit-codes", "fidelity", "environment"]))
def command(topic: str) -> None:
    """Read about exit codes, what each target can hold, or the environment."""
    if topic == "exit-codes":
        click.echo(table(["code", "meaning"], [[str(code), text] for code, text in exit_codes().items()]))
    elif topic == "fidelity":
        click.echo(fidelity())
    else:
        click.echo(ENVIRONMENT, nl=False)


def fidelity() -> str:
    """Every feature and its fate on every route of every target, as the adapters declare it."""
    routes = [
        (f"{name} ({route.name})", route) for name in names() if name != "memory" for route in load(name)({}).routes
    ]
    rows = [[f.value, *(route.fates[f].fate.value for _, route in routes)] for f in Feature]
    notes = [
        f"{f.value}, {name}: {route.fates[f].how}"
        for f in Feature
        for name, route in routes
        if route.fates[f].fate is not Fate.LOSSLESS
    ]
    return table(["", *(name for name, _ in routes)], rows) + "\n\n" + "\n".join(notes)
