"""The oracle agrees with a real server."""

from __future__ import annotations

import json
from pathlib import Path

from tests.oracles.spans import spans
from tests.oracles.zulip.dialect import Zulip

DATA = Path(__file__).parents[4] / "shared" / "data"


def server_emoji() -> dict[str, str]:
    return dict(json.loads((DATA / "zulip-emoji.json").read_text(encoding="utf-8"))["name_to_codepoint"])


def test_the_oracle_renders_as_the_server_did() -> None:
    """At least 95 % of the pairs, counting words and marks of every character."""
    pairs = json.loads((DATA / "zulip-render.json").read_text(encoding="utf-8"))
    oracle = Zulip(emoji=server_emoji())
    wrong = [pair for pair in pairs if spans(oracle.html(pair["markdown"])) != spans(pair["html"])]
    print([(pair["markdown"], pair["html"], oracle.html(pair["markdown"])) for pair in wrong[:20]])
    assert len(wrong) <= 0.05 * len(pairs)
    assert len(pairs) == 2008
