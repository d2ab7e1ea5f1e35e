"""slack-migrator matrix registration"""

from __future__ import annotations

import click


@click.group(name="matrix", short_help="Helpers for a Matrix homeserver.")
def command() -> None:
    """Helpers for a Matrix homeserver."""
