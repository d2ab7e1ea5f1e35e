"""What a message holds, counted on the model's side: the other half of the conservation law.

The reader counts the raw records; the plan counts what became of them with this. Both must come to the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.ledger import Feature
from migrator.model import Message, MessageKind

__all__ = ["features"]


def features(message: Message) -> Iterator[tuple[Feature, int]]:
    """Everything of a message but its text; nothing for a placeholder, which nobody found."""
    if message.kind is MessageKind.PLACEHOLDER:
        return
    yield Feature.MESSAGE, 1
    if message.kind is MessageKind.EVENT:
        yield Feature.EVENT, 1
    elif message.kind is MessageKind.EMOTE:
        yield Feature.EMOTE, 1
    elif message.kind is MessageKind.DELETED:
        yield Feature.TOMBSTONE, 1
    if message.thread:
        yield Feature.REPLY, 1
        if message.broadcast:
            yield Feature.BROADCAST, 1
    if message.edited is not None:
        yield Feature.EDIT, 1
    if message.revisions:
        yield Feature.REVISION, len(message.revisions)
    if message.reactions:
        named = sum(len(reaction.users) for reaction in message.reactions)
        rest = sum(reaction.count for reaction in message.reactions) - named
        if named:
            yield Feature.REACTION, named
        if rest > 0:
            yield Feature.REACTION_REST, rest
    if message.files:
        yield Feature.FILE, len(message.files)
    if message.author.name or message.author.icon:
        yield Feature.AUTHOR_NAME, 1
