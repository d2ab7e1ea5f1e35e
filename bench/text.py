"""Text: messages per second on one core, from Slack's record to a target's dialect, with one leaf or with many.

Baseline: a converter by regular expressions over `text`, as other importers have it, written for this comparison: it
reads no blocks, protects no code and escapes nothing.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from bench.conversion import generated
from bench.rows import Row, in_turn

MESSAGES = 20_000


def measure() -> list[Row]:
    from migrator.adapters.matrix.render import MatrixWriter
    from migrator.adapters.mattermost.render import MattermostWriter
    from migrator.adapters.zulip.render import ZulipWriter

    with tempfile.TemporaryDirectory() as temporary:
        days = _days(generated(Path(temporary), MESSAGES))
    texts = [_without_blocks(day) for day in days]
    rows = []
    for name, writer in (("Matrix", MatrixWriter()), ("Zulip", ZulipWriter()), ("Mattermost", MattermostWriter())):
        for what, some in (("rich text", days), ("text alone", texts)):
            ours, rival = in_turn(lambda w=writer, s=some: _ours(s, w), lambda s=some: _by_expressions(s), runs=3)
            rows.append(Row(f"{what} to {name}, one core", ours, rival, "messages/s", "a few regular expressions"))
    return rows


def _days(export: Path) -> list[bytes]:
    with zipfile.ZipFile(export) as archive:
        return [archive.read(n) for n in archive.namelist() if n.count("/") == 1 and n.endswith(".json")]


def _without_blocks(day: bytes) -> bytes:
    """As exports were before 2019."""
    return json.dumps(
        [{key: value for key, value in record.items() if key != "blocks"} for record in json.loads(day)],
        ensure_ascii=False,
        indent=4,
    ).encode()


def _ours(days: list[bytes], writer: object) -> float:
    """Bytes of day files to what a target gets, by the reader's own decoder."""
    from migrator.directory import Names
    from migrator.model import Workspace
    from migrator.slack.body import body_with_notes
    from migrator.slack.context import Context
    from migrator.slack.richrecord import decode_all

    names, context = Names(Workspace("T", "W", "w", {}, {}, {}, {})), Context("w")
    write: Callable[[object, Names], object] = writer.write  # type: ignore[attr-defined]
    start, count = time.process_time(), 0
    for day in days:
        for record in decode_all(day):
            tree, _ = body_with_notes(record.text or "", record.blocks, record.attachments, context)
            write(tree, names)
            count += 1
    return count / (time.process_time() - start)


_RULES = [
    (re.compile(r"<@([UW][A-Z0-9]+)(\|[^>]*)?>"), r"@\1"),
    (re.compile(r"<#(C[A-Z0-9]+)\|([^>]*)>"), r"~\2"),
    (re.compile(r"<!(here|channel|everyone)>"), r"@\1"),
    (re.compile(r"<([^\|<>]+)\|([^\|>]+)>"), r"[\2](\1)"),
    (re.compile(r"(^|[\s.;,])\*(\S[^*\n]+)\*"), r"\1**\2**"),
    (re.compile(r"(^|[\s.;,])~(\S[^~\n]+)~"), r"\1~~\2~~"),
    (re.compile(r"^&gt;", re.MULTILINE), ">"),
]


def _by_expressions(days: list[bytes]) -> float:
    start, count = time.process_time(), 0
    for day in days:
        for record in json.loads(day):
            text = record.get("text") or ""
            for pattern, replacement in _RULES:
                text = pattern.sub(replacement, text)
            count += 1
    return count / (time.process_time() - start)
