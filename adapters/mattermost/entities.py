"""The lines that come before posts: emoji, team, channels, people, bots, direct channels. What is there gets none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from msgspec import Raw, Struct

from migrator.adapters.base import Directory, Source
from migrator.adapters.mattermost import images, lines
from migrator.adapters.mattermost.book import Book, Person, Room, bot_note
from migrator.adapters.mattermost.compose import writer_for
from migrator.adapters.mattermost.emoji import is_name
from migrator.adapters.mattermost.names import cut
from migrator.adapters.mattermost.posts import Totals
from migrator.errors import SkipItem
from migrator.model import Bytes, Conversation, ConversationId, CustomEmoji, File, Local, Role
from migrator.plain import plain

__all__ = ["BOT_OWNER", "Head", "Picture"]

LONGEST_HEADER = 1024  # characters of a channel's header
BOT_OWNER = "slack-import"  # nobody's name on purpose: an owner who exists gets a message about every bot
_LOCALES = {
    "bg", "ca", "cs", "de", "en", "en-AU", "es", "fa", "fr", "hi", "hu", "it", "ja", "ka", "kk", "ko", "lt", "nl", "pl",
    "pt-BR", "ro", "ru", "sv", "tr", "uk", "vi", "zh-CN", "zh-TW",
}  # fmt: skip


class Picture(Struct, frozen=True):
    """An image to go into the zip, below data/."""

    path: str
    data: bytes


class Head:
    """Writes all lines; pictures and what to tell the admin are collected on the way."""

    def __init__(
        self, source: Source, book: Book, directory: Directory, totals: Mapping[ConversationId, Totals]
    ) -> None:
        self.source, self.book, self.directory, self.totals = source, book, directory, totals
        self.pictures: list[Picture] = []
        self.advice: list[str] = []
        self.latest = max((some.last for some in totals.values()), default=0) + 1
        self._memberships = self._invert()
        self._writer = writer_for(book)

    def run(self) -> Iterator[bytes]:
        """Types in the order of their dependence, each contiguous: a change of type makes the server wait."""
        yield from self._emoji()
        if not self.book.present.team:
            name = cut(self.book.workspace.name, 64) or self.book.team
            yield lines.line("team", lines.Team(self.book.team, name, "I"))
        for room in self.book.rooms.values():
            if not room.direct and not room.there:
                yield lines.line("channel", self._channel(room))
        newcomers = [person for person in self.book.people.values() if not person.there]
        for person in newcomers:
            if not person.user.is_bot:
                yield lines.line("user", self._user(person))
        for person in newcomers:
            if person.user.is_bot:
                yield lines.line("bot", self._bot(person))
        yield from self._direct_channels()
        if guests := sum(p.user.role in (Role.GUEST, Role.SINGLE_GUEST) and p.active for p in newcomers):
            self.advice.append(f"{guests} guests of Slack become ordinary members: guest accounts need a licence")

    # ── channels ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _channel(self, room: Room) -> lines.Channel:
        conversation = room.conversation
        last = self._total(room).last
        return lines.Channel(
            team=self.book.team,
            name=room.name,
            display_name=cut(conversation.name, 64) or room.name,
            type="P" if room.private else "O",
            header=self._header(conversation),
            purpose=cut(plain(conversation.purpose.body, self.directory), 250),
            deleted_at=(last or conversation.created * 1000 or 1) + 1 if conversation.archived else 0,
        )

    def _direct_channels(self) -> Iterator[bytes]:
        places: dict[str, list[Room]] = {}
        for room in self.book.rooms.values():
            if room.direct and not room.there:
                places.setdefault(room.place, []).append(room)
        for rooms in places.values():
            some = [self._total(room) for room in rooms]
            counts = sum(t.messages for t in some), sum(t.roots for t in some), max(t.last for t in some)
            header = self._header(rooms[0].conversation)
            people = tuple(lines.Participant(name, *counts) for name in rooms[0].members)
            yield lines.line("direct_channel", lines.DirectChannel(rooms[0].members, people, header))

    def _header(self, conversation: Conversation) -> str:
        """The topic, which clients show as Markdown; only its words where that is too long."""
        topic = conversation.topic.body
        text = self._writer.write(topic, self.directory).source
        return text if len(text) <= LONGEST_HEADER else cut(plain(topic, self.directory), LONGEST_HEADER)

    def _total(self, room: Room) -> Totals:
        return self.totals.get(room.conversation.id) or Totals()

    # ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _invert(self) -> dict[str, list[Raw]]:
        """Everybody's channel memberships, by username. A large company has hundreds of thousands."""
        found: defaultdict[str, list[Raw]] = defaultdict(list)
        for room in self.book.rooms.values():
            if room.direct:
                continue
            total = self._total(room)
            counts = total.messages, total.roots, total.last
            membership = Raw(lines.encode(lines.ChannelMembership(room.name, "channel_user", *counts)))
            for name in self.book.usernames(room.conversation.members):
                found[name].append(membership)
        return found

    def _user(self, person: Person) -> lines.User:
        user = person.user
        first, _, last = user.full_name.strip().partition(" ")
        channels = tuple(self._memberships.get(person.username, ()))
        roles = "team_user team_admin" if user.role in (Role.OWNER, Role.ADMIN) and person.active else "team_user"
        teams = (lines.TeamMembership(self.book.team, roles, channels),) if channels or not user.reason else ()
        status = user.profile.status_text or user.profile.status_emoji
        return lines.User(
            username=person.username,
            email=person.email,
            nickname=cut(user.name, 64),
            first_name=cut(first, 64),
            last_name=cut(last, 64),
            position=cut(user.profile.title, 128),
            locale=_locale(user.locale),
            delete_at=0 if person.active else self.latest,
            profile_image=self._avatar(person),
            custom_status=self._status(user.profile.status_emoji, user.profile.status_text) if status else None,
            teams=teams,
        )

    def _status(self, emoji: str, text: str) -> lines.CustomStatus:
        name = emoji.strip(":").partition("::")[0]
        known = self.book.emoji.get(name) or (name if is_name(name) else "speech_balloon")
        return lines.CustomStatus(known, cut(text, 100))

    def _bot(self, person: Person) -> lines.Bot:
        name = cut(person.user.name, 64)
        return lines.Bot(person.username, BOT_OWNER, name, bot_note(person.user), self._avatar(person))

    def _avatar(self, person: Person) -> str:
        made = images.avatar(data) if (data := self._read(person.user.avatar, person.user.id)) else None
        return self._put(f"avatars/{person.username}.{made[1]}", made[0]) if made else ""

    # ── emoji ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _emoji(self) -> Iterator[bytes]:
        unreadable = 0
        for emoji in self.book.workspace.emoji.values():
            name = self.book.emoji[emoji.name]
            data = self._read(self._image(emoji), emoji.name)
            if not data or name in self.book.present.emoji:
                continue
            made = images.emoji(data)
            if made is None:
                unreadable += 1
                continue
            yield lines.line("emoji", lines.Emoji(name, self._put(f"emoji/{name}.{made[1]}", made[0])))
        if unreadable:
            self.advice.append(f"{unreadable} emoji images are damaged and were left out")

    def _image(self, emoji: CustomEmoji) -> Bytes | None:
        """Its own image, or that of the emoji it is another name for."""
        seen: set[str] = set()
        while emoji.alias_of and emoji.alias_of not in seen:
            seen.add(emoji.alias_of)
            target = self.book.workspace.emoji.get(emoji.alias_of)
            if target is None:
                return None
            emoji = target
        return emoji.image

    # ── pictures ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, data: Bytes | None, name: str) -> bytes:
        if not isinstance(data, Local):
            return b""
        try:
            with self.source.open(File(name, name, data=data)) as body:
                return body.read()
        except SkipItem:
            return b""

    def _put(self, path: str, data: bytes) -> str:
        self.pictures.append(Picture(path, data))
        return path


def _locale(text: str) -> str:
    for name in (text.replace("_", "-"), text[:2].lower()):
        if name in _LOCALES:
            return name
    return ""
