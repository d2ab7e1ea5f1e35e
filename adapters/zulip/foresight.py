"""What the admin should know before anything is written: who and what is there already, and which names change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from migrator.adapters.zulip.accounts import Accounts
from migrator.adapters.zulip.names import full_name
from migrator.adapters.zulip.places import Places
from migrator.model import Conversation, ConversationKind, User

__all__ = ["foreseen", "renamed"]

SHOWN = 5  # examples in a sentence


def foreseen(
    users: Iterable[User], conversations: Iterable[Conversation], accounts: Accounts, places: Places
) -> Iterator[str]:
    """A sentence each. `users` and `conversations` are those that no earlier run brought."""
    matched, made, joined, channels = 0, [], [], []
    for user in users:
        if accounts.matching(user) is not None:
            matched += 1
        else:
            made.append((user.name, full_name(user)))
    for conversation in conversations:
        if conversation.kind in (ConversationKind.DIRECT, ConversationKind.GROUP):
            continue
        name, there = places.foresee(conversation)
        if there is not None:
            joined.append(there.name)
        elif conversation.name:
            channels.append((conversation.name, name))
    if matched:
        yield f"{matched} of the people have accounts here already, by their addresses: these stay as they are"
    if joined:
        yield f"channels of the same name are here already, and take the messages: {_some(joined)}"
    yield from renamed("channels", channels)
    yield from renamed("people", made)


def renamed(what: str, names: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence about those whose name has to change; `names` are old and new ones."""
    changed = [f"{old[:80]!r} becomes {new!r}" for old, new in names if " ".join(old.split()) != new]
    if changed:
        yield f"{what} whose names Zulip does not take, or that others have: {_some(changed)}"


def _some(things: Sequence[str]) -> str:
    more = len(things) - SHOWN
    return ", ".join(things[:SHOWN]) + (f" and {more} more" if more > 0 else "")
