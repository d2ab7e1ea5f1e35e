"""`make bench`: run every measurement beside its baseline, in one run on one machine, into bench/results.md.

Each module of this folder with a `measure()` returns rows. Ratios are what to quote: these are whole-process figures of
one machine on one day, median of several runs in turn (ours, baseline, ours, baseline …).
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from pathlib import Path

from bench.rows import Row

HERE = Path(__file__).parent


def main() -> None:
    wanted = sys.argv[1:] or sorted(
        path.stem
        for path in HERE.glob("*.py")
        if "def measure(" in path.read_text(encoding="utf-8") and path.stem != "__main__"
    )
    rows: list[Row] = []
    for name in wanted:
        print(f"{name} …", file=sys.stderr)
        rows += importlib.import_module(f"bench.{name}").measure()
    text = table(rows)
    print(text)
    if not sys.argv[1:]:
        (HERE / "results.md").write_text(text, encoding="utf-8")


def table(rows: list[Row]) -> str:
    out = [
        "# Measurements\n\n",
        f"`make bench` on {os.cpu_count()} cores, Python {platform.python_version()}. Ratio: ours to baseline.\n\n",
        "| measure | ours | baseline | ratio | baseline is |\n|---|---|---|---|---|\n",
    ]
    for row in rows:
        if row.missing:
            out.append(f"| {row.measure} | – | – | – | {row.against}: not measured, {row.missing} |\n")
            continue
        ratio = row.ours / row.baseline if row.baseline else 0
        figures = f"{_figure(row.ours)} {row.unit} | {_figure(row.baseline)} {row.unit} | {ratio:.2f}"
        out.append(f"| {row.measure} | {figures} | {row.against} |\n")
    return "".join(out)


def _figure(value: float) -> str:
    """Three figures that mean something, and no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
