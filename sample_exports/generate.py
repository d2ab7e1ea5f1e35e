"""Make an export of invented people, of any size: `python sample_exports/generate.py OUT.zip --messages 100000`.

The layout is Slack's own (corporate export with local uploads, slack-format.md 1.2 and 1.6); the same arguments give
the same bytes. One conversation is held in memory at a time.
"""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click

Json = dict[str, Any]

TEAM = "T0GENERATED"
START = 1_609_459_200  # 2021-01-01 00:00 UTC
A_DAY = 10  # messages of an average conversation on an average day, as in real exports
DAYS = (20, 1500)  # an export covers no less and no more
WEST = 8 * 3600  # days are cut in California; readers must not rely on the file's name, so standard time will do

WORDS = (
    "about after again almost already although always another answer around before behind better between build call "
    "change check clean close copy customer daily deploy design draft early every example feature field figure final "
    "first friday garden green harbour idea invoice kitchen ladder later letter linen list little longer lunch market "
    "measure meeting minute monday morning network never notes number office often order other paper people picture "
    "plan please problem question quick rather ready really reason release report review river room sample server "
    "short simple slow small something sorry still summer table team tested thanks think ticket today together "
    "tomorrow travel tuesday under until update version visit waiting water week window winter without wonder work "
    "writing yesterday größer naïve smörgås 会議 資料 проверка"
).split()
FIRST = "Ada Bo Cleo Dag Edda Finn Gail Hugo Ines Jory Kaya Lars Mira Nils Odette Per Quinn Rosa Sven Tilda Uwe".split()
LAST = "Abel Birch Cole Dorn Elm Fisk Gray Holt Iver Jarl Kemp Lund Moss Nord Oaks Penn Reed Sund Thorn Vale".split()
EMOJI = (("thumbsup", "1f44d"), ("tada", "1f389"), ("eyes", "1f440"), ("heart", "2764-fe0f"), ("rocket", "1f680"))
REACTIONS = ("+1", "tada", "eyes", "heart", "white_check_mark", "party_parrot", "clap::skin-tone-3", "joy")
WHITE_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8ffff3f0005fe02fedccc59e7"
    "0000000049454e44ae426082"
)


