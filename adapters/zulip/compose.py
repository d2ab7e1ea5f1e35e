"""A message as Zulip will show it, as far as that can be said before anything is sent. Pure.

What depends on ids of the server (a reply's head, a root's pointer, addresses of files) is put in when the post is
sent; `Content` holds the places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from migrator.adapters.base import Composed, Directory, Draft, Limits
from migrator.adapters.zulip.emoji import reaction_name
from migrator.adapters.zulip.render import Rendered, ZulipWriter
from migrator.adapters.zulip.threads import Policy
from migrator.adapters.zulip.topics import thread_topic, topic_words
from migrator.ledger import Fate, Feature, Loss
from migrator.model import (
    Block,
    ConversationId,
    ConversationKind,
    File,
    FileMode,
    GroupId,
    GroupMention,
    Link,
    Local,
    Marks,
    Message,
    MessageKind,
    Paragraph,
    Text,
    Ts,
    UserId,
)
from migrator.plain import linkable, visible
from migrator.render import Job

__all__ = ["FILE", "Content", "LiveWriter", "compose"]

FILE = "https://file.invalid/"  # stands for an uploaded file's address until it is known
RESERVE = 600  # characters kept free for a head or a pointer
BROADCAST = "broadcast"

_INSTEAD = {
    MessageKind.PLACEHOLDER: "(the first message of this thread is not in the export)",
    MessageKind.DELETED: "(this message was deleted)",
}
_DIRECT = (ConversationKind.DIRECT, ConversationKind.GROUP)


class Content(Struct, frozen=True, gc=False):
    """A post's Markdown. `topic`: of the thread whose root this is ("" else)."""

    source: str
    topic: str = ""


def _anybody(_user: UserId) -> bool:
    return True


def compose(
    message: Message,
    directory: Directory,
    limits: Limits,
    policy: Policy,
    writer: ZulipWriter | None = None,
    acts_for: Callable[[UserId], bool] = _anybody,
) -> Composed:
    """Never raises. A reply that was also sent to the channel stands in both topics; see `threads`. `writer` knows how
    people, channels and messages are pointed at; by default by the directory's ids. `acts_for`: whose reactions come.
    """
    files = message.files
    threaded = message.is_root or message.thread != ""
    direct = threaded and directory.conversation_kind(message.conversation) in _DIRECT
    topics = threaded and not direct and policy is Policy.TOPICS
    room = max(1000, limits.text - RESERVE) if limits.text else 0
    writer = writer or LiveWriter(directory)
    body = _named(message, directory) if message.author.name else message.body
    written = writer.parts(body, directory, room, sized=bool(files)) if body else []
    losses = written[0].losses if written else ()  # all stand with the first
    parts = [part for part in written if visible(part.source)]
    if not parts and not files:
        words = _INSTEAD.get(message.kind, "(no text)")
        parts = [Rendered(words, words)]
    if message.kind is MessageKind.EMOTE and parts:
        parts[0] = msgspec.structs.replace(parts[0], source=f"/me {parts[0].source}")
    topic = thread_topic(message.ts, topic_words(message, directory)) if topics and message.is_root else ""
    if files:
        posts = _with_files(files, parts, writer, directory, limits, room)
        drafts = [_draft(number, *post, topic) for number, post in enumerate(posts, 1)]
    else:
        drafts = [_draft(number, part.source, part.plain, (), topic) for number, part in enumerate(parts, 1)]
    if topics and message.broadcast and message.thread:
        drafts.append(msgspec.structs.replace(drafts[0], part=BROADCAST, thread=False))
    if message.thread and not topics:
        where = "in direct messages there are no topics" if direct else "threads=quotes was chosen"
        losses = (*losses, Loss(Feature.REPLY, Fate.APPROXIMATED, f"as a quote: {where}"))
    if message.reactions:
        losses = (*losses, *_reaction_losses(message, acts_for))
    return Composed(tuple(drafts), losses)


