"""What a message holds, counted on the model's side: the other half of the conservation law.

The reader counts the raw records; the plan counts what became of them with this. Both must come to the same sums.
Most messages of a conversation hold the same things: so a message is told by one hashable `Signature`, which is counted
like a word and spelled out as features only once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from migrator.ledger import Feature
from migrator.model import Message, MessageKind

__all__ = ["Signature", "features", "features_of", "signature"]

# kind; whether a reply, a reply sent to the channel too, edited; how many earlier texts, reactions of named people,
# reactions of others, files; whether it has an author's name or icon of its own
Signature: TypeAlias = tuple[MessageKind, bool, bool, bool, int, int, int, int, bool]
_OF_KIND = {
    MessageKind.EVENT: Feature.EVENT,
    MessageKind.EMOTE: Feature.EMOTE,
    MessageKind.DELETED: Feature.TOMBSTONE,
}


def signature(message: Message) -> Signature:
    """Everything of a message but its text."""
    named = rest = 0
    for reaction in message.reactions:
        named += len(reaction.users)
        rest += reaction.count - len(reaction.users)
    author = message.author
    return (
        message.kind,
        message.thread != "",
        message.broadcast,
        message.edited is not None,
        len(message.revisions),
        named,
        rest,
        len(message.files),
        author.name != "" or author.icon != "",
    )


def features_of(signature: Signature) -> Iterator[tuple[Feature, int]]:
    """A signature spelled out; nothing for a placeholder, which nobody found."""
    kind, reply, broadcast, edited, revisions, named, rest, files, renamed = signature
    if kind is MessageKind.PLACEHOLDER:
        return
    yield Feature.MESSAGE, 1
    if kind in _OF_KIND:
        yield _OF_KIND[kind], 1
    if reply:
        yield Feature.REPLY, 1
        if broadcast:
            yield Feature.BROADCAST, 1
    if edited:
        yield Feature.EDIT, 1
    if revisions:
        yield Feature.REVISION, revisions
    if named:
        yield Feature.REACTION, named
    if rest > 0:
        yield Feature.REACTION_REST, rest
    if files:
        yield Feature.FILE, files
    if renamed:
        yield Feature.AUTHOR_NAME, 1


def features(message: Message) -> Iterator[tuple[Feature, int]]:
    """The features of one message but those of its text."""
    return features_of(signature(message))
