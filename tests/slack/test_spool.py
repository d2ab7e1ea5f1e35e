"""Records that wait on the disk come out as records that wait in memory do."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.ledger import Ledger
from migrator.slack import spool
from migrator.slack.order import ENVELOPES, WHOLE, Reading
from migrator.slack.reader import open_export
from migrator.slack.richrecord import RichRecord
from migrator.slack.wire import NULL, Record
from tests.slack import variants
from tests.slack.test_reader import say, write

Json = dict[str, Any]
LEAF = {"type": "rich_text_section", "elements": [{"type": "text", "text": "ü"}]}
RECORDS = st.builds(
    lambda ts, text, more: say(f"171456000{ts}", text) | more,
    st.sampled_from(["0.000100", "1.000100", "1.0001", "2.000000", "3.000100", "4.000100", "5.000000", "9.000100"]),
    st.text(max_size=9),
    st.sampled_from(
        [
            {},
            {"blocks": [{"type": "rich_text", "elements": [LEAF]}]},
            {"blocks": [{"type": "divider"}], "user": 7},  # mended
            {"ts": "never"},  # damaged
            {"subtype": "message_deleted", "deleted_ts": "1714560000.000100"},
            {"subtype": "message_deleted", "deleted_ts": "1714560001.000100"},
            {"subtype": "message_changed", "original": say("1714560001.000100", "before")},
            {"slackdump_thread_replies": [say("1714560002.000100", "nested")]},
            {"text": "long " * 40},
        ]
    ),
)


def content(record: Record) -> list[object]:
    """All fields that are there, and whether the blocks are typed."""
    there = {name: value for name in Record.__struct_fields__ if (value := getattr(record, name)) is not NULL}
    return [isinstance(record, RichRecord), msgspec.json.encode(there)]


def kept(*exports: Path, reading: Reading = WHOLE) -> list[object]:
    """What is handed out, in order, and what the ledger is told of the rest."""
    export = open_export(exports)
    try:
        ledger = Ledger()
        found = [
            (id_, str(k.at), k.instant, [str(at) for at in k.replaced], content(k.record))
            for id_ in export.workspace.conversations
            for k in export.kept(id_, ledger, reading)
        ]
        return [*found, ledger.lines()]
    finally:
        export.close()


def few(count: int, read: int = 40) -> Any:
    """A spool that keeps no more than this many records in memory."""
    return patch.multiple(spool, MOST=count, _size=lambda _: 1, _READ=read)


@given(
    st.lists(st.lists(RECORDS, max_size=12), min_size=1, max_size=5),
    st.integers(0, 6),
    st.integers(1, 400),
    st.booleans(),
    st.sampled_from([ENVELOPES, WHOLE]),
)
@settings(max_examples=120, deadline=None)
def test_members_that_overlap(days: list[list[Json]], count: int, read: int, in_order: bool, reading: Reading) -> None:
    with tempfile.TemporaryDirectory() as folder:
        several = [sorted(rows, key=lambda row: str(row["ts"])) if in_order else rows for rows in days]
        members = {f"general/2024-05-{number:02}": rows for number, rows in enumerate(several, 1)}
        path = write(Path(folder, "one"), members)
        other = write(Path(folder, "two"), {"general/2024-05-01": several[-1]})
        expected = kept(path, other, reading=reading)
        with few(count, read):
            assert kept(path, other, reading=reading) == expected


@pytest.mark.parametrize("form", variants.MAKERS)
def test_every_form(form: str, tmp_path: Path) -> None:
    path = variants.MAKERS[form](tmp_path / "export")
    expected = kept(path)
    with few(0):
        assert kept(path) == expected


def test_a_file_newest_first(tmp_path: Path) -> None:
    """A dump: runs follow each other backwards. Nothing is left behind, however early one stops."""
    rows = [say(f"{1714560000 + number}.000100", f"Number {number}") for number in range(500)]
    dump = {
        "channel_id": "C0123456789",
        "name": "big",
        "messages": [*reversed(rows), *random.Random(1).sample(rows, 50)],
    }
    (tmp_path / "C0123456789.json").write_text(json.dumps(dump))
    expected = kept(tmp_path)
    assert len(expected) == 501
    made = []

    def temporary(**options: Any) -> Any:
        made.append(real(**options))
        return made[-1]

    real = tempfile.TemporaryFile
    with few(20), patch.object(spool.tempfile, "TemporaryFile", temporary):
        assert kept(tmp_path) == expected
        export = open_export([tmp_path])
        some = export.kept("C0123456789")
        next(some)
        some.close()
        export.close()
    assert len(made) == 2
    assert all(file.closed for file in made)
