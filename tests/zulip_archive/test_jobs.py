"""One process or several: the same archive and the same plan, byte for byte."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from migrator.adapters.bulk import Group, Move
from migrator.adapters.zulip import archive
from migrator.adapters.zulip.check import check
from migrator.adapters.zulip.threads import Policy
from migrator.cli import cli
from migrator.crew import Crew
from migrator.directory import Names
from migrator.model import Paragraph, Text, UserMention
from migrator.progress import Progress
from tests.corpora import CORPORA
from tests.worlds import World, say, small_world
from tests.zulip_archive.conftest import SAMPLES, rows

EXPORTS = {
    "kitchen_sink": (SAMPLES / "kitchen_sink", "version=11"),
    "kitchen_sink of 12, by ids": (SAMPLES / "kitchen_sink", "version=12", "sequences=10,20,30"),
    "kitchen_sink in full": (SAMPLES / "kitchen_sink", "version=9", "idle=no", "threads=quotes"),
    "real": (CORPORA / "yours-2015-08-02.zip", "sequences=1,2,3"),
}


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.move.WORTH_SHARING", 0)


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def both(export: Path, choices: Sequence[str], place: Path) -> list[dict[str, bytes]]:
    """What is written by one process, and by three; the plan too."""
    made = []
    for jobs in ("1", "3"):
        arguments = ["migrate", str(export), "--to", "zulip", "--route", "archive", "-q", "--jobs", jobs]
        arguments += ["-o", str(place / "out"), "--run", str(place / f"run-{jobs}")]
        for choice in choices:
            arguments += ["--set", choice]
        done = CliRunner().invoke(cli, arguments)
        assert (place / "out" / "realm.json").is_file(), done.output
        made.append(held(place / "out") | {"plan": (place / f"run-{jobs}" / "plan.json").read_bytes()})
    return made


@pytest.mark.parametrize("what", EXPORTS)
def test_archives_and_plans_are_the_same(what: str, tmp_path: Path) -> None:
    export, *choices = EXPORTS[what]
    one, three = both(export, choices, tmp_path)
    assert "messages-000001.json" in one
    assert one == three


def test_of_many_messages_too(tmp_path: Path) -> None:
    sys.path.insert(0, str(SAMPLES))
    from generate import generate

    generate(tmp_path / "many.zip", messages=12_000, people=20, conversations=9, seed=5)
    one, three = both(tmp_path / "many.zip", ["sequences=7,8,9"], tmp_path)
    assert sum(name.startswith("messages-") for name in one) > 10  # more than are put in order at once
    assert one == three


def unlisted() -> World:
    """People whom no table lists write, react and are spoken of, in several conversations."""
    world = small_world()
    for conversation, user in (("C1", "U404"), ("D1", "U405"), ("G1", "U404"), ("M1", "U406")):
        met = say("who am I?", conversation=conversation, ts="1700009000.000100", user=user)
        words = (UserMention("U404"), Text(" and "), UserMention("U405"), Text(" and "), UserMention("U1"))
        spoken_of = say("", conversation=conversation, ts="1700009001.000100")
        world.messages_of[conversation] += [met, msgspec.structs.replace(spoken_of, body=(Paragraph(words),))]
    return world


def test_whoever_is_not_listed_has_the_same_number_whoever_meets_them(tmp_path: Path) -> None:
    def spread(crew: Crew, work: Callable[[Group], Any], groups: Sequence[Group]) -> Iterator[Any]:
        return crew.run(work, groups, lambda _group: 1)

    made = []
    for jobs in (1, 3):
        world, out = unlisted(), tmp_path / str(jobs)
        move = Move(
            source=world,
            directory=Names(world.workspace),
            target=None,
            folder=out,
            progress=Progress(quiet=True),
            done=lambda _kind, _key: None,
            record=lambda *_: None,
            options={},
            spread=partial(spread, Crew(jobs)),
        )
        chosen = archive.choices({"sequences": "10,20,30"}, None, Policy.TOPICS, "main", {})
        archive.write(move, chosen, out)
        assert check(out) == []
        made.append(held(out))
    assert made[0] == made[1]
    names = [row["full_name"] for row in rows(tmp_path / "3", "zerver_userprofile")]
    assert names[-3:] == ["U404", "U405", "U406"]
    spoken_of = {row["content"] for row in rows(tmp_path / "3", "zerver_message") if "U404" in row["content"]}
    assert spoken_of == {"@U404 and @U405 and @_**|11**"}  # an account that is met on the way is nobody's to mention
