"""Properties: the reader takes any JSON, the ledger balances whatever it reads, the scanner is total and linear."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from migrator.adapters import load
from migrator.journal import Journal
from migrator.plan import Options, make_plan
from migrator.slack.context import Context
from migrator.slack.mrkdwn import parse
from migrator.slack.reader import open_export
from migrator.snapshot import JournalSnapshot

# ── any JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────

VOCABULARY = Path(__file__).parent.parent / "fuzz"  # keys and values of records, so that chance meets sense
KEYS = (VOCABULARY / "keys.txt").read_text().split()
WORDS = (VOCABULARY / "words.txt").read_text().split()
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True)
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
    | st.sampled_from(["\ud83d", "\0", "", "\u202e", "1e999"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)
RECORDS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=10).map(
    lambda fields: {"type": "message", "ts": "1714560002.000100", "user": "U0ADA"} | fields
)


def files(folder: Path, content: dict[str, Any]) -> Path:
    for name, value in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8", errors="surrogatepass")
    return folder


def plan_of(path: Path) -> None:
    """Read and plan an export. Raises BalanceError where anything went missing, and whatever else is wrong."""
    export = open_export([path])
    journal = Journal(None)
    try:
        export.census().to_dict()
        make_plan(export, load("memory")({}), None, JournalSnapshot(journal), Options())
    finally:
        journal.close()
        export.close()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(day=st.lists(RECORDS | VALUES, max_size=6) | VALUES, users=VALUES, channels=VALUES)
def test_the_reader_takes_any_json_and_the_ledger_balances(day: Any, users: Any, channels: Any) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        real = [{"id": "C0GENERAL", "name": "general"}]
        listed = [*real, *channels] if isinstance(channels, list) else channels
        content = {"users.json": users, "channels.json": listed, "general/2024-05-01.json": day}
        plan_of(files(folder, content))
    finally:
        shutil.rmtree(folder)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_reader_takes_any_damage_to_good_json(data: st.DataObject) -> None:
    """A byte changed, a piece cut out or put in: at worst a record is set aside."""
    rows = [
        {"type": "message", "ts": f"171456000{n}.000100", "user": "U0ADA", "text": "*x*", "reactions": [{"name": "a"}]}
        for n in range(4)
    ]
    content = bytearray(json.dumps(rows, indent=1).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=6))
    folder = Path(tempfile.mkdtemp())
    try:
        files(folder, {"channels.json": [{"id": "C0GENERAL", "name": "general"}]})
        (folder / "general").mkdir()
        (folder / "general" / "2024-05-01.json").write_bytes(content)
        plan_of(folder)
    finally:
        shutil.rmtree(folder)


# ── the scanner ─────────────────────────────────────────────────────────────────────────────────────────────────────

SPECIAL = st.text(alphabet=st.sampled_from(list("*_~`<>@#!|:&;^- \n\r\tab1.あé\u200b\U0001f600")), max_size=120)


@settings(max_examples=300, deadline=None)
@given(text=SPECIAL | st.text(max_size=200))
@example(text="```")
@example(text="<@U1|" * 3)
def test_the_scanner_is_total(text: str) -> None:
    for block in parse(text, Context()):
        assert block is not None


PATTERNS = [
    *(
        "*",
        "_",
        "<",
        "`",
        ">",
        "```",
        "*_~`<:",
        "_*",
        "*<",
        "`*",
        "<<>>",
        "<@U",
        "<@U1|*",
        "<http://x|*",
        "<!date^1^x|",
    ),
    *(
        "*a ",
        "_a*b ",
        "a*b_c~",
        "(*a",
        "`a",
        "a`\n",
        "*a\n",
        "&gt;x\n",
        ">>>\n",
        ":a:",
        ":+1::skin-tone-2:",
        "&amp;",
        "\n",
    ),
    *("あ*", "• a\n", "1. a\n", "```a\n"),
]


def work(pattern: str, size: int) -> float:
    """Processor seconds for a text of this size."""
    text = (pattern * (size // len(pattern) + 1))[:size]
    before = process_time()
    parse(text, Context())
    return process_time() - before


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_scanner_is_linear_up_to_a_megabyte(pattern: str) -> None:
    """Eight times the text is about eight times the work; quadratic would be 64. A busy machine gets three goes."""
    assert any(work(pattern, 1_000_000) < 24 * max(work(pattern, 125_000), 0.002) for _ in range(3))


def test_bytes_that_are_no_utf8_cost_nothing_but_themselves(tmp_path: Path) -> None:
    """In names, flags, blocks: a decoder says so with an error of its own kind."""
    (tmp_path / "general").mkdir()
    listing = b'[{"id":"C0GENERAL","name":"gen\xed\xa0eral"},{"id":"C1","name":"x","is_im":"\xff"}]'
    record = b'[{"ts":"1714560002.000100","user":"U1","text":"still here","blocks":[{"type":"rich_text\xff"}]}]'
    (tmp_path / "channels.json").write_bytes(listing)
    (tmp_path / "general" / "2024-05-01.json").write_bytes(record)
    plan_of(tmp_path)
    export = open_export([tmp_path])
    messages = [message for id_ in export.workspace.conversations for message in export.messages(id_)]
    export.close()
    assert len(messages) == 1
    assert "still here" in str(messages[0].body)
