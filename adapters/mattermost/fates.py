"""What becomes of everything on the two ways in: "import" drives the bulk import over REST, "file" leaves the upload to
the admin. The sources of each line: facts/mattermost.md 4.2, 4.5 and 10.3."""

from __future__ import annotations

from collections.abc import Mapping

from migrator.adapters.base import Route, Support
from migrator.ledger import Fate, Feature

__all__ = ["FILE", "IMPORT"]

_APPROXIMATED: Mapping[Feature, str] = {
    Feature.BROADCAST: "a reply, and a copy of it in the channel",
    Feature.TOMBSTONE: "a placeholder",
    Feature.EDIT: "marked as edited at its time, not by whom",
    Feature.AUTHOR_NAME: "shown where the server allows names and icons of single posts",
    Feature.PROFILE: "title and status; the rest has no place",
    Feature.USER_GROUP: "only their names, where they are mentioned",
    Feature.EVENT: "a system message with the same words",
    Feature.GROUP: "a group message for 3 to 8 people, else a private channel",
    Feature.STRANGER: "a deactivated account of their own",
    Feature.UNDERLINE: "as plain text",
    Feature.HIGHLIGHT: "as plain text",
    Feature.GROUP_MENTION: "as text",
    Feature.MESSAGE_LINK: "leads back to the source",
    Feature.DATE: "as text",
    Feature.COLOR: "as text",
    Feature.FIELDS: "one below the other",
    Feature.CARD: "as a quote",
    Feature.PREVIEW: "as a quote",
    Feature.QUOTED_MESSAGE: "as a quote",
    Feature.UNKNOWN: "as text",
    Feature.LONG_TEXT: "in several posts",
}
_DROPPED: Mapping[Feature, str] = {
    Feature.REVISION: "the import format has no earlier texts",
    Feature.REACTION_REST: "nobody knows whose they were",
}


def _fates(**more: Support) -> dict[Feature, Support]:
    fates = {feature: Support(Fate.LOSSLESS) for feature in Feature}
    fates |= {feature: Support(Fate.APPROXIMATED, how) for feature, how in _APPROXIMATED.items()}
    fates |= {feature: Support(Fate.DROPPED, why) for feature, why in _DROPPED.items()}
    return fates | {Feature[name]: support for name, support in more.items()}


IMPORT = Route(
    "import",
    _fates(),
    needs=(
        "a personal access token of a system admin",
        "TeamSettings.MaxUsersPerTeam not below the number of people",
        "FileSettings.MaxFileSize not below the largest file",
    ),
    rate=1_900.0,  # facts/mattermost.md 10.4: the server's own import rate
)
FILE = Route(
    "file",
    _fates(BOT=Support(Fate.APPROXIMATED, "those switched off in Slack stay switched on: the import cannot tell")),
    needs=("somebody who runs mmctl import on the server",),
)
