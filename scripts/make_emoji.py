"""Make migrator/slack/data/emoji.json from the npm package emoji-datasource (iamcal), the source of Slack's own names.

    npm pack emoji-datasource@16.0.0 && tar xzf emoji-datasource-16.0.0.tgz
    python scripts/make_emoji.py package/emoji.json

The result maps every short name to its characters, and those that come in skin tones to their five variants.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OUT = Path(__file__).parent.parent / "migrator" / "slack" / "data" / "emoji.json"
TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")  # ::skin-tone-2 to ::skin-tone-6


def characters(unified: str) -> str:
    return "".join(chr(int(point, 16)) for point in unified.split("-"))


def main(source: Path) -> None:
    names: dict[str, str] = {}
    tones: dict[str, list[str]] = {}
    for entry in json.loads(source.read_text(encoding="utf-8")):
        variants = entry.get("skin_variations", {})
        for name in entry["short_names"]:
            names[name] = characters(entry["unified"])
            # two people have a variant for each pair of tones: the pair of the same tone twice is meant
            both = [variants.get(tone) or variants.get(f"{tone}-{tone}") for tone in TONES]
            if all(both):
                tones[name] = [characters(variant["unified"]) for variant in both]
    data = {"names": dict(sorted(names.items())), "tones": dict(sorted(tones.items()))}
    OUT.write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
