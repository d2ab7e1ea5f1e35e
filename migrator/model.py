"""The neutral schema: what a workspace is, whatever it was exported from and wherever it goes.

Read it from top to bottom: identity and place, people, conversations, files, messages, rich text. Everything is a
frozen struct; nothing here knows Slack's JSON or any target. What messages are made of is left to reference counting
(`gc=False`): values cannot hold one another in a circle. Rules that hold everywhere:

- Ids are the source's own, verbatim. `ts` is text ("1613999999.000200"), never a float: it is a message's identity and
  its order within its conversation; `micros()` derives the time.
- Times without a suffix are whole seconds since the epoch, UTC, 0 where unknown.
- A thing that was not listed in the export but is needed (a mentioned stranger, the missing root of a thread) is made
  up with a `reason`, so that it can be counted and told apart.
- Rich text is a tree of blocks whose leaves carry the marks (bold, code …), as runs; writers merge runs as they need.
  `Text` never holds a line break (that is `Break`); `Code.text` holds them verbatim. What has no node is `UnknownBlock`
  or `UnknownInline` with a readable fallback: counted and shown, never a crash, never a hole.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag, StrEnum
from typing import TypeAlias

from msgspec import Struct

# ── identity and place ──────────────────────────────────────────────────────────────────────────────────────────────

UserId: TypeAlias = (
    str  # "U024BE7LH", "W…", "B…" for a bot without a user, "name:Deploy Bot" for a bot with only a name
)
ConversationId: TypeAlias = str  # "C024BE91L", "G…", "D…"; the folder name where a conversation is not listed anywhere
FileId: TypeAlias = str
GroupId: TypeAlias = str
Ts: TypeAlias = str  # "1613999999.000200"


class Loc(Struct, frozen=True, array_like=True, gc=False):
    """Where something stands in the export: member of the archive and index in its list (-1: the member as a whole)."""

    member: str
    index: int = -1

    def __str__(self) -> str:
        return self.member if self.index < 0 else f"{self.member}[{self.index}]"


class MessageKey(Struct, frozen=True, array_like=True):
    """The identity of a message: `ts` is unique within its conversation only."""

    conversation: ConversationId
    ts: Ts

    def __str__(self) -> str:
        return f"{self.conversation}/{self.ts}"


def micros(ts: Ts) -> int:
    """Microseconds since the epoch of a `ts`, exactly. ValueError where it is not "digits[.digits]"."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6] or 0)


# ── bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Local(Struct, frozen=True, tag=True):
    """The bytes lie in the export."""

    member: str
    size: int


class Remote(Struct, frozen=True, tag=True):
    """The bytes can perhaps be fetched. `url` may hold an access token: it is a secret, shown nowhere."""

    url: str

    def __repr__(self) -> str:
        return "Remote(<redacted>)"


class Missing(Struct, frozen=True, tag=True):
    """The bytes cannot be had; `reason` is a short phrase for reports ("deleted", "beyond the free plan's limit")."""

    reason: str


Bytes: TypeAlias = Local | Remote | Missing

# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Role(StrEnum):
    """What a person was allowed to do. `STRANGER` is somebody of another workspace (Slack Connect)."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"
    SINGLE_GUEST = "single-channel guest"
    STRANGER = "stranger"
    BOT = "bot"


class Profile(Struct, frozen=True, omit_defaults=True):
    """What people say about themselves. `fields` maps a custom field's id or label to its text."""

    title: str = ""
    phone: str = ""
    pronouns: str = ""
    skype: str = ""
    start_date: str = ""
    status_text: str = ""
    status_emoji: str = ""
    fields: Mapping[str, str] = {}


class User(Struct, frozen=True, omit_defaults=True):
    """A person or a bot.

    `handle` is the login name (unique in an export); `name` is what others see (display name, else full name, else
    handle; it may repeat). `bot_ids` are further ids under which this user posts (B…). `reason` is "" where the export
    lists the user, else why it was made up: "profile", "label", "bot", "mention", "reaction", "member", "author".
    """

    id: UserId
    handle: str
    name: str
    full_name: str = ""
    email: str = ""
    role: Role = Role.MEMBER
    active: bool = True
    team: str = ""
    timezone: str = ""
    locale: str = ""
    profile: Profile = Profile()
    avatar: Bytes | None = None
    bot_ids: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_bot(self) -> bool:
        return self.role is Role.BOT


