"""The Mattermost writer against the server's own Markdown package."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.model import Code, Item, Link, List, Paragraph, Quote, Text
from migrator.plain import linkable, plain
from tests.oracles.mattermost.server import parsed
from tests.oracles.test_writers import HERE, MATTERMOST, squeezed
from tests.text.trees import codes, words

_URLS = st.sampled_from(["https://example.com/a(b)_c_*d*?x=1&y=2#~~z~~", "https://ex.org/a|b]c`d`", "http://x.org"])
PARAGRAPHS = st.lists(
    st.builds(Text, words(odd=False)) | st.builds(Link, _URLS, st.tuples(st.builds(Text, words(odd=False)))),
    min_size=1,
    max_size=5,
).map(lambda row: Paragraph(tuple(row)))
BLOCKS = st.recursive(
    PARAGRAPHS | codes(),
    lambda inner: (
        st.builds(Quote, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(
            List,
            st.booleans(),
            st.lists(PARAGRAPHS.map(lambda one: Item((one,))), min_size=1, max_size=3).map(tuple),
            st.sampled_from([1, 7]),
        )
    ),
    max_leaves=4,
)
BATCH = st.lists(st.lists(BLOCKS, min_size=1, max_size=3), min_size=20, max_size=20)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(batch=BATCH)
def test_words_links_and_code_as_the_server_reads_them(batch: list) -> None:  # type: ignore[type-arg]
    written = [MATTERMOST.write(blocks, HERE) for blocks in batch]
    for blocks, post, answer in zip(batch, written, parsed([post.source for post in written]), strict=True):
        assert squeezed(answer["words"]) == squeezed(plain(blocks, HERE)), post.source
        assert not any(url.startswith("image:") for url in answer["links"])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(texts=st.lists(st.text(string.punctuation + " ab1", min_size=1, max_size=24), min_size=40, max_size=40))
def test_punctuation_is_text_to_the_server(texts: list[str]) -> None:
    sources = [MATTERMOST.write([Paragraph((Text(text),))], HERE).source for text in texts]
    for text, source, answer in zip(texts, sources, parsed(sources), strict=True):
        assert squeezed(answer["words"]) == squeezed(text), source
        assert not answer["code"], source
        assert not [link for link in answer["links"] if not linkable(link)], source


def test_code_is_byte_exact() -> None:
    code = "int *p, *q = &x;\nif (a < b) {}\n```\n&lt; <@U1>\n    ~~x~~"
    (answer,) = parsed([MATTERMOST.write([Code(code, "c")], HERE).source])
    assert answer["code"] == [code + "\n"]
