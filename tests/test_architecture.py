"""The house rules that no linter knows: who may import whom, and where Slack's words may be spoken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SLACK_WORDS = ("mrkdwn", "rich_text", "subtype")
MAX_LINES = 520
LONGER = {"model.py": 650}  # the document of the project, to be read from top to bottom

# Every core module and the modules of ours it may import; `slack` and the two halves of the contract stand for
# themselves.
ORDER = [
    {"errors"},
    {"model"},
    {"ledger", "secret", "crew", "whole", "deflate", "batches"},
    {"adapters.base", "adapters.bulk"},
    {
        "slack",
        "plain",
        "lower",
        "cut",
        "render",
        "emoji_names",
        "markdown",
        "survey",
        "survey_text",
        "directory",
        "config",
        "progress",
        "patience",
    },
    {"share", "verdict"},
    {"plan", "journal", "adapters"},
    {"means"},
    {"lane"},
    {"apply", "verify", "snapshot", "folder", "selection"},
    {"report", "recognise"},
    {"page"},
    {"move"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}
ADAPTER_MAY = {
    "errors",
    "model",
    "ledger",
    "secret",
    "adapters.base",
    "adapters.bulk",
    "directory",
    "whole",
    "deflate",
    "batches",
}
ADAPTER_MAY |= {"config", "plain", "lower", "cut", "render", "emoji_names", "markdown"}


def sources(folder: str) -> list[Path]:
    return sorted(p for p in (ROOT / folder).rglob("*.py") if "__pycache__" not in p.parts)


def imports(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports when it runs (not under TYPE_CHECKING), without the leading "migrator."."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(module: str) -> str:
    """ "migrator.slack.reader" -> "slack"; "migrator.adapters.base" -> "adapters.base"; "migrator.adapters.zulip.x" ->
    "adapters.zulip"; "" for what is not ours."""
    parts = module.split(".")
    if parts[0] != "migrator":
        return ""
    if len(parts) > 2 and parts[1] == "adapters":
        return f"adapters.{parts[2]}"
    return parts[1] if len(parts) > 1 else "package"


@pytest.mark.parametrize("path", sources("migrator"), ids=lambda p: str(p.relative_to(ROOT)))
def test_core_imports_point_one_way(path: Path) -> None:
    relative = path.relative_to(ROOT / "migrator")
    name = relative.parts[0].removesuffix(".py")
    if name in ("__init__", "__main__"):
        return
    assert name in LEVEL, f"{name} has no place in the order of rooms: add it to ORDER above, and to ARCHITECTURE.md"
    for module in imports(path):
        other = room(module)
        if other in ("", "package", name) or name == "cli":
            continue
        assert other in LEVEL, f"{path.name} imports {module}: the core knows no adapter but by adapters.load"
        assert LEVEL[other] <= LEVEL[name], f"{path.name} imports {module}, which stands further down the way"


@pytest.mark.parametrize("path", sources("adapters"), ids=lambda p: str(p.relative_to(ROOT)))
def test_adapters_know_the_contract_and_themselves_only(path: Path) -> None:
    relative = path.relative_to(ROOT / "adapters")
    if len(relative.parts) == 1:
        return
    own = f"adapters.{relative.parts[0]}"
    for module in imports(path):
        other = room(module)
        assert other in ("", "package", own) or other in ADAPTER_MAY, f"{relative} imports {module}"


@pytest.mark.parametrize("path", [*sources("migrator"), *sources("adapters")], ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_slack_room_speaks_slack(path: Path) -> None:
    if (ROOT / "migrator" / "slack") in path.parents:
        return
    text = path.read_text(encoding="utf-8").lower()
    assert not [word for word in SLACK_WORDS if word in text]


@pytest.mark.parametrize("path", [*sources("migrator"), *sources("adapters")], ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGER.get(path.name, MAX_LINES)


def test_the_plan_of_the_house_names_every_room() -> None:
    """ARCHITECTURE.md names every module and folder of the core, every target and every folder beside the house."""
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    quoted = {word for code in re.findall(r"`([^`\n]+)`", plan) for word in re.findall(r"\w+", code)}
    rooms = {path.relative_to(ROOT / "migrator").parts[0].removesuffix(".py") for path in sources("migrator")}
    assert rooms - {"__init__", "__main__"} <= quoted
    assert {path.parent.name for path in sources("adapters")} <= {word.lower() for word in re.findall(r"\w+", plan)}
    for folder in ("adapters", "bench", "docs", "migrator", "sample_exports", "scripts", "tests"):
        assert f"{folder}/" in plan


def test_nothing_names_a_machine() -> None:
    """No path of a developer's machine and no registry's host in anything that is committed."""
    import subprocess

    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, listed):
        path = ROOT / name.decode()
        if path == Path(__file__) or not path.is_file():
            continue
        content = path.read_bytes()
        for word in (b"/work/", b"/root/", b"/home/", b".library"):
            assert word not in content, f"{name.decode()} names {word.decode()}"
