"""Read what a channel holds, missing nothing.

Paging by `before=<post>` is the fast way, but leaves out posts that share the boundary post's millisecond. So what came
back is counted against the channel's own total, and read again by page number where the two differ (facts 5.3, 10.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from msgspec import Struct

from migrator.adapters.base import RemoteFile
from migrator.adapters.mattermost.posts import KEY, SHIFT
from migrator.adapters.mattermost.rest import CONNECTIONS, Refused, Rest
from migrator.errors import TargetUnavailable

__all__ = [
    "Channel",
    "FileInfo",
    "Metadata",
    "Reaction",
    "RemotePost",
    "channel",
    "conversation_of",
    "files",
    "posts",
]

PAGE = 200  # the most that the server gives
FEW = 10
# Not counted in total_msg_count (model.Post.IsJoinLeaveMessage).
UNCOUNTED = frozenset(
    {
        "system_join_leave",
        "system_add_remove",
        "system_join_channel",
        "system_leave_channel",
        "system_join_team",
        "system_leave_team",
        "system_add_to_channel",
        "system_remove_from_channel",
        "system_add_to_team",
        "system_remove_from_team",
    }
)


class Reaction(Struct):
    """As the server sends it."""

    user_id: str
    emoji_name: str


class FileInfo(Struct):
    """As the server sends it."""

    id: str
    name: str
    size: int = 0


class Metadata(Struct):
    """What hangs on a post."""

    files: list[FileInfo] | None = None
    reactions: list[Reaction] | None = None


class RemotePost(Struct):
    """A post as the server sends it; times in milliseconds."""

    id: str
    create_at: int
    user_id: str
    channel_id: str
    message: str = ""
    root_id: str = ""
    type: str = ""
    edit_at: int = 0
    delete_at: int = 0
    is_pinned: bool = False
    props: Mapping[str, Any] | None = None
    metadata: Metadata | None = None

    @property
    def key(self) -> str:
        """Ours; "" for posts that are not."""
        value = (self.props or {}).get(KEY, "")
        return value if isinstance(value, str) else ""

    @property
    def time(self) -> int:
        """Microseconds, without the shift that made create_at unique."""
        shift = (self.props or {}).get(SHIFT, 0)
        return (self.create_at - (shift if isinstance(shift, int) else 0)) * 1000


class Channel(Struct):
    """A channel as the server sends it."""

    id: str
    name: str
    type: str
    total_msg_count: int
    total_msg_count_root: int = 0
    delete_at: int = 0
    header: str = ""
    purpose: str = ""
    display_name: str = ""


class _Page(Struct):
    order: list[str] | None = None
    posts: dict[str, RemotePost] | None = None


_PAGE = msgspec.json.Decoder(_Page)
_CHANNEL = msgspec.json.Decoder(Channel)


def channel(rest: Rest, channel_id: str) -> Channel:
    """One channel's own account of itself."""
    return _CHANNEL.decode(rest.request("GET", f"/channels/{channel_id}").content)


def posts(rest: Rest, channel_id: str) -> list[RemotePost]:
    """Every post of a channel that is not deleted, oldest first."""
    found = {post.id: post for post in _by_cursor(rest, channel_id)}
    # the channel's total may be what a cache of the server held before an import; that costs a second reading
    if sum(post.type not in UNCOUNTED for post in found.values()) != (now := channel(rest, channel_id)).total_msg_count:
        for post in _by_number(rest, channel_id, max(now.total_msg_count, len(found))):
            found.setdefault(post.id, post)
    return sorted(found.values(), key=lambda post: (post.create_at, post.id))


def conversation_of(rest: Rest, channel_id: str, total: int) -> str:
    """Which conversation of the export a channel of so many posts holds posts of, as their keys say; "" for none.

    A few of the newest and of the oldest are looked at: what others wrote stands after what was moved. Few, for the
    server fetches the page behind a link in each, and nothing is changed yet that would keep it from that.
    """
    for page in (0, max(0, total - 1) // FEW):
        for post in _page(rest, channel_id, page=page, per_page=FEW):
            if post.key:
                return post.key.partition("/")[0]
    return ""


def files(
    rest: Rest, some: Sequence[RemotePost], *, hashes: bool, connections: int = CONNECTIONS
) -> Mapping[str, RemoteFile]:
    """Files of these posts by their ids; with `hashes` fetched and hashed over several connections.

    One whose bytes the server does not give has no sha256: a difference, for verify to name.
    """
    infos = [info for post in some for info in _files(post)]
    if not hashes or not infos:
        return {info.id: RemoteFile(info.name, info.size) for info in infos}
    with ThreadPoolExecutor(connections) as pool:
        return dict(zip((info.id for info in infos), pool.map(lambda info: _hashed(rest, info), infos), strict=True))


def _hashed(rest: Rest, info: FileInfo) -> RemoteFile:
    digest = hashlib.sha256()
    try:
        for block in rest.stream(f"/files/{info.id}"):
            digest.update(block)
    except Refused:
        return RemoteFile(info.name, info.size)
    return RemoteFile(info.name, info.size, digest.hexdigest())


def _files(post: RemotePost) -> Sequence[FileInfo]:
    return (post.metadata.files if post.metadata else None) or ()


def _by_cursor(rest: Rest, channel_id: str) -> Iterator[RemotePost]:
    """Newest first, each page from the oldest post of the one before."""
    page = _page(rest, channel_id)
    while page:
        yield from page
        last = page[-1].id
        try:
            page = _page(rest, channel_id, before=last)
        except TargetUnavailable:
            # many links in them, and each page is fetched for its preview first: the server remembers those it has
            page = _page(rest, channel_id, before=last, per_page=PAGE // 10)


def _by_number(rest: Rest, channel_id: str, expected: int) -> Iterator[RemotePost]:
    """By page number, over several connections; goes on until a page comes back empty."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        first = 0
        while True:
            count = max(1, min(CONNECTIONS, expected // PAGE + 2 - first))
            pages = list(pool.map(lambda n: _page(rest, channel_id, page=n), range(first, first + count)))
            for page in pages:
                yield from page
            if not all(pages):
                return
            first += count


def _page(rest: Rest, channel_id: str, **where: Any) -> list[RemotePost]:
    asked = {"per_page": PAGE, "skipFetchThreads": "true", **where}
    answer = _PAGE.decode(rest.request("GET", f"/channels/{channel_id}/posts", params=asked).content)
    known = answer.posts or {}
    return [known[post] for post in answer.order or () if post in known]
