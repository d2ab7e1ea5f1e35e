"""The writers against renderers of their targets: words and marks of generated trees arrive."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrator.adapters.base import Kind
from migrator.adapters.mattermost.emoji import custom_name
from migrator.adapters.mattermost.read import read as read_mattermost
from migrator.adapters.mattermost.render import MattermostWriter
from migrator.adapters.zulip.read import read as read_zulip
from migrator.adapters.zulip.render import ZulipWriter
from migrator.directory import Names
from migrator.markdown import MarkdownWriter
from migrator.model import Block, Break, Code, Emoji, Marks, MessageLink, Paragraph, Text, UserMention
from migrator.plain import canonical, plain
from tests.oracles.spans import spans
from tests.oracles.zulip.dialect import Zulip
from tests.oracles.zulip.test_dialect import server_emoji
from tests.text.trees import PEOPLE, ROOMS, bodies, directory, words

KNOWN = Marks.BOLD | Marks.ITALIC | Marks.STRIKE | Marks.CODE
USERS = {str(number): user for number, user in enumerate(PEOPLE, 10)}
REMOTE = {
    **{(Kind.USER, user.id): number for number, user in USERS.items()},
    **{(Kind.CONVERSATION, room.id): str(number) for number, room in enumerate(ROOMS, 90)},
    (Kind.EMOJI, "parrot"): "1",
}
ORACLE = Zulip({number: user.name for number, user in USERS.items()}, {**server_emoji(), "parrot": ""})
ZULIP = ZulipWriter(post=lambda conversation, ts: f"/#narrow/near/{ts[9:10]}" if conversation == "C1" else None)
HANDLES = {user.id: user.handle for user in PEOPLE}
NAMES = {user.handle: user.name for user in PEOPLE}
CHANNELS = {"C1": "general", "C2": "c2"}
MATTERMOST = MattermostWriter(
    person=HANDLES.get,
    channel=CHANNELS.get,
    post=lambda conversation, ts: f"/acme/pl/{ts[9:10]}" if conversation == "C1" else None,
)
EMOJI = {custom_name(name): name for name in ("parrot", "schrödinger's-cat")}
WRITERS = pytest.mark.parametrize("writer", [ZULIP, MATTERMOST], ids=["zulip", "mattermost"])
HERE: Names = directory(REMOTE)


def shown(writer: MarkdownWriter, source: str) -> str:
    """What a reader sees of a post, by the target's renderer and our reading of it."""
    if writer is ZULIP:
        return read_zulip(ORACLE.html(source), lambda user: USERS[user].name if user in USERS else None)
    names = {name: room for room, name in CHANNELS.items()}
    rooms = {room.id: room.name for room in ROOMS}
    return read_mattermost(source, NAMES.get, lambda name: rooms.get(names.get(name, "")), EMOJI.get)


def html(writer: MarkdownWriter, source: str) -> str:
    if writer is ZULIP:
        return ORACLE.html(source)
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).render(source))


def squeezed(text: str) -> str:
    return "".join(canonical(text).split())


@WRITERS
@settings(max_examples=80, deadline=None, derandomize=True)
@given(body=bodies())
def test_the_words_of_any_tree_are_shown(writer: MarkdownWriter, body: tuple) -> None:  # type: ignore[type-arg]
    written = writer.write(body, HERE)
    assert written.plain == plain(body, HERE)
    assert squeezed(shown(writer, written.source)) == squeezed(written.plain), written.source
    for never in ("<!", "<@", "](!", "](@"):
        assert never not in outside_code(written.source)


def outside_code(source: str) -> str:
    """Without code, which is byte-exact whatever it says."""
    import re

    source = re.sub(r"(?ms)^[> ]*(`{3,})[^`\n]*\n.*?^[> ]*\1$", "", source)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", source)


@WRITERS
@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=st.text(string.punctuation + " ab1", min_size=1, max_size=24))
@example("a_b_ _c_ __d__")
@example("\\*x\\* \\_y \\")
@example("[x](y) [z]: http://x ![i](j)")
@example("# h #tag @all :dog: 1. - + > ~~s~~ $$x$$ $5 $6")
def test_punctuation_typed_as_text_is_text(writer: MarkdownWriter, text: str) -> None:
    written = writer.write([Paragraph((Text(text),))], HERE)
    assert squeezed(shown(writer, written.source)) == squeezed(text), written.source
    assert all(not marks for _, marks in spans(html(writer, written.source))), written.source


RUNS = st.lists(st.builds(Text, words(odd=False), st.integers(0, 15)) | st.just(Break()), min_size=1, max_size=6).map(
    tuple
)


