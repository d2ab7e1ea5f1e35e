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

import msgspec

from bench.conversion import generated
from bench.rows import Row, in_turn

MESSAGES = 20_000


class Record(msgspec.Struct):
    text: str = ""
    blocks: msgspec.Raw = msgspec.Raw()
    attachments: msgspec.Raw = msgspec.Raw()


def measure() -> list[Row]:
    from migrator.adapters.matrix.render import MatrixWriter
    from migrator.adapters.mattermost.render import MattermostWriter
    from migrator.adapters.zulip.render import ZulipWriter

    with tempfile.TemporaryDirectory() as temporary:
        days = _days(generated(Path(temporary), MESSAGES))
    rows = []
    for name, writer in (("Matrix", MatrixWriter()), ("Zulip", ZulipWriter()), ("Mattermost", MattermostWriter())):
        for what, blocks in (("rich text", True), ("text alone", False)):
            ours, rival = in_turn(lambda w=writer, b=blocks: _ours(days, w, b), lambda: _by_expressions(days), runs=3)
            rows.append(Row(f"{what} to {name}, one core", ours, rival, "messages/s", "a few regular expressions"))
    return rows


def _days(export: Path) -> list[bytes]:
    with zipfile.ZipFile(export) as archive:
        return [archive.read(n) for n in archive.namelist() if n.count("/") == 1 and n.endswith(".json")]


def _ours(days: list[bytes], writer: object, blocks: bool) -> float:
    from migrator.directory import Names
    from migrator.model import Workspace
    from migrator.slack.body import body
    from migrator.slack.context import Context

    names, context = Names(Workspace("T", "W", "w", {}, {}, {}, {})), Context("w")
    decode = msgspec.json.Decoder(list[Record]).decode
    write: Callable[[object, Names], object] = writer.write  # type: ignore[attr-defined]
    start, count = time.process_time(), 0
    for day in days:
        for record in decode(day):
            write(body(record.text, record.blocks if blocks else None, record.attachments, context), names)
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
