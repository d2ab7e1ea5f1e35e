"""Fuzz targets: bytes of a fuzzer -> one room of the reader. A finding is any exception that is not ours to raise.

    python -m tests.fuzz.targets mrkdwn -max_total_time=600 corpus/

Arguments after the target's name are libFuzzer's.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["migrator.slack", "msgspec"]):
    from migrator.errors import MigratorError
    from migrator.slack.archive import Limits, open_archive
    from migrator.slack.body import body
    from migrator.slack.context import Context
    from migrator.slack.damage import Damaged
    from migrator.slack.mrkdwn import parse
    from migrator.slack.records import split
    from migrator.slack.richtext import rich_text
    from migrator.slack.wire import decode

LIMITS = Limits(total=1 << 24, member=1 << 20, count=500)
PLACE = Path(tempfile.gettempdir()) / "slack-migrator-fuzz.zip"
CONTEXT = Context("acme")
KEYS = (Path(__file__).parent / "keys.txt").read_text().split()
WORDS = (Path(__file__).parent / "words.txt").read_text().split()


def archive(data: bytes) -> None:
    """Any bytes as a zip: every member is read whole and as a stream, and both say the same."""
    PLACE.write_bytes(data)
    try:
        opened = open_archive(PLACE, LIMITS)
    except MigratorError:
        return
    for name in opened.names():
        assert ".." not in name.split("/")
        try:
            whole = opened.read(name)
        except Damaged:
            continue
        assert opened.open(name).read() == whole
    opened.close()


def wire(data: bytes) -> None:
    """Any bytes as a day file."""
    for piece in split(data):
        if not isinstance(piece, Damaged):
            try:
                decode(piece)
            except Damaged:
                continue


def mrkdwn(data: bytes) -> None:
    """Any text, lone surrogates too."""
    parse(data.decode("utf-8", "surrogateescape"), CONTEXT)


def richtext(data: bytes) -> None:
    """A tree of JSON with the words of blocks."""
    source = atheris.FuzzedDataProvider(data)
    tree = _tree(source, 5)
    rich_text(tree if isinstance(tree, dict) else {"type": "rich_text", "elements": tree}, CONTEXT)
    raw = json.dumps([tree]).encode("utf-8", "replace")
    body("", raw, raw, CONTEXT)


def _tree(source: Any, depth: int) -> Any:
    kind = source.ConsumeIntInRange(0, 7 if depth else 4)
    if kind == 0:
        return source.PickValueInList([None, True, False, 0, -1, 2, 3.5, 10**30, ""])
    if kind <= 2:
        return source.PickValueInList(WORDS)
    if kind <= 4:
        return source.ConsumeUnicode(12)
    if kind == 5:
        return [_tree(source, depth - 1) for _ in range(source.ConsumeIntInRange(0, 4))]
    keys = [source.PickValueInList(KEYS) for _ in range(source.ConsumeIntInRange(1, 5))]
    return {"type": source.PickValueInList(WORDS)} | {key: _tree(source, depth - 1) for key in keys}


TARGETS: dict[str, Callable[[bytes], None]] = {f.__name__: f for f in (archive, wire, mrkdwn, richtext)}

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
