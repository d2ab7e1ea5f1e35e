"""Our offline validator beside the server's own, line by line: what the server refuses, ours must refuse.

Ours is stricter on purpose: it knows what comes after the server's validators (an address, the type of a post, upper
case that is looked up as it stands). That list is here too, so that nothing joins it unseen.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.adapters.mattermost.names import RESERVED_TEAMS, channel_name, team_name, username
from migrator.adapters.mattermost.validate import Checker
from tests.e2e.mattermost.build import judge

Json = Any
At = tuple[str | int, ...]
COUNTS = {"favorite": True, "msg_count": 1, "msg_count_root": 1, "mention_count": 0, "last_viewed_at": 3}
LEVELS = {"desktop": "all", "mobile": "all", "mark_unread": "all"}
REACTION = {"user": "ada", "emoji_name": "smile", "create_at": 1003}
SAID = {"user": "ada", "message": "m", "create_at": 1000, "type": "", "props": {"a": "b"}, "flagged_by": ["ada"]}
REPLY = {**SAID, "create_at": 1002, "edit_at": 5, "reactions": [REACTION]}
FOLLOWER = {"user": "ada", "last_viewed": 5, "unread_mentions": 0}
WHOLE = {**SAID, "edit_at": 5, "is_pinned": True, "reactions": [REACTION], "replies": [REPLY]}
LINES: dict[str, Json] = {
    "team": {"name": "acme", "display_name": "Acme", "type": "I", "description": "d", "scheme": "abc"},
    "channel": {
        "team": "acme",
        "name": "general",
        "display_name": "G",
        "type": "O",
        "header": "h",
        "purpose": "p",
        "scheme": "abc",
        "deleted_at": 5,
    },
    "user": {
        "username": "ada",
        "email": "a@example.invalid",
        "auth_service": "gitlab",
        "auth_data": "x",
        "nickname": "n",
        "first_name": "f",
        "last_name": "l",
        "position": "p",
        "roles": "system_user",
        "locale": "en",
        "delete_at": 0,
        "feature_enabled_markdown_preview": "true",
        "formatting": "true",
        "show_unread_section": "true",
        "email_interval": "hour",
        "custom_status": {"emoji": "x", "text": "t"},
        "notify_props": {
            "desktop": "all",
            "desktop_sound": "true",
            "email": "true",
            "mobile": "all",
            "mobile_push_status": "online",
            "channel": "true",
            "comments": "any",
            "mention_keys": "a",
        },
        "teams": [
            {
                "name": "acme",
                "roles": "team_user",
                "theme": '{"a":"b"}',
                "channels": [{"name": "general", "roles": "channel_user", "notify_props": LEVELS, **COUNTS}],
            }
        ],
    },
    "bot": {"username": "robo", "owner": "ada", "display_name": "R", "description": "d", "delete_at": 0},
    "post": {"team": "acme", "channel": "general", **WHOLE, "thread_followers": [FOLLOWER]},
    "direct_channel": {
        "members": ["ada", "bo"],
        "header": "h",
        "favorited_by": ["ada"],
        "shown_by": ["ada"],
        "participants": [{"username": "ada", **COUNTS}, {"username": "bo"}],
    },
    "direct_post": {"channel_members": ["ada", "bo"], **WHOLE, "thread_followers": [FOLLOWER]},
    "emoji": {"name": "party_parrot", "image": "a.png"},
}
WORDS = (
    *("Admin", "all", "here", "system", "a-", "-a", "a_b", "a__b", "a b", "a.b", "a", "11", "a--b", "ab-", "_ab", "é"),
    *("team_user", "system_guest", "system_admin", "team_guest", "channel_guest", "no role", "{", "{}", '{"a":1}'),
    *("none", "default", "mention", "fifteen", "O", "saml", "foo", "smile", "+1", "A@Example.invalid", "f" * 40),
)
LENGTHS = (1, 2, 22, 26, 27, 64, 65, 72, 73, 128, 129, 250, 251, 255, 256, 1024, 1025, 16_383, 16_384)
NAMES: tuple[Json, ...] = ([], ["ada"], ["zed"], ["ada", "bo", "cy"], ["ada"] * 9, [None])
ABSENT = object()
VALUES: tuple[Json, ...] = (
    *(ABSENT, None, "", 0, 1, -1, 1.5, 1 << 63, True, {}, {"x": 1}, *NAMES, *WORDS, *RESERVED_TEAMS, "postman"),
    *(letter * length for length in LENGTHS for letter in "xé"),
)
# what ours refuses beyond the server's validators, by the place
_OF_POSTS = (
    *("user", "type", "flagged_by", "reactions.emoji_name", "replies.user", "replies.type", "replies.create_at"),
    "replies.flagged_by",
)
STRICTER = frozenset(
    {
        *("channel.name", "channel.team", "user.username", "user.email", "bot.username"),
        *(f"{kind}.{place}" for kind in ("post", "direct_post") for place in _OF_POSTS),
        *("post.team", "post.channel", "direct_post.channel_members"),
        *("direct_channel", "direct_channel.members", "direct_channel.participants.username"),
    }
)


def places(value: Json, at: At = ()) -> Iterator[At]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*at, key)
        yield from places(inner, (*at, key))


def changed(value: Json, at: At, to: Json) -> Json:
    out = copy.deepcopy(value)
    holder = out
    for key in at[:-1]:
        holder = holder[key]
    if to is ABSENT:
        del holder[at[-1]]
    else:
        holder[at[-1]] = to
    return out


def verdicts(lines: list[str]) -> list[str]:
    done = subprocess.run([judge()], input="\n".join(lines).encode(), capture_output=True, check=True)
    said = done.stdout.decode().splitlines()
    assert len(said) == len(lines)
    return said


def ours(line: str) -> list[str]:
    checker = Checker(None)
    checker.line = 2  # the first one is the version
    checker._line(line.encode())
    return checker.problems


@pytest.mark.parametrize("kind", LINES)
def test_ours_refuses_whatever_the_server_refuses(kind: str) -> None:
    good = LINES[kind]
    cases = [(at, value) for at in places(good) for value in VALUES]
    lines = [json.dumps({"type": kind, kind: changed(good, at, value)}, ensure_ascii=False) for at, value in cases]
    lines.append(json.dumps({"type": kind, kind: good}))
    said = verdicts(lines)
    assert said[-1] == "ok"
    assert ours(lines[-1]) == []
    assert {"ok", "decode"} < {*said}
    stricter = set()
    for line, verdict in zip(lines, said, strict=True):
        problems = ours(line)
        assert problems or verdict == "ok", (verdict, line[:400])
        if problems and verdict == "ok":
            stricter.add(problems[0].split(": ")[1])
    assert stricter - STRICTER == set()


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(max_size=70) | st.sampled_from([*RESERVED_TEAMS, "Help Desk", "post man"]), min_size=20))
def test_names_are_valid_by_construction(texts: list[str]) -> None:
    lines = []
    for number, text in enumerate(texts):
        team, channel, user = team_name(text), channel_name(text, f"C{number}"), username(text, f"U{number}")
        lines += [
            {"type": "team", "team": {"name": team, "display_name": "x", "type": "I"}},
            {"type": "channel", "channel": {"team": team, "name": channel, "type": "O"}},
            {"type": "user", "user": {"username": user, "email": "a@example.invalid"}},
        ]
    assert {*verdicts([json.dumps(line) for line in lines])} == {"ok"}
