"""Write the reference pages from the code: commands and options, exit codes, fidelity. `--check` only compares.

python docs/generate.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from migrator.adapters import load, names
from migrator.cli import cli
from migrator.errors import exit_codes
from migrator.ledger import Fate, Feature

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py from the code; `make docs` writes it anew. -->\n\n"
SIGNS = {Fate.LOSSLESS: "yes", Fate.APPROXIMATED: "nearly", Fate.DROPPED: "no"}


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def cli_page() -> str:
    out = [NOTE, "# Commands\n"]
    for path, command in commands(cli, ("slack-migrator",)):
        context = click.Context(command, info_name=" ".join(path), max_content_width=100, terminal_width=100)
        out.append(f"\n## {' '.join(path)}\n\n```\n{command.get_help(context)}\n```\n")
    return "".join(out)


def exit_page() -> str:
    rows = "".join(f"| {code} | {text} |\n" for code, text in exit_codes().items())
    return f"{NOTE}# Exit codes\n\n| code | meaning |\n|---|---|\n{rows}"


def fidelity_page() -> str:
    routes = [(name, route) for name in names() if name != "memory" for route in load(name)({}).routes]
    head = " | ".join(f"{name} ({route.name})" for name, route in routes)
    out = [NOTE, "# Fidelity: what each target can hold\n\n"]
    out.append("yes: arrives exactly. nearly: arrives, not exactly. no: the target cannot hold it.\n\n")
    out.append(f"| | {head} |\n|---|{'---|' * len(routes)}\n")
    notes: list[str] = []
    for feature in Feature:
        cells = []
        for name, route in routes:
            support = route.fates[feature]
            mark = ""
            if support.fate is not Fate.LOSSLESS:
                text = f"{name} ({route.name}), {feature.value}: {support.how}"
                if text not in notes:
                    notes.append(text)
                mark = f" [{notes.index(text) + 1}]"
            cells.append(f"{SIGNS[support.fate]}{mark}")
        out.append(f"| {feature.value} | {' | '.join(cells)} |\n")
    out.append("\n" + "".join(f"{n}. {text}\n" for n, text in enumerate(notes, 1)))
    return "".join(out)


PAGES = {"cli.md": cli_page, "exit-codes.md": exit_page, "fidelity.md": fidelity_page}


def main() -> int:
    stale = []
    for name, make in PAGES.items():
        path, text = HERE / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