class Sink(Protocol):
    """Where members go: a zip or a folder."""

    def write(self, name: str, content: bytes) -> None: ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: bytes) -> None:
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def write(self, name: str, content: bytes) -> None:
        self.archive.writestr(zipfile.ZipInfo(name, (2023, 7, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 1)


@contextmanager
def sink(out: Path) -> Iterator[Sink]:
    """A zip where the name says so, else a folder."""
    if out.suffix == ".zip":
        with zipfile.ZipFile(out, "w") as archive:
            yield _Zip(archive)
    else:
        yield _Folder(out)


def people_of(count: int, dice: random.Random) -> list[Json]:
    """users.json; one in forty is a bot, one in thirty has left."""
    users = []
    for number in range(count):
        first, last = FIRST[number % len(FIRST)], LAST[(number // len(FIRST)) % len(LAST)]
        handle = f"{first}.{last}{number}".lower()
        user: Json = {"id": f"U0{number:07d}", "team_id": TEAM, "name": handle, "deleted": False}
        profile: Json = {"real_name": f"{first} {last}", "display_name": first, "email": f"{handle}@example.invalid"}
        if number % 40 == 39:
            user |= {"is_bot": True, "real_name": f"{last} Bot"}
            profile = {"real_name": f"{last} Bot", "display_name": "", "bot_id": f"B0{number:07d}"}
        elif number % 30 == 29:
            user["deleted"] = True
        else:
            user |= {
                "real_name": f"{first} {last}",
                "tz": "Europe/Oslo",
                "is_admin": number == 0,
                "is_owner": number == 0,
            }
            profile["title"] = dice.choice(WORDS).title()
        users.append(user | {"profile": profile})
    return users


def conversations_of(count: int, users: list[Json], dice: random.Random, members: int) -> dict[str, list[Json]]:
    """The index files. Of ten conversations six are public, two private, one a group, one direct."""
    ids = [user["id"] for user in users]
    indexes: dict[str, list[Json]] = {"channels": [], "groups": [], "mpims": [], "dms": []}
    for number in range(count):
        kind = ("channels",) * 6 + ("groups",) * 2 + ("mpims", "dms")
        index = kind[number % 10]
        name = f"{WORDS[number % 100]}-{number}"
        some = dice.sample(ids, min(len(ids), {"mpims": 4, "dms": 2}.get(index, members)))
        entry: Json = {"id": f"{'D' if index == 'dms' else 'C'}0{number:07d}", "created": START, "members": some}
        if index != "dms":
            folder = f"mpdm-{number}-1" if index == "mpims" else name
            entry |= {"name": folder, "creator": ids[0], "is_archived": number % 17 == 16}
            entry["topic"] = {"value": f"all about {name}", "creator": ids[0], "last_set": START}
            entry["purpose"] = {"value": "", "creator": "", "last_set": 0}
        if index == "channels":
            entry["is_general"] = number == 0
        indexes[index].append(entry)
    return indexes


def sentence(dice: random.Random, low: int = 3, high: int = 18) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))


class _Talk:
    """One conversation's messages in order of time."""

    def __init__(self, entry: Json, users: list[Json], dice: random.Random, sink: Sink) -> None:
        self.entry, self.dice, self.sink = entry, dice, sink
        by_id = {user["id"]: user for user in users}
        self.members = [by_id[user] for user in entry["members"]]
        self.roots: list[Json] = []
        self.files = 0

    def messages(self, count: int, days: float) -> list[Json]:
        dice, out = self.dice, []
        now = float(START)
        step = days * 86_400 / max(count, 1)
        for _ in range(count):
            now += step * dice.uniform(0.1, 1.9)
            out.append(self.message(f"{int(now)}.{int(now * 1e6) % 1_000_000:06d}"))
        return out

    def message(self, ts: str) -> Json:
        dice = self.dice
        user = dice.choice(self.members)
        message: Json = {"type": "message", "user": user["id"], "ts": ts, "team": TEAM}
        if user.get("is_bot"):
            message["bot_id"] = user["profile"]["bot_id"]
        chance = dice.random()
        if chance < 0.02:
            message |= {"subtype": "channel_join", "text": f"<@{user['id']}> has joined the channel"}
        elif chance < 0.025:
            message |= {"subtype": "me_message", "text": sentence(dice)}
        else:
            text, elements = self.rich()
            message |= {"text": text, "blocks": [{"type": "rich_text", "block_id": ts[-4:], "elements": elements}]}
            message["client_msg_id"] = f"{dice.getrandbits(64):016x}"
            self.decorate(message, ts)
        return message

    def decorate(self, message: Json, ts: str) -> None:
        """Threads, reactions, edits, files; in about the shares that real exports have."""
        dice = self.dice
        chance = dice.random()
        if chance < 0.25 and self.roots:
            self.reply(message, ts)
        elif chance < 0.4:
            self.roots = [*self.roots[-19:], message]
        if dice.random() < 0.08:
            names = dice.sample(REACTIONS, dice.randint(1, 3))
            some = [
                dice.sample([u["id"] for u in self.members], dice.randint(1, min(4, len(self.members)))) for _ in names
            ]
            message["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in zip(names, some, strict=True)
            ]
        if dice.random() < 0.05:
            message["edited"] = {"user": message["user"], "ts": f"{int(ts.split('.', maxsplit=1)[0]) + 60}.000000"}
        if dice.random() < 0.004:
            message["files"] = [self.file(message["user"], ts)]

    def reply(self, message: Json, ts: str) -> None:
        root = self.dice.choice(self.roots)
        message |= {"thread_ts": root["ts"], "parent_user_id": root["user"]}
        root["thread_ts"] = root["ts"]
        root["reply_count"] = root.get("reply_count", 0) + 1
        root.setdefault("replies", []).append({"user": message["user"], "ts": ts})
        if self.dice.random() < 0.05:
            message["subtype"] = "thread_broadcast"

    def file(self, user: str, ts: str) -> Json:
        self.files += 1
        number = f"F{self.entry['id'][1:]}{self.files:05d}"
        name, mime, content = f"picture {self.files}.png", "image/png", WHITE_PIXEL
        if self.dice.random() < 0.5:
            name, mime = f"notes-{self.files}.txt", "text/plain"
            content = sentence(self.dice, 20, 60).encode()
        self.sink.write(f"__uploads/{number}/{name}", content)
        created = int(ts.split(".", maxsplit=1)[0])
        return {
            "id": number,
            "created": created,
            "timestamp": created,
            "name": name,
            "title": name,
            "mimetype": mime,
            "mode": "hosted",
            "user": user,
            "size": len(content),
            "url_private": f"https://files.slack.com/files-pri/{TEAM}-{number}/file?t=xoxe-0-not-a-token",
        }

    def rich(self) -> tuple[str, list[Json]]:
        """A text as its author typed it: Slack's flattened `text`, and the elements of its rich_text block."""
        dice, text, inline = self.dice, [], []

        def add(flat: str, element: Json) -> None:
            text.append(flat)
            inline.append(element)

        words = sentence(dice)
        add(words, {"type": "text", "text": words})
        chance = dice.random()
        if chance < 0.10:
            who = dice.choice(self.members)["id"]
            self.space(add)
            add(f"<@{who}>", {"type": "user", "user_id": who})
        elif chance < 0.18:
            url = f"https://example.invalid/{dice.choice(WORDS)}?a=1&b=2"
            self.space(add)
            add(f"<{url.replace('&', '&amp;')}>", {"type": "link", "url": url})
        elif chance < 0.26:
            name, code = dice.choice(EMOJI)
            self.space(add)
            add(f":{name}:", {"type": "emoji", "name": name, "unicode": code})
        elif chance < 0.38:
            mark, style = dice.choice((("*", "bold"), ("_", "italic"), ("~", "strike"), ("`", "code")))
            word = dice.choice(WORDS)
            self.space(add)
            add(f"{mark}{word}{mark}", {"type": "text", "text": word, "style": {style: True}})
        elif chance < 0.42:
            sign = " if a < b && c > d: 2 * 3 * 4"
            add(sign.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), {"type": "text", "text": sign})
        elements: list[Json] = [{"type": "rich_text_section", "elements": inline}]
        self.tail(text, elements)
        return "".join(text), elements

    def space(self, add: Any) -> None:
        add(" ", {"type": "text", "text": " "})

    def tail(self, text: list[str], elements: list[Json]) -> None:
        """Now and then a code block, a list or a quote after the first line."""
        dice, chance = self.dice, self.dice.random()
        if chance < 0.03:
            code = f"for x in {dice.choice(WORDS)}:\n    print(x)  # *not bold*"
            text.append(f"\n```{code}```")
            elements.append({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code}]})
        elif chance < 0.05:
            items = [sentence(dice, 2, 6) for _ in range(3)]
            text.append("".join(f"\n• {item}" for item in items))
            sections = [{"type": "rich_text_section", "elements": [{"type": "text", "text": item}]} for item in items]
            elements.append({"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": sections})
        elif chance < 0.07:
            line = sentence(dice)
            text.append(f"\n&gt; {line}")
            elements.append({"type": "rich_text_quote", "elements": [{"type": "text", "text": line}]})


