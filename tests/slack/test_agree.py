"""Records decoded in one step come to the same as records read one by one, on good input and on any other.

Without `day.py`, `glance.py`, `richrecord.py` and `Maker.plain`, the quick way, everything goes by `order.read`,
`richtext.py` and `Maker.make`.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.ledger import Ledger
from migrator.slack import day, glance, order, reader, richrecord, times, wire
from migrator.slack.body import body_with_notes
from migrator.slack.context import Context
from migrator.slack.layout import Layout
from migrator.slack.messages import Maker
from migrator.slack.people import People
from migrator.slack.reader import open_export
from tests.corpora import YOURS, corpora

SAMPLES = Path(__file__).parent.parent.parent / "sample_exports"
FOLDERS = sorted(path for path in (SAMPLES / "broken").iterdir() if path.is_dir() and (path / "channels.json").exists())

Json = dict[str, Any]


def read(*exports: Path) -> list[str]:
    """All that the reader makes of an export, a line of JSON each."""
    export = open_export(exports)
    try:
        ledger = Ledger()
        messages = [m for id_ in export.workspace.conversations for m in export.messages(id_, ledger)]
        found = {feature.value: count for feature, count in ledger.found.items()}
        parts: list[object] = [export.workspace, export.quarantine, *messages, ledger.lines(), found]
        return [msgspec.json.encode(part, order="deterministic").decode() for part in parts]
    finally:
        export.close()


def one_by_one(*exports: Path) -> list[str]:
    with (
        patch.object(Layout, "content", lambda *_: None),
        patch.object(reader, "WHOLE", order.ENVELOPES),
        patch.object(Maker, "plain", lambda *_, **__: None),
    ):
        return read(*exports)


@pytest.mark.parametrize("export", [SAMPLES / "tiny", SAMPLES / "kitchen_sink", *FOLDERS], ids=lambda path: path.name)
def test_samples(export: Path) -> None:
    assert read(export) == one_by_one(export)


@pytest.mark.parametrize("exports", [*((path,) for path in corpora()), YOURS], ids=lambda paths: paths[-1].stem)
def test_real_exports(exports: tuple[Path, ...]) -> None:
    assert read(*exports) == one_by_one(*exports)


# ── records as people write them, and what may become of them ───────────────────────────────────────────────────────

PEOPLE = ("U0ADA", "U0BO", "USTRANGER", "USLACKBOT", "B0BOT", "UBOT", "name:Robot")
STYLES = st.none() | st.dictionaries(st.sampled_from(["bold", "italic", "code", "unlink"]), st.booleans(), max_size=2)
TEXTS = st.sampled_from(
    ["word", " ", "a\nb", "\n", "\r\nx", "", "*a* <@U0BO>", "<@USTRANGER|zoe> <!subteam^S0CREW|@crew>"]
)
URLS = st.sampled_from(["https://a.example", "", "https://acme.slack.com/archives/C0GENERAL/p1714560001000100", "b"])
LEAVES = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
    st.builds(lambda text, style: {"type": "text", "text": text, "style": style}, TEXTS, STYLES),
    st.builds(lambda url, text: {"type": "link", "url": url, "text": text}, URLS, st.none() | TEXTS),
    st.builds(lambda name: {"type": "emoji", "name": name, "unicode": "1f440"}, st.sampled_from(["eyes", "tada", ""])),
    st.builds(lambda tone: {"type": "emoji", "name": "wave", "skin_tone": tone}, st.sampled_from([2, 6, 9, 3.0, True])),
    st.builds(lambda user: {"type": "user", "user_id": user}, st.sampled_from([*PEOPLE, ""])),
    st.sampled_from(
        [
            {"type": "channel", "channel_id": "C0GENERAL"},
            {"type": "usergroup", "usergroup_id": "S0CREW"},
            {"type": "broadcast", "range": "here"},
            {"type": "date", "timestamp": 1714560001, "format": "{date}", "fallback": "then"},
            {"type": "color", "value": "#aabbcc"},
        ]
    ),
)
ROWS = st.lists(LEAVES, max_size=4)
SECTIONS = st.builds(lambda row: {"type": "rich_text_section", "elements": row}, ROWS)
LISTS = st.builds(
    lambda items, style, indent, border: {
        "type": "rich_text_list",
        "elements": items,
        "style": style,
        "indent": indent,
        "offset": 3,
        "border": border,
    },
    st.lists(SECTIONS, max_size=3),
    st.sampled_from(["bullet", "ordered"]),
    st.integers(0, 20),
    st.integers(0, 1),
)
ELEMENTS = st.one_of(
    SECTIONS,
    LISTS,
    st.builds(
        lambda row, border: {"type": "rich_text_quote", "elements": row, "border": border}, ROWS, st.integers(0, 1)
    ),
    st.builds(lambda row, border: {"type": "rich_text_preformatted", "elements": row, "border": border}, ROWS, STYLES),
    st.builds(lambda row: {"type": "rich_text_preformatted", "elements": row, "language": "python"}, ROWS),
)
BLOCKS = st.lists(
    st.builds(
        lambda elements: {"type": "rich_text", "block_id": "x", "elements": elements}, st.lists(ELEMENTS, max_size=4)
    )
    | st.just({"type": "divider"}),
    max_size=2,
)
RECORDS = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "ts": st.builds(lambda n: f"171456000{n}.000100", st.integers(0, 9)),
        "user": st.sampled_from(PEOPLE),
        "text": TEXTS,
    },
    optional={
        "blocks": BLOCKS,
        "thread_ts": st.sampled_from(["1714560000.000100", "1714560003.000100", "1714560009.000100", "17145"]),
        "parent_user_id": st.sampled_from(PEOPLE),
        "team": st.just("T0ACME"),
        "subtype": st.sampled_from(
            ["channel_join", "bot_message", "thread_broadcast", "file_share", "tombstone", "new"]
        ),
        "bot_id": st.sampled_from(["B0BOT", "B0NEW", "U0ADA"]),
        "bot_profile": st.just({"id": "B0NEW", "user_id": "UBOT", "name": "Robot"}),
        "username": st.just("Robot"),
        "user_profile": st.builds(lambda name: {"real_name": name, "team": "T0ELSE"}, st.sampled_from(["Zoe", "Zo"])),
        "edited": st.builds(lambda user: {"user": user, "ts": "1714560099.000000"}, st.sampled_from(PEOPLE)),
        "reactions": st.builds(
            lambda users: [{"name": "tada", "users": users, "count": 3}], st.lists(st.sampled_from(PEOPLE), max_size=3)
        ),
        "files": st.just([{"id": "F0FILE", "name": "a.txt", "user": "U0BO"}]),
        "attachments": st.just([{"text": "<@USTRANGER>", "author_id": "UNEW"}]),
        "hidden": st.booleans(),
        "slackdump_thread_replies": st.just([{"ts": "1714560005.000200", "user": "U0BO", "text": "nested"}]),
    },
)
ODD: list[Any] = [
    None,
    True,
    0,
    1,
    3.0,
    -1,
    "",
    "x",
    "1714560002.000100",
    10**30,
    [],
    {},
    [1],
    {"type": "text"},
    "\ud83d",
]


def places(value: object, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from places(inner, (*way, key))


def spoilt(rows: list[Json], dice: random.Random) -> list[Json]:
    """A copy with values replaced, taken out, or put in, anywhere."""
    rows = json.loads(json.dumps(rows))
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        *way, key = dice.choice(list(places(rows)))
        inner: Any = rows
        for step in way:
            inner = inner[step]
        what, odd = dice.random(), deepcopy(dice.choice(ODD))  # a list or an object may be spoilt in its turn
        if what < 0.2:
            del inner[key]
        elif what < 0.3 and isinstance(inner, dict):
            inner[dice.choice(["type", "user_id", "style", "border", "text", "ts", "room"])] = odd
        else:
            inner[key] = odd
        if not rows:
            break
    return rows


def spelled(rows: list[Json], dice: random.Random) -> bytes:
    """JSON in one of its spellings, sometimes with a few bytes gone."""
    ascii_, indent = dice.random() < 0.5, dice.choice((None, 1))
    content = json.dumps(rows, ensure_ascii=ascii_, indent=indent).encode("utf-8", "surrogatepass")
    if dice.random() < 0.2:
        content = content.replace(b"<@", b"\\u003c@")
    if dice.random() < 0.1:
        content = content.replace(b'"U', b'"\\u0055')
    if dice.random() < 0.1:
        at = dice.randrange(len(content))
        content = content[:at] + dice.choice((b"", b"\xff", b'"', b"}")) + content[at + 1 :]
    return content


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    days=st.lists(st.lists(RECORDS, min_size=1, max_size=6), min_size=1, max_size=3),
    dice=st.randoms(use_true_random=False),
    in_order=st.booleans(),
    listed=st.sampled_from([[], [{"id": "U0ADA", "name": "ada"}], [{"id": user, "name": user} for user in PEOPLE]]),
)
def test_written_and_spoilt_records(
    days: list[list[Json]], dice: random.Random, in_order: bool, listed: list[Json]
) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "general").mkdir()
        (folder / "channels.json").write_text('[{"id": "C0GENERAL", "name": "general"}]')
        (folder / "users.json").write_text(json.dumps(listed))
        for number, rows in enumerate(days, 1):
            usual = sorted(rows, key=lambda row: str(row["ts"])) if in_order else rows
            content = spelled(spoilt(usual, dice), dice)
            (folder / "general" / f"2024-05-0{number}.json").write_bytes(content)
        assert read(folder) == one_by_one(folder)
    finally:
        shutil.rmtree(folder)


FEW = ("UANN", "UBOT", "B0NEW", "name:Robot")  # so that the same ones are met in many ways
TOLD: list[Json] = [  # what a record may tell of people besides its author and its text
    {},
    {},
    {"user_profile": {"real_name": "Ann", "team": "T0ELSE"}, "team": "T0ACME"},
    {"user_profile": {"real_name": "Anna", "image_72": "https://a.example/a.png"}},
    {"username": "ann"},
    {"bot_id": "B0NEW", "username": "Robot", "subtype": "bot_message"},
    {"bot_id": "B0NEW", "bot_profile": {"id": "B0NEW", "user_id": "UBOT", "name": "Robot"}},
    {"bot_id": "B0NEW", "bot_profile": {"id": "B0NEW", "name": "Robot"}},
    {"edited": {"user": "UBOT", "ts": "1714560099.000000"}},
    {"reactions": [{"name": "tada", "users": ["UANN", "UBOT"], "count": 2}]},
    {"subtype": "channel_join", "inviter": "UBOT"},
    {"subtype": "huddle_thread", "room": {"created_by": "UBOT", "participants": ["UANN"]}},
    {"attachments": [{"text": "<@UANN>", "author_id": "UBOT"}]},
    {"thread_ts": "1714560000.000100", "parent_user_id": "UBOT"},
]
SAID = ["word", "<@UANN> <@UBOT>", "<@UANN|ann>", "<@B0NEW>", "<!subteam^S0CREW>", "<!subteam^S0CREW|@crew>"]
MET = st.builds(
    lambda user, text, told: {"type": "message", "user": user, "text": text} | told,
    st.sampled_from([*FEW, ""]),
    st.sampled_from(SAID),
    st.sampled_from(TOLD),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(days=st.lists(st.lists(MET, min_size=1, max_size=4), min_size=2, max_size=5), listed=st.booleans())
def test_people_who_are_met_again_and_again(days: list[list[Json]], listed: bool) -> None:
    """Each record is later than the one before, so that all members take the quick way."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "general").mkdir()
        (folder / "channels.json").write_text('[{"id": "C0GENERAL", "name": "general"}]' if listed else "[]")
        moments = count(1714560000)
        for number, rows in enumerate(days, 1):
            later = [row | {"ts": f"{next(moments)}.000100"} for row in rows]
            (folder / "general" / f"2024-05-0{number}.json").write_text(json.dumps(later))
        assert read(folder) == one_by_one(folder)
    finally:
        shutil.rmtree(folder)


