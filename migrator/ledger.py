"""The conservation law: for every feature, found = lossless + approximated + dropped + skipped + quarantined.

`found` is counted where the export is read, fates where it is decided what becomes of a thing; the two never share a
counter, so that a forgotten case shows. `balance()` raises when they disagree: that is a bug of ours, never a warning.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from msgspec import Struct, field

from migrator.errors import BalanceError
from migrator.model import Loc

SAMPLES = 5  # places kept per line of the ledger


class Feature(StrEnum):
    """Everything that can be lost. The value is what users read in tables and reports."""

    # records and what hangs on them
    MESSAGE = "messages"  # message records, each once per place where it stands
    EVENT = "system notices"
    EMOTE = "/me messages"
    REPLY = "thread replies"
    BROADCAST = "replies also sent to the channel"
    TOMBSTONE = "deleted thread roots"
    EDIT = "edit marks"
    REVISION = "earlier texts of edited messages"
    REACTION = "reactions"  # one per person and emoji
    REACTION_REST = "reactions beyond those Slack names"
    FILE = "files"  # one per attachment to a message
    PIN = "pins"
    AUTHOR_NAME = "names and icons of single bot messages"
    # entities
    USER = "people"
    BOT = "bots"
    STRANGER = "people of other workspaces"
    DEACTIVATED = "deactivated accounts"
    AVATAR = "avatars"
    PROFILE = "profile details"
    PUBLIC = "public channels"
    PRIVATE = "private channels"
    GROUP = "group direct messages"
    DIRECT = "direct messages"
    ARCHIVED = "archived channels"
    MEMBERSHIP = "memberships"
    TOPIC = "topics"
    PURPOSE = "purposes"
    USER_GROUP = "user groups"
    CUSTOM_EMOJI = "custom emoji images"
    # text
    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strikethrough"
    INLINE_CODE = "inline code"
    UNDERLINE = "underline"
    HIGHLIGHT = "highlight"
    LINK = "links"
    USER_MENTION = "mentions of people"
    CONVERSATION_MENTION = "mentions of channels"
    GROUP_MENTION = "mentions of user groups"
    BROADCAST_MENTION = "@here, @channel and @everyone"
    EMOJI = "emoji"
    EMOJI_CUSTOM = "custom emoji in text"
    DATE = "dates in the reader's zone"
    COLOR = "colour swatches"
    MESSAGE_LINK = "links to messages"
    HEADING = "headings"
    LIST = "lists"
    QUOTE = "quotes"
    CODE = "code blocks"
    DIVIDER = "dividers"
    TABLE = "tables"
    FIELDS = "field columns"
    PICTURE = "linked pictures"
    CARD = "cards of apps"
    PREVIEW = "link previews"
    QUOTED_MESSAGE = "quoted messages"
    UNKNOWN = "content of an unknown kind"
    LONG_TEXT = "texts beyond the target's limit"


class Fate(StrEnum):
    """What became of a thing.

    APPROXIMATED: it arrives, but not exactly. DROPPED: the target cannot hold it. SKIPPED: on purpose (an option; the
    same record met twice). QUARANTINED: the record is damaged and was set aside.
    """

    LOSSLESS = "lossless"
    APPROXIMATED = "approximated"
    DROPPED = "dropped"
    SKIPPED = "skipped"
    QUARANTINED = "quarantined"


class Loss(Struct, frozen=True, array_like=True):
    """A single fate that is not lossless, as a writer or adapter returns it; `note` says how or why in a few words."""

    feature: Feature
    fate: Fate
    note: str
    count: int = 1


class Line(Struct, frozen=True):
    """One line of a ledger as it is written into reports."""

    feature: Feature
    fate: Fate
    note: str
    count: int
    samples: tuple[Loc, ...] = ()


class Quarantined(Struct, frozen=True):
    """A record set aside: where it stands and why. Never its content."""

    at: Loc
    reason: str


class Ledger(Struct):
    """Counters that add up (`+=` merges ledgers of parallel workers)."""

    found: Counter[Feature] = field(default_factory=Counter)
    fates: Counter[tuple[Feature, Fate, str]] = field(default_factory=Counter)
    samples: dict[tuple[Feature, Fate, str], list[Loc]] = field(default_factory=dict)

    def find(self, feature: Feature, count: int = 1) -> None:
        if count:
            self.found[feature] += count

    def settle(self, feature: Feature, fate: Fate, count: int = 1, *, note: str = "", at: Loc | None = None) -> None:
        if not count:
            return
        self.fates[feature, fate, note] += count
        if at is not None and fate is not Fate.LOSSLESS:
            self.sample(feature, fate, note, at)

    def sample(self, feature: Feature, fate: Fate, note: str, at: Loc) -> None:
        """Remember a place where to look, if there are not enough yet."""
        places = self.samples.setdefault((feature, fate, note), [])
        if len(places) < SAMPLES:
            places.append(at)

    def __iadd__(self, other: Ledger) -> Ledger:
        self.found.update(other.found)
        self.fates.update(other.fates)
        for key, places in other.samples.items():
            mine = self.samples.setdefault(key, [])
            mine.extend(places[: SAMPLES - len(mine)])
        return self

    def total(self, feature: Feature, fate: Fate) -> int:
        return sum(n for (f, t, _), n in self.fates.items() if f is feature and t is fate)

    def lines(self) -> list[Line]:
        """All fates in the order of the enums, so that equal ledgers print equally."""
        features, fates = list(Feature), list(Fate)
        keys = sorted(self.fates, key=lambda k: (features.index(k[0]), fates.index(k[1]), k[2]))
        return [Line(*key, self.fates[key], tuple(self.samples.get(key, ()))) for key in keys]

    def imbalance(self) -> dict[Feature, tuple[int, int]]:
        """Features whose found differs from the sum of their fates: (found, settled). Empty when the law holds."""
        settled: Counter[Feature] = Counter()
        for (feature, _, _), count in self.fates.items():
            settled[feature] += count
        return {f: (self.found[f], settled[f]) for f in Feature if self.found[f] != settled[f]}

    def balance(self) -> None:
        """Hold the law. Raises BalanceError (exit 70) that names each feature with both numbers."""
        if wrong := self.imbalance():
            text = "; ".join(f"{f.value}: found {a}, accounted for {b}" for f, (a, b) in wrong.items())
            raise BalanceError(
                f"the ledger does not balance: {text}",
                hint="this is our bug: please report it with the output of `slack-migrator inspect EXPORT --json`",
            )
