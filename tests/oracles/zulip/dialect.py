"""Zulip's Markdown, as far as our writer uses it: the oracle that stands in for the server's `/messages/render`.

Written from what a real server answered (shared/data/zulip-render.json; test_dialect.py holds it against all pairs) and
facts/zulip.md 6.2. Gives HTML of the same shape, without syntax highlighting and previews.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote

_STASH = re.compile("\x02(\\d+)\x03")
_FENCE = re.compile(r"(`{3,}|~{3,})\s*([^`~]*)$")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-fA-F]+|[0-9a-zA-Z]+);")
_TLD = "com|org|net|edu|sh|io|de|invalid|jp"
_WORDS = r"[^\s\x02\x03<>\"]"


def _hashed(text: str) -> str:
    return quote(text, safe="").replace(".", "%2E").replace("%", ".")


class Zulip:
    """`users`: names by id, for mentions; `emoji`: names that the server knows, to their code points ("" if custom);
    `channels`, `groups`: ids by name."""

    def __init__(
        self,
        users: dict[str, str] | None = None,
        emoji: dict[str, str] | None = None,
        channels: dict[str, str] | None = None,
        groups: dict[str, str] | None = None,
    ) -> None:
        self.users, self.emoji = users or {}, emoji or {}
        self.named = {name.casefold(): number for number, name in reversed(self.users.items())}
        self.channels = {name.casefold(): (number, name) for name, number in (channels or {}).items()}
        self.characters = {
            "".join(chr(int(p, 16)) for p in code.split("-")): name for name, code in self.emoji.items() if code
        }
        self.possible = re.compile("|".join(sorted(map(re.escape, self.characters), key=len, reverse=True)) or "(?!)")
        self.groups = {name.casefold(): (number, name) for name, number in (groups or {}).items()}
        self._stash: list[str] = []
        self._passes: list[tuple[re.Pattern[str], Callable[[re.Match[str], int], str | None]]] = [
            (re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL), self._code),
            (re.compile(r"\*\*\*(?!\s)([^*^\n]+)(?<!\s)\*\*\*"), self._wrap("<strong><em>", "</em></strong>")),
            (re.compile(r"(?<![^\s'\"({\[/<])@(_?)\*\*([^*]+)\*\*"), self._mention),
            (re.compile(r"(?<![^\s'\"({\[/<])@(_?)\*([^*]+)\*(?!\*)"), self._group),
            (re.compile(r"(?<![^\s'\"(,:<])#\*\*([^*>]+)(?:>([^*]*))?\*\*"), self._channel),
            (re.compile(r"\B(?<!\$)\$\$(?!\$)([^\n_$](?:[^$\n])*)\$\$(?!\$)\B"), self._tex),
            (re.compile(r"<time:([^>]+)>"), self._time),
            (re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(\s*((?:[^()]|\([^()]*\))*?)\s*\)"), self._link),
            (
                re.compile(
                    rf"(?<![\w/@.:\x03-])(?:(https?://(?:[\w.-]+\.[a-z]+|[\d.]+)(?::\d+)?(?:[/?#]{_WORDS}*)?)"
                    rf"|([\w.+-]+@[\w-]+\.(?:{_TLD}))|((?:[\w-]+\.)+(?:{_TLD})(?:/{_WORDS}*)?))(?![\w@])",
                    re.ASCII,
                ),
                self._auto,
            ),
            (_ENTITY, lambda found, _: found.group()),
            (re.compile(r"\*\*([^\n]+?)\*\*"), self._wrap("<strong>", "</strong>")),
            (re.compile(r"\*(?!\s)([^*^\n]+)(?<!\s)\*"), self._wrap("<em>", "</em>")),
            (re.compile(r"(?<!~)~~([^~\n]+?)~~(?!~)"), self._wrap("<del>", "</del>")),
            (re.compile(r":([\w+-]+):"), self._emoji),
            (self.possible, lambda found, _: self._picture(self.characters[found.group()])),
        ]

    def html(self, source: str) -> str:
        self._stash = []
        lines = self._fences(source.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        return self._restore(self._blocks(lines)).strip()

    # ── inlines: one pass after the other over the text, what was found is put aside ────────────────────────────────

    def _inline(self, text: str, first: int = 0) -> str:
        for number, (pattern, made) in enumerate(self._passes[first:], first):

            def put(found: re.Match[str], number: int = number, made: Callable[..., str | None] = made) -> str:
                html = made(found, number)
                return found.group() if html is None else self._put(html)

            text = pattern.sub(put, text)
        return escape(text, quote=False)

    def _put(self, html: str) -> str:
        self._stash.append(html)
        return f"\x02{len(self._stash) - 1}\x03"

    def _restore(self, html: str) -> str:
        while "\x02" in html:
            html = _STASH.sub(lambda found: self._stash[int(found.group(1))], html)
        return html

    def _code(self, found: re.Match[str], _: int) -> str:
        return f"<code>{escape(found.group(2), quote=False)}</code>"

    def _wrap(self, start: str, end: str) -> Callable[[re.Match[str], int], str]:
        return lambda found, number: start + self._inline(found.group(1), number + 1) + end

    def _mention(self, found: re.Match[str], _: int) -> str | None:
        silent, spec = found.groups()
        if spec in ("all", "everyone", "channel"):
            return f'<span class="user-mention channel-wildcard-mention" data-user-id="*">@{spec}</span>'
        if spec == "topic":
            return f'<span class="topic-mention">@{spec}</span>'
        name, bar, user = spec.rpartition("|")
        if not bar:
            name, user = "", self.named.get(spec.casefold(), "")
        if user not in self.users or name not in ("", self.users[user]):
            return None
        kind, at = ("user-mention silent", "") if silent else ("user-mention", "@")
        return f'<span class="{kind}" data-user-id="{user}">{at}{escape(self.users[user], quote=False)}</span>'

    def _group(self, found: re.Match[str], _: int) -> str | None:
        silent, name = found.groups()
        number, name = self.groups.get(name.casefold(), ("", ""))
        if not number:
            return None
        kind, at = ("user-group-mention silent", "") if silent else ("user-group-mention", "@")
        return f'<span class="{kind}" data-user-group-id="{number}">{at}{escape(name, quote=False)}</span>'

    def _channel(self, found: re.Match[str], _: int) -> str | None:
        number, name = self.channels.get(found.group(1).casefold(), ("", ""))
        if not number:
            return None
        kind, href, shown = "stream", f"/#narrow/channel/{number}-{_hashed(name.replace(' ', '-'))}", f"#{name}"
        if (topic := found.group(2)) is not None:
            kind, href, shown = "stream-topic", f"{href}/topic/{_hashed(topic)}", f"{shown} > {topic}"
        return f'<a class="{kind}" data-stream-id="{number}" href="{escape(href)}">{escape(shown, quote=False)}</a>'

    def _tex(self, found: re.Match[str], _: int) -> str:
        return f'<span class="tex-error">{escape(found.group(), quote=False)}</span>'

    def _time(self, found: re.Match[str], _: int) -> str:
        return f'<time datetime="{found.group(1)}">{found.group(1)}</time>'

    def _link(self, found: re.Match[str], number: int) -> str | None:
        label, url = found.groups()
        if not re.match(r"(?:https?|ftp)://|mailto:|/", url):
            return None
        url = self._restore(url).replace(" ", "%20")
        return f'<a href="{escape(url)}">{self._inline(label, number + 1) or escape(url)}</a>'

    def _auto(self, found: re.Match[str], _: int) -> str:
        url = found.group().rstrip(".,;:!?)'\"")
        rest = found.group()[len(url) :]
        href = url if found.group(1) else f"mailto:{url}" if found.group(2) else f"http://{url}"
        return f'<a href="{escape(href)}">{escape(url, quote=False)}</a>{escape(rest, quote=False)}'

    def _emoji(self, found: re.Match[str], _: int) -> str | None:
        return self._picture(found.group(1)) if found.group(1) in self.emoji else None

    def _picture(self, name: str) -> str:
        code = self.emoji[name]
        if not code:
            return f'<img alt=":{name}:" class="emoji" src="/x.png">'
        title = name.replace("_", " ")
        return f'<span aria-label="{title}" class="emoji emoji-{code}" role="img" title="{title}">:{name}:</span>'

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _fences(self, lines: list[str]) -> list[str]:
        out: list[str] = []
        at = 0
        while at < len(lines):
            opened = _FENCE.match(lines[at])
            at += 1
            if not opened:
                out.append(lines[at - 1])
                continue
            bar, language = opened.group(1), opened.group(2).strip()
            inner: list[str] = []
            while at < len(lines) and lines[at].rstrip() != bar:
                inner.append(lines[at])
                at += 1
            at += 1
            if language == "quote":
                out += ["", *("> " + line for line in self._fences(inner)), ""]
            else:
                text = escape("\n".join(inner).strip("\n"), quote=False)
                code = f'<div class="codehilite"><pre><span></span><code>{text}\n</code></pre></div>'
                out += ["", self._put(code), ""]
        return out

    def _blocks(self, lines: list[str]) -> str:
        chunks: list[list[str]] = [[]]
        for line in lines:
            if line.strip(" \t"):
                chunks[-1].append(line)
            elif chunks[-1]:
                chunks.append([])
        return "\n".join(filter(None, [self._chunk(chunk) for chunk in chunks if chunk]))

    def _chunk(self, lines: list[str]) -> str:
        if re.fullmatch("\x02\\d+\x03", lines[0]):
            return "\n".join(filter(None, [lines[0], self._chunk(lines[1:]) if lines[1:] else ""]))
        if lines[0].startswith("    "):
            code = "\n".join(line[4:] for line in lines)
            return f'<div class="codehilite"><pre><span></span><code>{escape(code, quote=False)}\n</code></pre></div>'
        for at, line in enumerate(lines):
            before, after = lines[:at], lines[at + 1 :]
            if heading := re.match(r"(#{1,6})\s+(.*?)#*\s*$", line):
                level = len(heading.group(1))
                made = f"<h{level}>{self._inline(heading.group(2).strip())}</h{level}>"
            elif re.fullmatch(r" {0,3}(?:(?:-+ {0,2}){3,}|(?:_+ {0,2}){3,}|(?:\*+ {0,2}){3,}) *", line) and (
                len(re.sub(r"\s", "", line)) > 2
            ):
                made = "<hr>"
            elif re.match(r" ?(?:[*+-]|\d+\.) +\S", line):
                made, after = self._list(lines[at:]), []
            elif re.match(r" {0,3}>", line) and any(re.match(r" {0,3}> ?\S", one) for one in lines[at:]):
                inner = [re.sub(r"^ {0,3}> ?", "", one) for one in lines[at:]]
                made, after = f"<blockquote>\n{self._blocks(inner)}\n</blockquote>", []
            elif at == 0 and len(lines) > 1 and re.fullmatch(r"[|:\- ]*-[|:\- ]*", lines[1]) and "|" in lines[1]:
                made, after = self._table(lines), []
            else:
                continue
            parts = [self._chunk(before) if before else "", made, self._chunk(after) if after else ""]
            return "\n".join(filter(None, parts))
        text = "\n".join(lines).lstrip()
        return "<p>" + self._inline(text).replace("\n", "<br>\n") + "</p>"

    def _list(self, lines: list[str]) -> str:
        ordered = lines[0].lstrip()[0].isdigit()
        marker = re.compile(r" ?\d+\. +(.*)" if ordered else r" ?[*+-] +(.*)")
        items: list[tuple[list[str], list[str]]] = []
        for line in lines:
            if found := marker.fullmatch(line):
                items.append(([found.group(1)], []))
            elif items[-1][1] or re.match(r" {2,3}(?:[*+-]|\d+\.) +", line):
                items[-1][1].append(line.removeprefix("  "))
            else:
                items[-1][0].append(line)
        out = []
        for words, nested in items:
            inner = self._inline("\n".join(words)).replace("\n", "<br>\n")
            out.append("<li>" + inner + (f"\n{self._chunk(nested)}\n" if nested else "") + "</li>")
        tag = "ol" if ordered else "ul"
        return f"<{tag}>\n" + "\n".join(out) + f"\n</{tag}>"

    def _table(self, lines: list[str]) -> str:
        def cells(line: str) -> list[str]:
            return [cell.strip() for cell in line.strip().strip("|").split("|")]

        head = "".join([f"<th>{self._inline(cell)}</th>\n" for cell in cells(lines[0])])
        rows = ["".join([f"<td>{self._inline(cell)}</td>\n" for cell in cells(line)]) for line in lines[2:]]
        body = "".join([f"<tr>\n{row}</tr>\n" for row in rows])
        return f"<table>\n<thead>\n<tr>\n{head}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>"