class UserGroup(Struct, frozen=True, omit_defaults=True):
    """A user group (@design-team). Exports know it only from mentions: then `members` is empty."""

    id: GroupId
    handle: str
    name: str = ""
    members: tuple[UserId, ...] = ()


class CustomEmoji(Struct, frozen=True, omit_defaults=True):
    """A workspace's own emoji; `alias_of` names another emoji instead of an image."""

    name: str
    image: Bytes | None = None
    alias_of: str = ""


# ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────────


class ConversationKind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    GROUP = "group"  # several people without a channel (group direct message)
    DIRECT = "direct"  # two people, or one with themself


class Caption(Struct, frozen=True, omit_defaults=True):
    """A topic or a purpose: rich text, who set it, when."""

    body: tuple[Block, ...] = ()
    by: UserId = ""
    at: int = 0


class Pin(Struct, frozen=True, omit_defaults=True):
    """A pinned message (`ts`) or file (`file`)."""

    ts: Ts = ""
    file: FileId = ""
    by: UserId = ""
    at: int = 0


class Conversation(Struct, frozen=True, omit_defaults=True):
    """A place where messages are. `name` is "" for direct messages; `members`: who was there at the export's time.

    `reason` is "" where an index lists the conversation, else why it was made up ("folder": unlisted folder).
    """

    id: ConversationId
    name: str
    kind: ConversationKind
    members: tuple[UserId, ...] = ()
    topic: Caption = Caption()
    purpose: Caption = Caption()
    creator: UserId = ""
    created: int = 0
    archived: bool = False
    general: bool = False  # the one channel everybody is in
    shared: bool = False  # with other workspaces
    pins: tuple[Pin, ...] = ()
    previous_names: tuple[str, ...] = ()
    team: str = ""
    reason: str = ""


class Workspace(Struct, frozen=True):
    """All entities of an export, held in memory. Messages are streamed (`migrator.adapters.base.Source`)."""

    id: str
    name: str
    domain: str
    users: Mapping[UserId, User]
    conversations: Mapping[ConversationId, Conversation]
    groups: Mapping[GroupId, UserGroup]
    emoji: Mapping[str, CustomEmoji]


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class FileMode(StrEnum):
    """What kind of thing a file is. The last three have no bytes and never will."""

    HOSTED = "hosted"
    SNIPPET = "snippet"
    POST = "post"
    CANVAS = "canvas"
    LIST = "list"
    EMAIL = "email"
    EXTERNAL = "external"  # lives elsewhere (a cloud drive): a link only
    DELETED = "deleted"
    OVER_LIMIT = "over limit"
    DENIED = "denied"


class File(Struct, frozen=True, omit_defaults=True):
    """A file as attached to a message. One file may be attached in many places: `id` is its identity.

    `link` is the address to show, without any token. `text` is readable content known without the bytes (e-mail body,
    snippet preview). Sizes in bytes (0: unknown), pixels, milliseconds.
    """

    id: FileId
    name: str
    mode: FileMode = FileMode.HOSTED
    data: Bytes = Missing("not in the export")
    title: str = ""
    mime: str = ""
    size: int = 0
    owner: UserId = ""
    created: int = 0
    link: str = ""
    alt: str = ""
    text: str = ""
    width: int = 0
    height: int = 0
    duration: int = 0
    reshared: bool = False  # the message shows a file that was uploaded elsewhere


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Author(Struct, frozen=True, omit_defaults=True, gc=False):
    """Who wrote a message; `name` and `icon` where this one message overrides them (bots do).

    `icon` is an emoji name (":rocket:") or an image's address.
    """

    user: UserId
    name: str = ""
    icon: str = ""


class MessageKind(StrEnum):
    TEXT = "text"
    EMOTE = "emote"  # /me
    EVENT = "event"  # a notice of the system: see Message.event
    DELETED = "deleted"  # the deleted root of a living thread
    PLACEHOLDER = "placeholder"  # the root of a thread that the export does not hold: made up, not counted as found


