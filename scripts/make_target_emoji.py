"""Make the emoji tables of Zulip and Mattermost from what their servers know, as data files beside their writers.

    python scripts/make_target_emoji.py FOLDER

FOLDER holds zulip-emoji.json ({"codepoint_to_name", "name_to_codepoint"}, a server's emoji_codes.json) and
mattermost-emoji.json ({name: code points}, its emoji_data.go). A table maps code points to the name for reactions
("by_code"; Zulip's own first choice, the first in the alphabet at Mattermost) and lists all names ("names"), which
writers disarm where somebody typed them as words.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ADAPTERS = Path(__file__).parent.parent / "adapters"


def without_variation(code: str) -> str:
    return "-".join(point for point in code.lower().split("-") if point != "fe0f")


def write(target: str, by_code: dict[str, str], names: dict[str, str]) -> None:
    data = {"by_code": dict(sorted(by_code.items())), "names": dict(sorted(names.items()))}
    out = ADAPTERS / target / "emoji.json"
    out.write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main(folder: Path) -> None:
    zulip = json.loads((folder / "zulip-emoji.json").read_text(encoding="utf-8"))
    by_code = {without_variation(code): name for code, name in zulip["codepoint_to_name"].items()}
    write("zulip", by_code, zulip["name_to_codepoint"])
    names = json.loads((folder / "mattermost-emoji.json").read_text(encoding="utf-8"))
    by_code = {}
    for name in sorted(names, key=lambda name: (len(name), name), reverse=True):
        by_code[without_variation(names[name])] = name  # the shortest wins
    write("mattermost", by_code, names)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