def dump(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=4).encode()


def generate(
    out: Path, *, messages: int, people: int = 50, conversations: int = 10, members: int = 30, seed: int = 1
) -> None:
    """Write an export of exactly `messages` messages to OUT (a new .zip, or a folder)."""
    dice = random.Random(seed)
    with sink(out) as place:
        users = people_of(people, dice)
        indexes = conversations_of(conversations, users, dice, members)
        place.write("users.json", dump(users))
        for index, entries in indexes.items():
            place.write(f"{index}.json", dump(entries))
        entries = [entry for some in indexes.values() for entry in some]
        shares = shared_out(messages, len(entries))
        span = min(max(messages / len(entries) / A_DAY, DAYS[0]), DAYS[1])
        for entry, share in zip(entries, shares, strict=True):
            days: dict[int, list[Json]] = {}
            for message in _Talk(entry, users, dice, place).messages(share, span):
                days.setdefault((int(message["ts"].split(".")[0]) - WEST) // 86_400, []).append(message)
            for day, some in days.items():
                place.write(f"{entry.get('name', entry['id'])}/{date_of(day)}.json", dump(some))


def shared_out(total: int, parts: int) -> list[int]:
    """A few conversations are busy, most are not: shares like 1/1, 1/2, 1/3 …, summing up to the total."""
    weights = [1 / (number + 1) for number in range(parts)]
    shares = [int(total * weight / sum(weights)) for weight in weights]
    shares[0] += total - sum(shares)
    return shares


def date_of(day: int) -> str:
    import datetime

    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--messages", default=1000, show_default=True, help="How many messages.")
@click.option("--people", default=50, show_default=True, help="How many people and bots.")
@click.option("--conversations", default=10, show_default=True, help="How many conversations of all kinds.")
@click.option("--members", default=30, show_default=True, help="How many of them in a channel, at most.")
@click.option("--seed", default=1, show_default=True, help="Another seed gives other words.")
def main(out: Path, messages: int, people: int, conversations: int, members: int, seed: int) -> None:
    """Make an export of invented people: OUT is a .zip or a folder."""
    generate(out, messages=messages, people=people, conversations=conversations, members=members, seed=seed)


if __name__ == "__main__":
    main()