def _reaction_losses(message: Message, acts_for: Callable[[UserId], bool]) -> Iterator[Loss]:
    barred = toned = 0
    for reaction in message.reactions:
        name, users = reaction_name(reaction), reaction.users
        acting = sum(map(acts_for, users))
        barred += len(users) - acting
        if name is not None and not name.exact:
            toned += acting
    if barred:
        yield Loss(Feature.REACTION, Fate.DROPPED, "their keys are not to be had (set jwt_key_file)", barred)
    if toned:
        yield Loss(Feature.REACTION, Fate.APPROXIMATED, "without the skin tone", toned)


def _named(message: Message, directory: Directory) -> tuple[Block, ...]:
    """The body, under the name that this one message overrides its author's with."""
    name = " ".join(message.author.name.split())
    if not name or name == directory.user_name(message.author.user) or not visible(name):
        return message.body
    return (Paragraph((Text(name, Marks.BOLD.value),)), *message.body)


def _with_files(
    files: Sequence[File],
    parts: Sequence[Rendered],
    writer: ZulipWriter,
    directory: Directory,
    limits: Limits,
    room: int,
) -> list[tuple[str, str, tuple[File, ...]]]:
    """Source, words and files of each post: a post per part of the text; files stand under the last one as far as they
    fit, then in posts of their own."""
    posts: list[tuple[str, str, tuple[File, ...]]] = [(part.source, part.plain, ()) for part in parts]
    taken = parts[-1].size if parts else 0  # by sizes that hang on no id: plan and run must agree on the posts
    for file in files:
        line = _file_line(file, limits)
        shown, more = writer.write(line, directory), writer.size(line, directory) + 2
        if posts and (not room or taken + more + 200 <= room):
            source, words, above = posts[-1]
            posts[-1] = (f"{source}\n\n{shown.source}", f"{words}\n{shown.plain}", (*above, file))
            taken += more
        else:
            posts.append((shown.source, shown.plain, (file,)))
            taken = more
    return posts


def _draft(number: int, source: str, words: str, files: tuple[File, ...], topic: str) -> Draft:
    """One of a message's posts, counted from 1. `topic` is the first one's."""
    if number > 1:
        topic = ""
    seen = (source.replace("\u200b", ""), topic != "", [file.id for file in files] if files else ())
    return Draft("" if number == 1 else str(number), Content(source, topic), words, seen, files)


def _file_line(file: File, limits: Limits) -> tuple[Block, ...]:
    name = " ".join(file.name.split()) or file.id
    if _comes(file, limits):
        return (Paragraph((Link(FILE + file.id, (Text(name),)),)),)
    if file.mode is FileMode.EXTERNAL and linkable(file.link):
        return (Paragraph((Link(file.link, (Text(name),)),)),)
    if isinstance(file.data, Local):
        why = "larger than this server takes"
    else:
        why = getattr(file.data, "reason", "its bytes are not in the export")
    size = f", {file.size:,} bytes" if file.size else ""
    return (Paragraph((Text(f"(file {name}{size}, {file.id}: {why})"),)),)


def _comes(file: File, limits: Limits) -> bool:
    return isinstance(file.data, Local) and not (limits.file and file.data.size > limits.file)


class LiveWriter(ZulipWriter):
    """Points at what the directory knows the ids of, and at user groups by their names, silently."""

    def __init__(self, directory: Directory, group: Callable[[GroupId], str | None] | None = None) -> None:
        super().__init__(channel=self._address, post=self._place)
        self.directory, self._name_of = directory, group

    def group(self, node: GroupMention, job: Job) -> str | None:
        name = self._name_of(node.group) if self._name_of is not None else None
        return f"@_*{name}*" if name else None

    def _address(self, conversation: ConversationId) -> str | None:
        remote = self.directory.remote_conversation(conversation)
        return f"/#narrow/channel/{remote}" if remote and remote.isdigit() else None

    def _place(self, conversation: ConversationId, ts: Ts) -> str | None:
        place, remote = self.directory.remote_conversation(conversation), self.directory.remote_post(conversation, ts)
        if not place or not remote:
            return None
        return f"/#narrow/channel/{place}/near/{remote}" if place.isdigit() else f"/#narrow/near/{remote}"
