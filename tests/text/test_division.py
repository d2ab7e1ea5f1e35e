"""A text far longer than the source takes (40,000 characters) is divided within each target's own limit, the plan of it
balances, and no word is lost. `sample_exports/broken` has one of a megabyte; this one is as long as seconds allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migrator.adapters import load
from migrator.adapters.base import Composed, Draft, Limits, Target
from migrator.adapters.matrix.content import event
from migrator.directory import Names
from migrator.journal import Journal
from migrator.ledger import Feature
from migrator.plain import canonical, plain
from migrator.plan import Options, make_plan
from migrator.slack.reader import open_export
from migrator.snapshot import JournalSnapshot

EVENT = 65_536 - 2_000  # bytes (Matrix spec, "Size limits"); without ids, key, relations, hashes and signatures
POST_ZULIP, POST_MATTERMOST = 10_000, 16_383  # characters: MAX_MESSAGE_LENGTH, model.PostMessageMaxRunesV2
TARGETS: dict[str, tuple[dict[str, Any], int, Callable[[Draft], int], int]] = {
    "matrix": ({"server_name": "example.invalid"}, 0, lambda d: len(msgspec.json.encode(event(d.content, {}))), EVENT),
    "zulip": ({}, POST_ZULIP, lambda d: len(d.content.source), POST_ZULIP),
    "mattermost": ({}, POST_MATTERMOST, lambda d: len(d.content.message), POST_MATTERMOST),
}
TEXTS = {
    "marks": "*_~`<:" * 12_000,
    "one word": "a" * 60_000,
    "a fence": "```" + "x = 1\n" * 10_000 + "```",
    "quotes": ">" + "&lt;quoted&gt; \n>" * 4_000,
    "emoji": "😀 :tada: " * 6_000,
    "a list": "\n".join(f"• item {n} *bold*" for n in range(3_000)),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_is_divided_within_the_limit(tmp_path: Path, name: str, target: str) -> None:
    settings, characters, size, limit = TARGETS[target]
    day = [{"type": "message", "user": "U1", "ts": "1700000000.000100", "text": TEXTS[name]}]
    (tmp_path / "general").mkdir()
    (tmp_path / "general" / "2023-11-14.json").write_text(json.dumps(day), encoding="utf-8")
    (tmp_path / "channels.json").write_text('[{"id": "C1", "name": "general"}]', encoding="utf-8")
    adapter = load(target)(settings)
    composed: list[Composed] = []

    def compose(*arguments: Any) -> Composed:
        composed.append(type(adapter).compose(adapter, *arguments))
        return composed[-1]

    adapter.compose = compose  # type: ignore[method-assign]
    source = open_export([tmp_path])
    with Journal(None) as journal:
        server = Target(f"{target}:example.invalid", "", Limits(text=characters))
        plan = make_plan(source, adapter, server, JournalSnapshot(journal), Options())  # or BalanceError
    (made,) = composed
    assert plan.found[Feature.MESSAGE.value] == 1
    assert plan.posts == len(made.drafts) > 1
    assert max(map(size, made.drafts)) <= limit
    (message,) = source.messages("C1")
    words, shown = plain(message.body, Names(source.workspace)), "".join(draft.text for draft in made.drafts)
    assert "".join(canonical(words).split()) in "".join(canonical(shown).split())
