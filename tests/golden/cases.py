"""A golden case: a folder with `input.json` and what is to become of it.

`python -m tests.golden.cases` checks them all, `--accept` rewrites their outputs (then read the difference: a golden is
a claim).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from migrator.adapters.base import Kind
from migrator.adapters.matrix.render import MatrixWriter, Rendered
from migrator.ledger import Loss
from migrator.model import Block, Marks, Text
from migrator.plain import plain
from migrator.slack.body import Context, body_with_notes
from migrator.survey_text import text_features
from tests.oracles.test_writers import HERE as HERE_IDS
from tests.oracles.test_writers import MATTERMOST, ZULIP
from tests.text.runs import runs_of_tree, tidy
from tests.text.trees import KNOWN_POST, directory

HERE = Path(__file__).parent
CONTEXT = Context("acme")
MATRIX_IDS = {
    **{(Kind.USER, user): f"@slack_{user.lower()}:example.org" for user in ("U1", "U2", "U3", "U4", "U5", "B9")},
    (Kind.CONVERSATION, "C1"): "!general:example.org",
    (Kind.CONVERSATION, "C2"): "#nihon:example.org",
    (Kind.POST, "/".join(KNOWN_POST)): "$known:example.org",
}


def folders() -> list[Path]:
    return sorted(path.parent for path in HERE.rglob("input.json"))


def outputs(folder: Path) -> dict[str, str]:
    """File name -> content, for every output of a case."""
    record = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    tree, notes = body_with_notes(
        record.get("text", ""), _raw(record.get("blocks")), _raw(record.get("attachments")), CONTEXT
    )
    names = directory()
    matrix = MatrixWriter(via=["example.org"]).write(tree, directory(MATRIX_IDS))
    zulip, mattermost = ZULIP.write(tree, HERE_IDS), MATTERMOST.write(tree, HERE_IDS)
    return {
        "tree.txt": "".join(f"{line}\n" for line in dump(tree)),
        "plain.txt": plain(tree, names) + "\n",
        "marks.txt": "".join(f"{marks} | {text}\n" for marks, text in tidy(runs_of_tree(tree, names))),
        "matrix.html": _matrix(matrix),
        "zulip.md": zulip.source + "\n",
        "mattermost.md": mattermost.source + "\n",
        "ledger.txt": _ledger(
            tree, notes, {"matrix": matrix.losses, "zulip": zulip.losses, "mattermost": mattermost.losses}
        ),
    }


def _raw(value: object) -> bytes | None:
    return None if value is None else json.dumps(value).encode()


def _matrix(rendered: Rendered) -> str:
    html = "(none: the body says it all)" if rendered.html is None else rendered.html
    return f"{html}\n\n----- body -----\n{rendered.body}\n"


def _ledger(tree: tuple[Block, ...], notes: tuple[Loss, ...], losses: dict[str, tuple[Loss, ...]]) -> str:
    lines = [f"found: {count} {feature.value}" for feature, count in sorted(Counter(text_features(tree)).items())]
    lines += [_loss("reading", loss) for loss in notes]
    lines += [_loss(target, loss) for target, some in losses.items() for loss in some]
    return "".join(f"{line}\n" for line in lines) or "(nothing to account for)\n"


def _loss(where: str, loss: Loss) -> str:
    return f"{where}: {loss.count} {loss.feature.value} {loss.fate.value}, {loss.note}"


def dump(node: Any, indent: str = "") -> Iterator[str]:
    """A tree for people: a line per node, its defaults left out, its children indented."""
    if isinstance(node, tuple):
        for part in node:
            yield from dump(part, indent)
        return
    if isinstance(node, Text):
        marks = " ".join(str(mark.name).lower() for mark in Marks if mark & node.marks)
        yield f"{indent}{json.dumps(node.text, ensure_ascii=False)}{marks and ' ' + marks}"
        return
    plain_fields, children = [], []
    for field in msgspec.structs.fields(node):
        value = getattr(node, field.name)
        if value == field.default:
            continue
        if field.name == "marks":
            plain_fields.append(" ".join(str(mark.name).lower() for mark in Marks if mark & value))
        elif isinstance(value, msgspec.Struct) or (isinstance(value, tuple) and not isinstance((*value, "")[0], str)):
            children.append((field.name, value))
        else:
            plain_fields.append(f"{field.name}={json.dumps(value, ensure_ascii=False)}")
    yield " ".join([indent + type(node).__name__, *filter(None, plain_fields)])
    for name, value in children:
        deeper = indent + "  "
        if name not in ("inlines", "blocks", "items", "label", "rows", "cells"):
            yield f"{deeper}{name}:"
            deeper += "  "
        if name in ("rows", "cells"):
            for row in value:
                yield f"{deeper}{name.removesuffix('s')}:"
                for cell in row if name == "rows" else [row]:
                    yield from (
                        [f"{deeper}  cell:", *dump(cell, deeper + "    ")]
                        if name == "rows"
                        else dump(cell, deeper + "  ")
                    )
            continue
        yield from dump(value, deeper)


def main() -> int:
    accept, wrong = "--accept" in sys.argv, 0
    for folder in folders():
        for name, text in outputs(folder).items():
            path = folder / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                wrong += 1
                print(f"{'rewritten' if accept else 'differs'}: {path.relative_to(HERE)}")
                if accept:
                    path.write_text(text, encoding="utf-8")
    return 0 if accept else min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
