"""The golden cases: outputs as accepted, and the Matrix HTML parsed back to the words and marks beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from migrator.adapters.matrix.read import read
from migrator.markdown import MarkdownWriter
from migrator.model import Marks
from migrator.plain import canonical
from tests.golden.cases import HERE, folders, outputs
from tests.oracles.spans import spans
from tests.oracles.test_writers import MATTERMOST, USERS, ZULIP, html, shown, squeezed
from tests.text.html import runs_of_html
from tests.text.runs import tidy
from tests.text.trees import KNOWN_POST, ROOMS

CASES = folders()
KINDS = (("bold", Marks.BOLD, "bold"), ("italic", Marks.ITALIC, "italic"), ("strike", Marks.STRIKE, "strikethrough"))
KNOWN_EVENT = "link=https://matrix.to/#/!general:example.org/$known%3Aexample.org?via=example.org"
KNOWN_SOURCE = f"https://acme.slack.com/archives/{KNOWN_POST[0]}/p{KNOWN_POST[1].replace('.', '')}"


def test_there_are_enough() -> None:
    assert len(CASES) >= 300


def test_every_case_describes_itself() -> None:
    """Whoever renders the dialects' files with real servers finds the words and marks to expect beside them."""
    expected = {"input.json", "tree.txt", "plain.txt", "marks.txt", "matrix.html", "zulip.md", "mattermost.md"}
    for name in ("zulip.md", "mattermost.md", "matrix.html", "input.json"):
        for path in HERE.rglob(name):
            assert {file.name for file in path.parent.iterdir()} == {*expected, "ledger.txt"}, path


def test_the_readme_tells_what_the_cases_point_at() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    sources = [(folder / "zulip.md").read_text(encoding="utf-8") for folder in CASES]
    people = {found for source in sources for found in re.findall(r"@_\*\*\|(\d+)\*\*", source)}
    assert people <= set(USERS)
    assert {"10", "15"} == {min(USERS), max(USERS)}
    rooms = {found for source in sources for found in re.findall(r"/#narrow/channel/(\d+)", source)}
    assert rooms <= {"90", "91", "92"}
    for user in USERS.values():
        assert f"{user.id} " in readme
        assert user.name.split(" <", 1)[0] in readme
    for room in ROOMS:
        assert f"#{room.name}" in readme


@pytest.mark.parametrize("folder", CASES, ids=lambda path: str(path.relative_to(HERE)))
def test_outputs_are_as_accepted(folder: Path) -> None:
    for name, text in outputs(folder).items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"{name}: read it, then cases --accept"


@pytest.mark.parametrize("folder", CASES, ids=lambda path: str(path.relative_to(HERE)))
def test_matrix_says_and_marks_the_same(folder: Path) -> None:
    html, _, body = (folder / "matrix.html").read_text(encoding="utf-8").partition("\n\n----- body -----\n")
    shown = body if html.startswith("(none") else read(html, "")
    assert canonical(shown) == canonical((folder / "plain.txt").read_text(encoding="utf-8"))
    marks = [] if html.startswith("(none") else [_at_source(*run) for run in runs_of_html(html)]
    found = "".join(f"{marks} | {text}\n" for marks, text in tidy(marks))
    assert found == (folder / "marks.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", CASES, ids=lambda path: str(path.relative_to(HERE)))
@pytest.mark.parametrize("writer", [ZULIP, MATTERMOST], ids=["zulip", "mattermost"])
def test_markdown_says_and_marks_the_same(folder: Path, writer: MarkdownWriter) -> None:
    """By the oracles of both dialects; marks only where the ledger owns up to no loss of marks."""
    name = "zulip" if writer is ZULIP else "mattermost"
    source = (folder / f"{name}.md").read_text(encoding="utf-8").removesuffix("\n")
    assert squeezed(shown(writer, source)) == squeezed((folder / "plain.txt").read_text(encoding="utf-8"))
    ledger = (folder / "ledger.txt").read_text(encoding="utf-8")
    lost = {line.split(" ", 2)[2].split(" approximated")[0] for line in ledger.splitlines() if line.startswith(name)}
    found = spans(html(writer, source))
    for word, mark, feature in KINDS:
        if feature in lost:
            continue
        expected = "".join(text for marks, text in _runs(folder) if word in marks.split(" "))
        words = "".join(c for c, marks in found if marks & mark).replace(":tada:", "🎉")  # Zulip names it within
        assert words == squeezed(expected), f"{word}: {source}"


def _at_source(marks: str, text: str) -> tuple[str, str]:
    """Marks as the source has them: pills are no links, a link to the migrated message is one to its source."""
    words = [
        f"link={KNOWN_SOURCE}" if word.startswith(KNOWN_EVENT) else word
        for word in marks.split(" ")
        if not word.startswith("link=https://matrix.to/") or word.startswith(KNOWN_EVENT)
    ]
    return " ".join(words), text


def _runs(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "marks.txt").read_text(encoding="utf-8").splitlines()
    return [(marks, text) for marks, _, text in (line.partition(" | ") for line in lines)]
