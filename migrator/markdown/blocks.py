"""What stands on lines of its own: paragraphs, headings, code, tables, lists, pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from migrator.ledger import Feature
from migrator.markdown.lines import LineWriter
from migrator.markdown.pieces import dedented, fence, margin, one_kind_of_line_end
from migrator.model import Block, Code, Divider, Heading, Inline, List, Paragraph, Picture, Table, Text
from migrator.plain import linkable, picture_label, visible
from migrator.render import Job

__all__ = ["BlockWriter"]

_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")


class BlockWriter(LineWriter):
    """Writes blocks; quotes are a dialect's own."""

    def blocks(self, nodes: Iterable[Block], job: Job) -> str:
        """As every writer, with something between two lists: renderers would make one of them."""
        out: list[str] = []
        after_list = False
        for node in nodes:
            if not (text := self._write[type(node)](node, job)):
                continue
            is_list = isinstance(node, List)
            if is_list and after_list:
                out.append("\u200b")
            out.append(text)
            after_list = is_list
        return self.separator.join(out)

    def paragraph(self, node: Paragraph, job: Job) -> str:
        lines = self.lines(node.inlines, job)
        if len(lines) == 1:
            return lines[0] if visible(lines[0]) else ""
        start, end = 0, len(lines)
        while end and not visible(lines[end - 1]):
            end -= 1
        while start < end and not visible(lines[start]):
            start += 1
        return "\n".join(lines[start:end])

    def heading(self, node: Heading, job: Job) -> str:
        text = self.line(node.inlines, job)
        if not visible(text):
            return ""
        if text.endswith("#"):
            text = text.removesuffix("#").removesuffix("\\") + "&#35;"
        return "#" * min(max(node.level, 1), 6) + " " + text

    def code(self, node: Code, job: Job) -> str:
        language = node.language
        if language and (language.lower() in self.plain_languages or not _LANGUAGE.fullmatch(language)):
            language = ""
        bar = fence(node.text)
        return f"{bar}{language}\n{one_kind_of_line_end(node.text)}\n{bar}"

    def divider(self, node: Divider, job: Job) -> str:
        return "---"

    def picture(self, node: Picture, job: Job) -> str:
        job.lose(Feature.PICTURE, "as a link")
        label = " ".join(picture_label(node).split())
        if not visible(label):
            label = "\u200b"
        if not linkable(node.url):
            return self.escape_start(self.words(label, 0, job, label=False, following=""))
        return self.glued(self.anchor(node.url, self._label([Text(label)], job)), "", "")

    def table(self, node: Table, job: Job) -> str:
        width = max(map(len, node.rows), default=0)
        if not width:
            return ""
        rows = [[self.cell(cell, job) for cell in row] + [""] * (width - len(row)) for row in node.rows]
        bars = {"left": ":--", "center": ":-:", "right": "--:"}
        align = [bars.get(align, "---") for align in node.align[:width]]
        rows.insert(1, align + ["---"] * (width - len(align)))
        if len(rows) == 2:
            rows.append([""] * width)  # a header alone is no table
        return "\n".join(["| " + " | ".join(row) + " |" for row in rows])

    def cell(self, cell: Sequence[Inline], job: Job) -> str:
        self._in_table = True
        try:
            return self.line(cell, job).replace("|", "&#124;").strip()
        finally:
            self._in_table = False

    def list_(self, node: List, job: Job) -> str:
        out: list[str] = []
        lines: list[str] = []
        width = 0  # where the first of them begins
        for line, stands_alone in self._listed(node, "", job):
            if stands_alone:
                out += [dedented(lines), line] if lines else [line]
                lines = []
                continue
            if width and lines and line and margin(line) < width:
                out.append(dedented(lines))
                lines = []
            if not lines:
                width = margin(line)
            lines.append(line)
        if lines:
            out.append(dedented(lines))
        return self.separator.join(out)

    def _listed(self, node: List, indent: str, job: Job) -> Iterator[tuple[str, bool]]:
        """The lines of a list; blocks that no renderer keeps within an item come by themselves (True)."""
        marker = "* "
        inner = indent + self.item_indent(marker)
        for number, item in enumerate(node.items, node.start):
            if node.ordered:
                marker = f"{number}. "
                inner = indent + self.item_indent(marker)
            lead = indent + marker
            broken = False
            last: Block | None = None
            for block in item.blocks:
                if type(block) is Paragraph or type(block) is Heading:
                    for line in filter(visible, self.lines(block.inlines, job)):
                        yield (line, True) if broken else ((lead or inner) + line, False)
                        lead = ""
                elif isinstance(block, List):
                    if lead:
                        yield lead + "\u200b", False
                        lead = ""
                    if isinstance(last, List) and last.ordered is not block.ordered and not broken:
                        job.lose(Feature.LIST, "interrupted: bullets and numbers on one level")
                        broken = True
                        yield "\u200b", True
                    if block.ordered and block.start != 1 and self.blank_before_number and not broken:
                        yield "", False
                    yield from self._listed(block, inner, job)
                elif text := self.block(block, job):
                    if lead:
                        yield lead + "\u200b", False
                        lead = ""
                    if not broken:
                        job.lose(Feature.LIST, "interrupted by what cannot stand in an item")
                    broken = True
                    yield text, True
                last = block
            if lead:
                yield lead + "\u200b", False
