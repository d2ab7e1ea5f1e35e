"""Runs a private Synapse as a process of its own: `python -m migrator.adapters.matrix.launcher -c homeserver.yaml`.

Two things Synapse has no setting for: SQLite waits for no disk (what is lost with the power is a trial), and the server
ends with whoever started it: when standard input, a pipe from there, is closed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any


def main() -> None:
    from synapse.app.homeserver import main as synapse
    from synapse.storage.engines.sqlite import Sqlite3Engine

    on_new_connection = Sqlite3Engine.on_new_connection

    def without_waiting(self: Any, connection: Any) -> None:
        on_new_connection(self, connection)
        connection.execute("PRAGMA synchronous=OFF")

    Sqlite3Engine.on_new_connection = without_waiting
    if "--leash" in sys.argv:
        sys.argv.remove("--leash")
        threading.Thread(target=_end_with_the_starter, daemon=True).start()
    synapse()


def _end_with_the_starter() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
