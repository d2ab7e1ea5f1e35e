"""Generated rich text (hypothesis) and a directory of names for it: what every writer is tried with.

`bodies()` draws whole messages, `inline_rows()` rows of leaves, `words()` texts of one line. `directory(remote)`
answers for the ids that the strategies use; `remote` maps (kind, key) to the target's ids, as a journal would.
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from hypothesis import strategies as st

from migrator.adapters.base import Key, Kind, RemoteId
from migrator.directory import Names
from migrator.model import (
    Block,
    Break,
    Broadcast,
    Card,
    CardField,
    Code,
    Color,
    Conversation,
    ConversationKind,
    ConversationMention,
    Date,
    Divider,
    Emoji,
    Fields,
    GroupMention,
    Heading,
    Inline,
    Item,
    Link,
    List,
    MessageLink,
    Paragraph,
    Picture,
    Quote,
    QuotedMessage,
    Role,
    Table,
    Text,
    UnknownBlock,
    UnknownInline,
    User,
    UserGroup,
    UserMention,
    Workspace,
)

__all__ = ["bodies", "directory", "inline_rows", "words"]

PEOPLE = (
    User("U1", "ada", "Ada Lovelace"),
    User("U2", "bob", "Bob B"),
    User("U3", "bob2", "Bob B"),
    User("U4", "odd", "*_x_* <b>&amp; `o` |[1](2)"),
    User("U5", "gone", "Gone", active=False),
    User("B9", "deploy", "Deploy Bot", role=Role.BOT),
)
ROOMS = (
    Conversation("C1", "general", ConversationKind.PUBLIC),
    Conversation("C2", "日本-_x_", ConversationKind.PUBLIC),
    Conversation("G1", "secret", ConversationKind.PRIVATE),
)
GROUPS = (UserGroup("S1", "devs"),)
WORKSPACE = Workspace(
    "T1",
    "Invented",
    "acme",
    {user.id: user for user in PEOPLE},
    {room.id: room for room in ROOMS},
    {group.id: group for group in GROUPS},
    {},
)
KNOWN_POST = ("C1", "1700000000.000100")


def directory(remote: Mapping[tuple[Kind, Key], RemoteId] | None = None) -> Names:
    """Names of the people and rooms above; remote ids where `remote` has them, none otherwise."""
    known = dict(remote or {})
    return Names(WORKSPACE, lambda kind, key: known.get((kind, key)))


# ── texts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

# What some target reads as markup, at every place where it does.
_TRAP_WORDS = r"""
# - > 1. 1) + * _ ** __ ~~ ~ ` `` ``` | \ $ $$ [x](y) ![x](y) < > & @ : :+1: --- === <b> </p> <!--
&amp; &lt; &#42; &nbsp; @all @here @everyone @channel @room @**all** @_**x|1** #**c** #tag ~town-square
www.example.org example.com a.sh foo.py me@example.com https://example.com/a_b_c?x=1&amp;y=2 http://x
/me /poll /todo :smile: :dog: <time:1700000000> $$100$$ ~~~ > >> {.x} (c) ... (x) [ ] [x] 1\. =
<@U1> <!here> ](@x ](!x
"""
_TRAPS = (*_TRAP_WORDS.split(), "    four", "- x", "# x", "1. x", "> x", "| a | b |", "|-|-|", "[^1]: x")
_ODD = ("é", "ß", "привет", "日本語", "שלום", "👍", "👩‍👩‍👧", "\u00a0", "\u2028", "\u200b", "\ufeff", "\x1b[0m", "\x00")


def words(*, odd: bool = True) -> st.SearchStrategy[str]:
    """A text of one line, not empty: words, punctuation, spaces anywhere, and what targets read as markup."""
    piece = st.one_of(
        st.sampled_from(["word", "Word", "a", "b7", "und", "x_y_z", " ", "  ", ", ", ".", " - "]),
        st.sampled_from(_TRAPS),
        st.text(string.punctuation + " ab1", min_size=1, max_size=6),
        *([st.sampled_from(_ODD)] if odd else []),
    )
    return st.lists(piece, min_size=1, max_size=6).map("".join)


def marks() -> st.SearchStrategy[int]:
    """Any combination, none half of the time."""
    return st.one_of(st.just(0), st.sampled_from([1, 2, 4, 8]), st.integers(0, 63))


_URLS = st.sampled_from(
    [
        "https://example.com/",
        "https://example.com/a(b)_c_*d*?x=1&y=2#~~z~~",
        'http://localhost:3000/"<x>',
        "https://ex.org/a|b]c`d`",
        "mailto:ada@example.com",
        "tel:+4312345",
        "javascript:alert(1)",
        "slack://channel?id=C1",
        "ftp://files.example.com/a b",
        "https://例え.jp/日本",
        "not an address",
    ]
)


# ── leaves ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _leaves(labelled: bool) -> st.SearchStrategy[Inline]:
    m = marks()
    label = st.sampled_from(["", "some one", "x|y", "*b*"])
    plain: list[st.SearchStrategy[Inline]] = [
        st.builds(Text, words(), m),
        st.builds(Text, words(), m),
        st.builds(UserMention, st.sampled_from(["U1", "U2", "U3", "U4", "U5", "B9", "UNOBODY"]), label, m),
        st.builds(ConversationMention, st.sampled_from(["C1", "C2", "G1", "C999"]), label, m),
        st.builds(GroupMention, st.sampled_from(["S1", "S9"]), label, m),
        st.builds(Broadcast, st.sampled_from(["here", "channel", "everyone"]), m),
        st.sampled_from(
            [
                Emoji("+1", "👍"),
                Emoji("+1", "👍🏽", 4),
                Emoji("heart", "❤️"),
                Emoji("parrot"),
                Emoji("schrödinger's-cat"),
                Emoji("flag-at", "🇦🇹", 0, 1),
            ]
        ),
        st.builds(
            Date, st.integers(0, 2**33), st.just("{date} at {time}"), st.sampled_from(["", "Feb 3, 2014"]), marks=m
        ),
        st.builds(Color, st.sampled_from(["#AABBCC", "#000000", "#fff"]), m),
        st.builds(UnknownInline, st.just("novelty"), st.one_of(st.just(""), words()), m),
    ]
    if labelled:
        labels = st.lists(_leaves(labelled=False), max_size=3).map(tuple)
        post = st.sampled_from([KNOWN_POST, ("C1", "1700000009.000100"), ("C9", "1.000001")])
        plain += [
            st.just(Break()),
            st.builds(Link, _URLS, labels, m),
            st.builds(
                lambda at, label, m: MessageLink(
                    at[0], at[1], f"https://acme.slack.com/archives/{at[0]}/p{at[1].replace('.', '')}", label, marks=m
                ),
                post,
                labels,
                m,
            ),
        ]
    return st.one_of(plain)


def inline_rows(max_size: int = 8) -> st.SearchStrategy[tuple[Inline, ...]]:
    """Leaves of one paragraph, at least one."""
    return st.lists(_leaves(labelled=True), min_size=1, max_size=max_size).map(tuple)


# ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def codes() -> st.SearchStrategy[Code]:
    line = st.one_of(words(), st.sampled_from(["", "```", "~~~~", "    indented", "`", "</code></pre>", "\ttab"]))
    lines = st.lists(line, min_size=1, max_size=5).map("\n".join)
    return st.builds(Code, lines, st.sampled_from(["", "python", "c++", "a b"]))


def _tables() -> st.SearchStrategy[Table]:
    cell = st.lists(_leaves(labelled=True).filter(lambda leaf: not isinstance(leaf, Break)), max_size=3).map(tuple)
    rows = st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(cell, min_size=width, max_size=width).map(tuple), min_size=1, max_size=3)
    )
    return st.builds(Table, rows.map(tuple), st.sampled_from([(), ("left", "right"), ("center",)]))


def _simple() -> st.SearchStrategy[Block]:
    return st.one_of(
        st.builds(Paragraph, inline_rows(), st.booleans()),
        st.builds(Paragraph, inline_rows()),
        st.builds(Heading, st.integers(1, 6), inline_rows(4)),
        codes(),
        st.just(Divider()),
        _tables(),
        st.builds(Picture, _URLS, st.one_of(st.just(""), words()), st.one_of(st.just(""), words())),
        st.builds(UnknownBlock, st.just("novelty"), st.one_of(st.just(""), words())),
        st.builds(Fields, st.lists(inline_rows(3), min_size=1, max_size=4).map(tuple)),
    )


def _compound(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    # an item begins with words: what targets make of a list inside an empty item, Slack cannot write
    item = st.builds(lambda first, rest: Item((Paragraph(first), *rest)), inline_rows(4), st.lists(inner, max_size=2))
    return st.one_of(
        st.builds(List, st.booleans(), st.lists(item, min_size=1, max_size=3).map(tuple), st.sampled_from([1, 1, 7])),
        st.builds(Quote, some),
        st.builds(
            QuotedMessage,
            st.sampled_from(["U1", "U9", ""]),
            st.sampled_from(["", "Ada", "*x* [y]"]),
            some,
            st.sampled_from(["", "C1"]),
            st.sampled_from(["", KNOWN_POST[1]]),
            st.sampled_from(["", "https://acme.slack.com/archives/C1/p1700000000000100"]),
        ),
        st.builds(
            Card,
            title=st.sampled_from(["", "Title", "a [b] *c*"]),
            title_url=st.sampled_from(["", "https://example.com/t"]),
            author=st.sampled_from(["", "App _x_"]),
            pretext=st.one_of(st.just(()), st.tuples(inner)),
            body=some,
            fields=st.lists(st.builds(CardField, words(), some, st.booleans()), max_size=2).map(tuple),
            image=st.one_of(st.none(), st.builds(Picture, _URLS)),
            footer=st.sampled_from(["", "foot # er"]),
            at=st.sampled_from([0, 1_700_000_000]),
            color=st.sampled_from(["", "#aabbcc"]),
            preview_of=st.sampled_from(["", "https://example.com/p"]),
        ),
    )


def blocks() -> st.SearchStrategy[Block]:
    return st.recursive(_simple(), _compound, max_leaves=6)


def bodies() -> st.SearchStrategy[tuple[Block, ...]]:
    """A message's whole text, perhaps empty."""
    return st.lists(blocks(), max_size=4).map(tuple)
