"""What becomes of each feature on the live route, and why."""

from __future__ import annotations

from migrator.adapters.base import Route, Support
from migrator.ledger import Fate, Feature

__all__ = ["LIVE"]

_KEPT = Support(Fate.LOSSLESS)


def _nearly(how: str) -> Support:
    return Support(Fate.APPROXIMATED, how)


def _lost(why: str) -> Support:
    return Support(Fate.DROPPED, why)


_FATES = {
    Feature.EVENT: _nearly(
        "a notice in its author's name; members, names and topics are set once, to their last state"
    ),
    Feature.BROADCAST: _nearly("once in the thread and once more in the room"),
    Feature.TOMBSTONE: _nearly("a notice in its place"),
    Feature.REVISION: _lost("only the last text is sent"),
    Feature.REACTION_REST: _lost("the export does not say who"),
    Feature.AUTHOR_NAME: _nearly("name before the text and as a profile; no icon"),
    Feature.STRANGER: _nearly("an account of this server, marked in nothing but its name"),
    Feature.DEACTIVATED: _nearly("an account that nobody can log in to"),
    Feature.PROFILE: _lost("a Matrix profile holds a name and a picture"),
    Feature.GROUP: _nearly("a private room of its members, without a name"),
    Feature.ARCHIVED: _nearly("a room in which only administrators can write"),
    Feature.PURPOSE: _nearly("below the topic"),
    Feature.USER_GROUP: _lost("Matrix has no groups of people"),
    Feature.CUSTOM_EMOJI: _lost("shown as :name:"),
    Feature.GROUP_MENTION: _nearly("name as text"),
    Feature.BROADCAST_MENTION: _nearly("word as text"),
    Feature.EMOJI_CUSTOM: _nearly("name as text"),
    Feature.DATE: _nearly("as it was written"),
    Feature.FIELDS: _nearly("one below the other"),
    Feature.CARD: _nearly("as a quote"),
    Feature.PREVIEW: _nearly("as a quote"),
    Feature.QUOTED_MESSAGE: _nearly("as a quote"),
    Feature.PICTURE: _nearly("as a link"),
    Feature.UNKNOWN: _nearly("as text"),
    Feature.LONG_TEXT: _nearly("in several posts"),
}

LIVE = Route(
    "live",
    {feature: _FATES.get(feature, _KEPT) for feature in Feature},
    needs=(
        "an application service registered with the homeserver (slack-migrator matrix registration)",
        "rate_limited: false in that registration, which is what the command writes",
    ),
    rate=75.0,
)
