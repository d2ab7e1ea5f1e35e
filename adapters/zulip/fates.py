"""What both routes do to every feature. The plan prints it, and the conformance suite and verify hold it."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.adapters.base import Limits, Route, Support
from migrator.ledger import Fate, Feature

__all__ = ["ARCHIVE", "LIVE"]

_LOSSLESS = Support(Fate.LOSSLESS)


def _almost(how: str) -> Support:
    return Support(Fate.APPROXIMATED, how)


def _no(why: str) -> Support:
    return Support(Fate.DROPPED, why)


_FATES: Mapping[Feature, Support] = dict.fromkeys(Feature, _LOSSLESS) | {
    Feature.EVENT: _almost("as words of whoever did it"),
    Feature.BROADCAST: _almost("a copy in the main topic"),
    Feature.TOMBSTONE: _almost("as a line of words"),
    Feature.EDIT: _no("Zulip marks only what is edited there"),
    Feature.REVISION: _no("the API keeps the history of edits made there only"),
    Feature.REACTION_REST: _no("the export does not name these people"),
    Feature.PIN: _almost("as a star of whoever pinned it"),
    Feature.AUTHOR_NAME: _almost("the name as a bold first line"),
    Feature.STRANGER: _almost("as deactivated guest accounts"),
    Feature.BOT: _almost("as accounts of people"),
    Feature.AVATAR: _almost("of accounts that the move makes; who has one already keeps the picture there"),
    Feature.PROFILE: _almost("as custom fields of 50 characters; status is left out"),
    Feature.PURPOSE: _almost("in the channel's description, without formatting"),
    Feature.TOPIC: _almost("in the channel's description, without formatting"),
    Feature.UNDERLINE: _almost("as plain text"),
    Feature.HIGHLIGHT: _almost("as plain text"),
    Feature.BROADCAST_MENTION: _almost("word as text"),
    Feature.DATE: _almost("as it was written"),
    Feature.COLOR: _almost("value without a swatch"),
    Feature.FIELDS: _almost("one below the other"),
    Feature.PICTURE: _almost("as a link"),
    Feature.CARD: _almost("as a quote"),
    Feature.PREVIEW: _almost("as a quote"),
    Feature.QUOTED_MESSAGE: _almost("as a quote"),
    Feature.UNKNOWN: _almost("as text"),
    Feature.LONG_TEXT: _almost("in several posts"),
}

LIVE = Route(
    "live",
    _FATES,
    needs=(
        "the API key of an administrator",
        "can_forge_sender and can_create_users, given by manage.py",
        "JWT_AUTH_KEYS, for reactions and direct messages of people who have accounts already",
    ),
    rate=40.0,
)

_ARCHIVE: Mapping[Feature, Support] = {**_FATES} | {
    Feature.EDIT: _LOSSLESS,
    Feature.REVISION: _almost("in the message's history, without the formatting of its view"),
    Feature.STRANGER: _almost("as accounts that nobody can enter"),
    Feature.BOT: _LOSSLESS,
    Feature.AVATAR: _LOSSLESS,
    Feature.GROUP_MENTION: _almost("name as text"),
    Feature.PROFILE: _almost("as custom fields of 50 characters; a status without its emoji"),
    Feature.USER_GROUP: _no("an import makes the server's own groups only; the live route adds them afterwards"),
    Feature.MESSAGE_LINK: _almost("to the message where sequences were given, else to Slack"),
}

ARCHIVE = Route(
    "archive",
    _ARCHIVE,
    needs=(
        "a shell on the Zulip host, to run manage.py import",
        "a free subdomain: the import makes a new organisation",
        "the last values of three sequences, for exact ids in mentions and links",
    ),
    rate=1000.0,
    by_hand=Limits(),
)
