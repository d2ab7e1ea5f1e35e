"""What the Markdown dialects of Zulip and Mattermost have in common.

A run of leaves with equal marks is written as one marked run, one per line, with the white space at its ends outside
the markers; runs never nest, so that no renderer has to agree with another about what nested markers mean. Where two
runs touch, the dialect says what goes between. What a dialect would read as markup is disarmed by its `escape`.

`dialect` names what a target's subclass must say, `lines` writes what stands on a line, `blocks` what stands on lines
of its own, `writer` whole messages; `pieces` and `addresses` are their tools.
"""

from __future__ import annotations

from migrator.markdown.dialect import BOLD, CODE, ITALIC, STRIKE, entities, entity
from migrator.markdown.pieces import Piece, fence
from migrator.markdown.writer import MarkdownWriter, Rendered

__all__ = [
    "BOLD",
    "CODE",
    "ITALIC",
    "STRIKE",
    "MarkdownWriter",
    "Piece",
    "Rendered",
    "entities",
    "entity",
    "fence",
]
