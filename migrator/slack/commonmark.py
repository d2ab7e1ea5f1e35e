"""Standard Markdown (Slack's `markdown` block) -> the tree, by a CommonMark parser."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from migrator.model import (
    Block,
    Break,
    Code,
    Divider,
    Heading,
    Inline,
    Item,
    List,
    Marks,
    Paragraph,
    Picture,
    Quote,
    Table,
    Text,
)
from migrator.slack.context import Context, link

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

__all__ = ["commonmark"]

_MARKS = {"strong": Marks.BOLD.value, "em": Marks.ITALIC.value, "s": Marks.STRIKE.value}


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def commonmark(text: str, context: Context) -> list[Block]:
    """The blocks of a Markdown text. Never raises."""
    from markdown_it.tree import SyntaxTreeNode

    return _blocks(SyntaxTreeNode(_parser().parse(text)).children, context)


def _blocks(nodes: Any, context: Context) -> list[Block]:
    out: list[Block] = []
    for node in nodes:
        out.extend(_block(node, context))
    return out


def _block(node: SyntaxTreeNode, context: Context) -> list[Block]:
    kind = node.type
    if kind == "paragraph":
        return [Paragraph(tuple(_inlines(node.children, 0, context)))]
    if kind == "heading":
        return [Heading(int(node.tag[1:]), tuple(_inlines(node.children, 0, context)))]
    if kind in ("bullet_list", "ordered_list"):
        items = tuple(Item(tuple(_blocks(item.children, context))) for item in node.children)
        return [List(kind == "ordered_list", items, int(node.attrs.get("start", 1) or 1))]
    if kind == "blockquote":
        return [Quote(tuple(_blocks(node.children, context)))]
    if kind in ("fence", "code_block"):
        return [Code(node.content.removesuffix("\n"), node.info.split(" ")[0] if kind == "fence" else "")]
    if kind == "hr":
        return [Divider()]
    if kind == "table":
        rows = [row for part in node.children for row in part.children]
        return [Table(tuple(tuple(tuple(_inlines(c.children, 0, context)) for c in row.children) for row in rows))]
    if kind == "html_block":
        return [Paragraph((Text(node.content.strip().replace("\n", " ")),))]
    return _blocks(node.children, context)


def _inlines(nodes: Any, marks: int, context: Context) -> list[Inline]:
    out: list[Inline] = []
    for node in nodes:
        kind = node.type
        if kind == "text":
            if node.content:
                out.append(Text(node.content, marks))
        elif kind in ("softbreak", "hardbreak"):
            out.append(Break())
        elif kind == "code_inline":
            out.append(Text(node.content, marks | Marks.CODE.value))
        elif kind == "link":
            out.append(
                link(str(node.attrs.get("href", "")), tuple(_inlines(node.children, 0, context)), marks, context)
            )
        elif kind == "image":
            picture = Picture(str(node.attrs.get("src", "")), node.content)
            out.append(link(picture.url, (Text(picture.alt or picture.url),), marks, context))
        elif kind in _MARKS:
            out.extend(_inlines(node.children, marks | _MARKS[kind], context))
        elif kind == "html_inline":
            out.append(Text(node.content, marks))
        else:
            out.extend(_inlines(node.children, marks, context))
    return out
