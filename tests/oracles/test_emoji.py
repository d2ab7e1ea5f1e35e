"""Emoji names: the characters decide, for every name that the source knows."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from migrator.adapters.mattermost import emoji as mattermost
from migrator.adapters.zulip import emoji as zulip
from migrator.model import Reaction

ROOT = Path(__file__).parents[2]
SOURCE = json.loads((ROOT / "migrator" / "slack" / "data" / "emoji.json").read_text(encoding="utf-8"))
DATA = ROOT.parent / "shared" / "data"
TARGETS = pytest.mark.parametrize("target", [zulip, mattermost], ids=["zulip", "mattermost"])


def known() -> dict[ModuleType, dict[str, str]]:
    """Names to code points, from the servers' own lists."""
    return {
        zulip: json.loads((DATA / "zulip-emoji.json").read_text(encoding="utf-8"))["name_to_codepoint"],
        mattermost: json.loads((DATA / "mattermost-emoji.json").read_text(encoding="utf-8")),
    }


def characters(code: str) -> str:
    return "".join([chr(int(point, 16)) for point in code.split("-")]).replace("\ufe0f", "")


@TARGETS
def test_every_name_reacts_with_the_same_characters_or_with_none(target: ModuleType) -> None:
    names = known()[target]
    missing = []
    for name, char in SOURCE["names"].items():
        there = target.reaction_name(Reaction(name, char, ("U1",), 1))
        if there is None:
            missing.append(name)
            continue
        assert characters(names[there.name]) == char.replace("\ufe0f", "")
        assert there.exact
    assert len(SOURCE["names"]) == 1972
    assert len(missing) < 150, missing


def test_false_friends() -> None:
    for name, char in (("dog", "🐶"), ("football", "🏈"), ("ok", "🆗"), ("cat", "🐱")):
        there = zulip.reaction_name(Reaction(name, char, ("U1",), 1))
        assert there is not None
        assert there.name != name
        assert there.code == f"{ord(char):x}"


def test_skin_tones() -> None:
    reaction = Reaction("+1", "👍🏽", ("U1",), 1, 4)
    assert mattermost.reaction_name(reaction) == mattermost.EmojiName("+1_medium_skin_tone")
    there = zulip.reaction_name(reaction)
    assert there is not None
    assert (there.code, there.exact) == ("1f44d", False)


@TARGETS
@pytest.mark.parametrize("name", ["parrot", "schrödinger's-cat", "日本", "UPPER", "a+b", "x" * 90, "_"])
def test_custom_names_are_valid_and_stable(target: ModuleType, name: str) -> None:
    made = target.custom_name(name)
    assert made == target.custom_name(name)
    assert made
    allowed = "0123456789abcdefghijklmnopqrstuvwxyz_-" + ("+" if target is mattermost else "")
    assert set(made) <= set(allowed)
    if target is mattermost:
        assert len(made) <= 64
        assert not mattermost.is_name(made)