class EventKind(StrEnum):
    JOIN = "join"
    LEAVE = "leave"
    TOPIC = "topic"
    PURPOSE = "purpose"
    RENAME = "rename"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    CONVERT = "convert"  # public to private or back
    PIN = "pin"
    UNPIN = "unpin"
    BOT = "bot"  # an app was added, removed, switched on or off
    HUDDLE = "huddle"
    CANVAS = "canvas"
    REMINDER = "reminder"
    OTHER = "other"


class Event(Struct, frozen=True, omit_defaults=True):
    """A notice's meaning, where it has one a target may act on.

    `users`: who joined, left, talked. `value`: new topic, purpose or name ("" = cleared). `target`: ts of the pinned
    message. `seconds`: how long a huddle took.
    """

    kind: EventKind
    users: tuple[UserId, ...] = ()
    value: str = ""
    target: Ts = ""
    seconds: int = 0


class Edit(Struct, frozen=True, omit_defaults=True, gc=False):
    """The last change of a message. `at` is never earlier than the message itself."""

    by: UserId
    at: Ts


class Revision(Struct, frozen=True, omit_defaults=True):
    """An earlier text of a message (only in exports that keep every change). `at`: since when it stood."""

    body: tuple[Block, ...]
    at: Ts


class Reaction(Struct, frozen=True, omit_defaults=True, gc=False):
    """One emoji under a message. `count` may exceed `users`: Slack names only the first 50.

    `name` is the source's own name without the skin tone; `char` the characters to show, skin tone included ("" for
    custom emoji); `tone` 0 or 2..6.
    """

    name: str
    char: str
    users: tuple[UserId, ...]
    count: int
    tone: int = 0


