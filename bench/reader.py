"""Memory that does not grow with an export: a million messages against a hundred thousand, same people, same channels.

Whole processes: what `inspect` takes, and what reading every message takes. The limits are 150 MiB, and 20 MiB more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.conversion import generated
from bench.rows import Row, peak_mib

SMALL, LARGE = 100_000, 1_000_000
INSPECT = """
from pathlib import Path
from migrator.slack.reader import open_export
source = open_export([Path(sys.argv[1])])
source.census().to_dict()
"""
EMIT = """
from pathlib import Path
from migrator.slack.reader import open_export
source = open_export([Path(sys.argv[1])])
assert sum(1 for conversation in source.workspace.conversations for _ in source.messages(conversation)) > 0
"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as temporary:
        small, large = (generated(Path(temporary), count) for count in (SMALL, LARGE))
        return [
            Row(
                f"peak memory, {what}, {LARGE:,} messages",
                peak_mib(script, str(large)),
                peak_mib(script, str(small)),
                "MiB",
                f"the same for {SMALL:,} messages",
            )
            for what, script in (("counting everything", INSPECT), ("reading every message", EMIT))
        ]