def test_bytes_that_are_no_text_where_a_record_is_looked_at(tmp_path: Path) -> None:
    """A glance does not reach them."""
    rows = [{"ts": f"171456000{n}.000100", "user": "U0ADA", "text": text} for n, text in enumerate(["one", "t??"])]
    (tmp_path / "general").mkdir()
    (tmp_path / "channels.json").write_text('[{"id": "C0GENERAL", "name": "general"}]')
    (tmp_path / "general" / "2024-05-01.json").write_bytes(json.dumps(rows).encode().replace(b"??", b"\xff\xfe"))
    assert read(tmp_path) == one_by_one(tmp_path)


def test_who_was_met_before_needs_no_close_look() -> None:
    """Else nothing above would have been compared."""
    people = People(())
    people.meet("U0ADA", "author")
    people.meet("U0BO", "mention")
    rows = [{"ts": f"171456000{n}.000100", "user": "U0ADA", "text": "<@U0BO>"} for n in range(3)]
    rows[1]["text"] = "<@U0BO> <@UNEW>"
    content = json.dumps(rows).encode()
    assert list(glance.look_closely(content, glance.decode_all(content), people) or {}) == [1]


@settings(max_examples=300, deadline=None)
@given(blocks=BLOCKS, text=TEXTS, dice=st.randoms(use_true_random=False))
def test_blocks(blocks: list[Json], text: str, dice: random.Random) -> None:
    given_blocks = spoilt([{"blocks": blocks}], dice)
    raw = json.dumps(
        given_blocks[0].get("blocks") if given_blocks and isinstance(given_blocks[0], dict) else []
    ).encode()
    record = b'{"ts": "1714560001.000100", "blocks": ' + raw + b"}"
    typed, plain = richrecord.decode(record).blocks, wire.decode(record).blocks
    context = Context("acme")
    assert body_with_notes(text, typed, None, context) == body_with_notes(text, plain, None, context)