class Message(Struct, frozen=True, omit_defaults=True, gc=False):
    """One message. `thread` is the root's ts in a reply and "" elsewhere, in the root too; `is_root`: has replies.

    `broadcast`: a reply that was also sent to the channel. `source` is the source's own word for an odd kind of
    message, for reports only.
    """

    conversation: ConversationId
    ts: Ts
    at: Loc
    author: Author
    kind: MessageKind = MessageKind.TEXT
    body: tuple[Block, ...] = ()
    thread: Ts = ""
    is_root: bool = False
    broadcast: bool = False
    edited: Edit | None = None
    revisions: tuple[Revision, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    files: tuple[File, ...] = ()
    event: Event | None = None
    source: str = ""

    @property
    def key(self) -> MessageKey:
        return MessageKey(self.conversation, self.ts)


# ── rich text: inlines ──────────────────────────────────────────────────────────────────────────────────────────────


class Marks(IntFlag):
    """How a run of text looks. CODE goes with any other mark, as in Slack."""

    NONE = 0
    BOLD = 1
    ITALIC = 2
    STRIKE = 4
    CODE = 8
    UNDERLINE = 16
    HIGHLIGHT = 32


class _Inline(Struct, frozen=True, tag=True, omit_defaults=True, gc=False):
    """A leaf of the tree. All leaves but `Break` may carry marks."""


class Text(_Inline, frozen=True):
    text: str
    marks: int = 0


class Break(_Inline, frozen=True):
    """A line break within a paragraph."""


class Link(_Inline, frozen=True):
    """`label` is () where the address itself is shown."""

    url: str
    label: tuple[Inline, ...] = ()
    marks: int = 0


class UserMention(_Inline, frozen=True):
    user: UserId
    label: str = ""
    marks: int = 0


class ConversationMention(_Inline, frozen=True):
    conversation: ConversationId
    label: str = ""
    marks: int = 0


class GroupMention(_Inline, frozen=True):
    group: GroupId
    label: str = ""
    marks: int = 0


class Broadcast(_Inline, frozen=True):
    """@here, @channel or @everyone: `range` is one of these words."""

    range: str
    marks: int = 0


class Emoji(_Inline, frozen=True):
    """As in `Reaction`: name without tone, characters with it ("" for custom emoji), tone 0 or 2..6."""

    name: str
    char: str = ""
    tone: int = 0
    marks: int = 0


class Date(_Inline, frozen=True):
    """A moment that clients show in the reader's own zone. `fallback` is the text to show where they cannot."""

    at: int
    format: str
    fallback: str
    url: str = ""
    marks: int = 0


class Color(_Inline, frozen=True):
    """A typed colour, "#aabbcc", which clients show with a swatch."""

    value: str
    marks: int = 0


class MessageLink(_Inline, frozen=True):
    """A permalink to another message of this workspace. `label` is () where the address itself is shown."""

    conversation: ConversationId
    ts: Ts
    url: str
    label: tuple[Inline, ...] = ()
    thread: Ts = ""
    marks: int = 0


class UnknownInline(_Inline, frozen=True):
    """Something the reader has no node for: its own kind and the best text for it ("" if there is none)."""

    kind: str
    fallback: str
    marks: int = 0


Inline: TypeAlias = (
    Text
    | Break
    | Link
    | UserMention
    | ConversationMention
    | GroupMention
    | Broadcast
    | Emoji
    | Date
    | Color
    | MessageLink
    | UnknownInline
)

# ── rich text: blocks ───────────────────────────────────────────────────────────────────────────────────────────────


class _Block(Struct, frozen=True, tag=True, omit_defaults=True, gc=False):
    """A piece of a message that stands on lines of its own."""


class Paragraph(_Block, frozen=True):
    """`small`: fine print (a context line, a footer)."""

    inlines: tuple[Inline, ...]
    small: bool = False


class Heading(_Block, frozen=True):
    level: int
    inlines: tuple[Inline, ...]


class Item(Struct, frozen=True):
    """One item of a list: usually a paragraph, perhaps followed by nested lists."""

    blocks: tuple[Block, ...]


class List(_Block, frozen=True):
    ordered: bool
    items: tuple[Item, ...]
    start: int = 1


class Quote(_Block, frozen=True):
    blocks: tuple[Block, ...]


class Code(_Block, frozen=True):
    """Preformatted text, byte-exact. `language` is "" where unknown."""

    text: str
    language: str = ""


class Divider(_Block, frozen=True):
    """A horizontal rule."""


class Table(_Block, frozen=True):
    """Rows of cells of inlines; the first row is the header. `align` per column: "", "left", "center" or "right"."""

    rows: tuple[tuple[tuple[Inline, ...], ...], ...]
    align: tuple[str, ...] = ()


class Fields(_Block, frozen=True):
    """Short texts side by side, in two columns."""

    cells: tuple[tuple[Inline, ...], ...]


class Picture(_Block, frozen=True):
    """An image that is not one of the message's files: shown by its address."""

    url: str
    alt: str = ""
    title: str = ""


class CardField(Struct, frozen=True, omit_defaults=True):
    title: str
    value: tuple[Block, ...] = ()
    short: bool = False


class Card(_Block, frozen=True):
    """What an app posted beside or instead of a text, or the preview of a link (`preview_of`: its address).

    `color` is "#rrggbb" or "". Reading order: pretext, author, title, body, fields, image, footer.
    """

    title: str = ""
    title_url: str = ""
    author: str = ""
    author_url: str = ""
    pretext: tuple[Block, ...] = ()
    body: tuple[Block, ...] = ()
    fields: tuple[CardField, ...] = ()
    image: Picture | None = None
    footer: str = ""
    at: int = 0
    color: str = ""
    service: str = ""
    preview_of: str = ""


class QuotedMessage(_Block, frozen=True):
    """Another message shown within this one. `conversation` and `ts` are "" where unknown; `url` is its permalink."""

    author: UserId
    author_name: str
    body: tuple[Block, ...]
    conversation: ConversationId = ""
    ts: Ts = ""
    url: str = ""
    files: tuple[File, ...] = ()


class UnknownBlock(_Block, frozen=True):
    """As `UnknownInline`, for a block."""

    kind: str
    fallback: str


Block: TypeAlias = (
    Paragraph | Heading | List | Quote | Code | Divider | Table | Fields | Picture | Card | QuotedMessage | UnknownBlock
)
