"""What a message holds, counted on the model's side: the other half of the conservation law.

The reader counts the raw records; the plan counts what became of them with this. Both must come to the same sums.
"""

from __future__ import annotations

from migrator.ledger import Feature
from migrator.model import Message, MessageKind

__all__ = ["features"]

_TEXT, _PLACEHOLDER = MessageKind.TEXT, MessageKind.PLACEHOLDER  # by name at once: members of enums are slow to find
_MESSAGE, _REPLY, _BROADCAST, _EDIT, _AUTHOR_NAME = (
    (feature, 1) for feature in (Feature.MESSAGE, Feature.REPLY, Feature.BROADCAST, Feature.EDIT, Feature.AUTHOR_NAME)
)
_OF_KIND = {
    MessageKind.EVENT: (Feature.EVENT, 1),
    MessageKind.EMOTE: (Feature.EMOTE, 1),
    MessageKind.DELETED: (Feature.TOMBSTONE, 1),
}


def features(message: Message) -> tuple[tuple[Feature, int], ...]:
    """Everything of a message but its text; nothing of a placeholder, which nobody found.

    Most messages hold the same, and those give equal tuples: they can be counted like words.
    """
    kind = message.kind
    if kind is _PLACEHOLDER:
        return ()
    found = [_MESSAGE]
    if kind is not _TEXT:
        found.append(_OF_KIND[kind])
    if message.thread:
        found.append(_REPLY)
        if message.broadcast:
            found.append(_BROADCAST)
    if message.edited is not None:
        found.append(_EDIT)
    if message.revisions:
        found.append((Feature.REVISION, len(message.revisions)))
    if message.reactions:
        named = rest = 0
        for reaction in message.reactions:
            people = len(reaction.users)
            named += people
            rest += reaction.count - people
        if named:
            found.append((Feature.REACTION, named))
        if rest > 0:
            found.append((Feature.REACTION_REST, rest))
    if message.files:
        found.append((Feature.FILE, len(message.files)))
    author = message.author
    if author.name or author.icon:
        found.append(_AUTHOR_NAME)
    return tuple(found)