def test_a_very_large_member(tmp_path: Path) -> None:
    """It is read record by record, in either pass."""
    rows = [{"ts": f"1714560{n:03d}.000100", "user": "U0ADA", "text": "word " * 4000} for n in range(500)]
    (tmp_path / "general").mkdir()
    (tmp_path / "channels.json").write_text('[{"id": "C0GENERAL", "name": "general"}]')
    (tmp_path / "general" / "2024-05-01.json").write_text(json.dumps(rows))
    assert (tmp_path / "general" / "2024-05-01.json").stat().st_size > day.MOST
    assert read(tmp_path) == one_by_one(tmp_path)


def test_common_rich_text_takes_the_quick_way() -> None:
    """Else nothing above would have been compared."""
    row = [
        {"type": "text", "text": "a", "style": {"bold": True}},
        {"type": "link", "url": "https://a.example"},
        {"type": "user", "user_id": "U0ADA"},
    ]
    section = {"type": "rich_text_section", "elements": row}
    elements = [
        section,
        {"type": "rich_text_list", "style": "ordered", "indent": 1, "border": 0, "elements": [section]},
        {"type": "rich_text_quote", "elements": row},
        {"type": "rich_text_preformatted", "border": 0, "elements": [{"type": "text", "text": "code"}]},
    ]
    record = {"ts": "1714560001.000100", "blocks": [{"type": "rich_text", "block_id": "b", "elements": elements}]}
    (decoded,) = richrecord.decode_all(json.dumps([record]).encode())
    assert isinstance(decoded.blocks, list)


# ── moments ─────────────────────────────────────────────────────────────────────────────────────────────────────────

DIGITS = st.text('0123456789٣.,-+eE[]" \n', min_size=1, max_size=18)
TIMES = st.from_regex(r"[0-9]{10}\.[0-9]{6}", fullmatch=True) | DIGITS


@given(st.lists(TIMES, max_size=5))
def test_moments_of_many_are_those_of_each(several: list[str]) -> None:
    usual = all(times.is_ts(ts) and times.is_usual(ts) for ts in several)
    assert times.instants(several) == ([times.instant(ts) for ts in several] if usual else None)


@pytest.mark.parametrize("ts", ["1613999999,000200", "161399999,.0000200", " 1613999999.00020", "1613999999.00020\n"])
def test_a_moment_written_otherwise_is_none_of_many(ts: str) -> None:
    assert times.instants(["1613999998.000200", ts]) is None