@WRITERS
@settings(max_examples=100, deadline=None, derandomize=True)
@given(row=RUNS)
@example((Text("foo"), Text("bar", 1), Text("baz")))
@example((Text("x", 2), Text("y", 1), Text("z", 3), Text("w", 4)))
@example((Text("日"), Text("「本」", 1), Text("語")))
@example((Text('"q"', 2), Text("a"), Text("'p'", 1), Text("b")))
def test_marks_of_every_character(writer: MarkdownWriter, row: tuple) -> None:  # type: ignore[type-arg]
    """Italic, bold, struck and code arrive on exactly the characters that carry them; losses are the only exception."""
    written = writer.write([Paragraph(row)], HERE)
    expected = [(c, leaf.marks & KNOWN) for leaf in row if isinstance(leaf, Text) for c in squeezed(leaf.text)]
    found = spans(html(writer, written.source))
    assert "".join(c for c, _ in found) == "".join(c for c, _ in expected), written.source
    if not written.losses:
        assert found == expected, written.source


@WRITERS
@settings(max_examples=40, deadline=None, derandomize=True)
@given(body=bodies(), limit=st.integers(60, 400))
def test_dividing_loses_nothing(writer: MarkdownWriter, body: tuple, limit: int) -> None:  # type: ignore[type-arg]
    parts = writer.parts(body, HERE, limit)
    assert squeezed("".join(part.plain for part in parts)) == squeezed(plain(body, HERE))
    for part in parts:
        assert squeezed(shown(writer, part.source)) == squeezed(part.plain)


def known(share: int) -> Names:
    """A directory that knows some of the remote ids."""
    return directory({key: remote for number, (key, remote) in enumerate(REMOTE.items()) if number % 4 < share})


def of(writer: MarkdownWriter, share: int) -> MarkdownWriter:
    """The dialect while so much of the move is done."""

    def some(found: str | None, key: str) -> str | None:
        return found if sum(key.encode()) % 4 < share else None

    def post(conversation: str, ts: str) -> str | None:
        return some("/a/very/long/address/of/a/message/" + ts, ts)

    if writer is ZULIP:
        return ZulipWriter(post=post)
    return MattermostWriter(
        person=lambda user: some(HANDLES.get(user), user),
        channel=lambda room: some(CHANNELS.get(room), room),
        post=post,
        emoji_of=lambda name: some(custom_name(name), name),
    )


@WRITERS
@settings(max_examples=60, deadline=None, derandomize=True)
@given(body=bodies(), limit=st.integers(1_000, 3_000))
@example(body=(Paragraph((UserMention("U4"), Text(" "), Emoji("schrödinger's-cat"), Break()) * 40),), limit=1_000)
@example(
    body=(Paragraph((MessageLink("C1", "1700000000.000100", "https://acme.slack.com/x"), Break()) * 40),), limit=900
)
@example(body=(Code("x :parrot: y\n" * 60), Paragraph((Text("typed :parrot: and :unknown: "),) * 60)), limit=1_000)
def test_posts_are_the_same_whatever_ids_are_known(writer: MarkdownWriter, body: tuple[Block, ...], limit: int) -> None:
    """The plan composes without ids, the run with some, verify with all: the posts must be the same, and fit."""
    runs = [of(writer, share).parts(body, known(share), limit, sized=True) for share in range(5)]
    for parts in runs:
        assert [part.plain for part in parts] == [part.plain for part in runs[0]]
        assert [part.size for part in parts] == [part.size for part in runs[0]]
        for part in parts:
            assert len(part.source) <= part.size
            assert part.size <= limit


@WRITERS
def test_long_code_is_fenced_in_every_part(writer: MarkdownWriter) -> None:
    code = "\n".join(f"line {number} ``` *x*" for number in range(2_000))
    parts = writer.parts([Code(code, "python")], HERE, 10_000)
    assert len(parts) > 1
    assert all(len(part.source) <= 10_000 for part in parts)
    assert all(part.source.startswith("````python\n") and part.source.endswith("\n````") for part in parts)
    assert "\n".join(part.plain for part in parts) == code


@WRITERS
def test_no_line_that_begins_with_a_letter_is_disarmed_there(writer: MarkdownWriter) -> None:
    """What `start` takes for granted."""
    letters = [c for c in map(chr, range(0x11_0000)) if c.isalpha()]
    assert len(letters) > 100_000
    assert not [c for c in letters if writer.starts.match(c) or writer.starts.match(f"{c}. {c}")]
