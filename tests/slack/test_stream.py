"""Files too large to be read whole give what a whole read gives."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from migrator.slack import stream
from migrator.slack.archive import Limits, open_archive
from migrator.slack.damage import Damaged
from migrator.slack.fronts import Files
from migrator.slack.layout import open_layout
from migrator.slack.records import split
from migrator.slack.stream import streamed

KEYS = ("messages",)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def say(number: int) -> dict[str, Any]:
    return {
        "type": "message",
        "ts": f"{1700000000 + number}.000100",
        "user": "U1",
        "text": 'ü } ] " \\ ' * (number % 9),
    }


def bare(pieces: Any) -> list[Any]:
    return [json.loads(bytes(piece)) if isinstance(piece, Raw) else piece for piece in pieces]


@pytest.fixture(autouse=True)
def small_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_READ", 64)
    monkeypatch.setattr(stream, "_LONGEST", 4096)


@given(st.lists(ANY, max_size=12), st.sampled_from([None, 1, 4]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_sound_list_comes_in_the_same_pieces(values: list[Any], indent: int | None, ascii_only: bool) -> None:
    content = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert bare(streamed(io.BytesIO(content), KEYS)) == bare(split(content, KEYS))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_broken_record_costs_itself(wrapped: bool) -> None:
    rows = [json.dumps(say(number)) for number in range(60)]
    rows[20] = rows[20].replace('"user":', '"user"')
    text = "[" + ",\n".join(rows) + "]"
    content = ('{"channel_id": "C1", "name": "x", "messages": ' + text + "}" if wrapped else text).encode()
    found = bare(streamed(io.BytesIO(content), KEYS))
    assert [row for row in found if not isinstance(row, Damaged)] == [say(n) for n in range(60) if n != 20]
    assert found[20] == Damaged("invalid JSON")


def test_a_cut_file_gives_what_is_there() -> None:
    content = json.dumps([say(number) for number in range(30)]).encode()
    content = content[: content.rindex(b'"user"') + 10]
    *found, last = bare(streamed(io.BytesIO(content), KEYS))
    assert found == [say(number) for number in range(len(found))]
    assert len(found) > 20
    assert last == Damaged("the file is cut off within this record")


def test_no_list_is_said() -> None:
    (found,) = streamed(io.BytesIO(b'{"a": 1}' * 100), KEYS)
    assert isinstance(found, Damaged)


def test_a_member_beyond_the_limit_is_streamed(tmp_path: Path) -> None:
    """A dump of one conversation in one file, replies within their roots."""
    root = say(1) | {"slackdump_thread_replies": [say(2) | {"thread_ts": say(1)["ts"]}]}
    dump = {"channel_id": "C0123456789", "name": "big", "messages": [root, *(say(number) for number in range(3, 200))]}
    (tmp_path / "C0123456789.json").write_text(json.dumps(dump))
    archive = open_archive(tmp_path, Limits(member=1000))
    layout = open_layout([archive])
    found = list(layout.records("C0123456789.json"))
    assert [json.loads(bytes(piece))["ts"] for _, piece in found if isinstance(piece, Raw)] == [
        say(number)["ts"] for number in range(1, 200)
    ]
    assert isinstance(layout._fronts[0][1], Files)
    layout.close()
