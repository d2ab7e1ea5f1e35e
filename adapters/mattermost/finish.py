"""After the import, over REST: what the import format cannot carry (facts/mattermost.md 4.5, 5.2).

Bots that were switched off, time zones, and the memberships of people whose accounts were there before (no user line is
sent for them, so that their passwords, roles and read state stay). Each is looked at before it is changed, so doing it
again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct

from migrator.adapters.mattermost.rest import CONNECTIONS, Refused, Rest

__all__ = ["Joining", "disable_bots", "join", "set_timezones", "user_ids"]

_BATCH = 100  # names or ids per call


class Joining(Struct, frozen=True):
    """An account that was there before, and the channels (by id) that it should be in."""

    user: str
    channels: tuple[str, ...]


def user_ids(rest: Rest, usernames: Iterable[str]) -> dict[str, str]:
    """Usernames to ids, for those that exist."""
    return {
        str(user["username"]): str(user["id"])
        for batch in _batches(sorted(set(usernames)))
        for user in rest.post("/users/usernames", batch, repeatable=True)
    }


def disable_bots(rest: Rest, bots: Sequence[str]) -> int:
    """Switch bots off, by id; returns how many were on."""
    count = 0
    for bot in bots:
        known = rest.find(f"/bots/{bot}", include_deleted="true")
        if known is not None and not known["delete_at"]:
            rest.post(f"/bots/{bot}/disable", repeatable=True)
            count += 1
    return count


def set_timezones(rest: Rest, zones: Mapping[str, str]) -> list[str]:
    """Give accounts their time zone (id to IANA name) where they have none; returns the zones that were refused."""
    refused: set[str] = set()

    def one(user: Mapping[str, Any]) -> None:
        has = user.get("timezone") or {}
        if has.get("automaticTimezone") or has.get("manualTimezone"):
            return
        zone = zones[str(user["id"])]
        timezone = {"useAutomaticTimezone": "true", "automaticTimezone": zone, "manualTimezone": ""}
        try:
            rest.driver.users.patch_user(user["id"], {"timezone": timezone})
        except Refused:
            refused.add(zone)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for batch in _batches(sorted(zones)):
            list(pool.map(one, rest.post("/users/ids", batch, repeatable=True)))
    return sorted(refused)


def join(rest: Rest, team: str, people: Sequence[Joining]) -> int:
    """Bring accounts into the team and their channels; returns how many memberships were new.

    The server writes "added to the channel" for each; there is no way without, so nobody is added twice.
    """
    new = 0
    for person in people:
        if rest.find(f"/teams/{team}/members/{person.user}") is None:
            rest.driver.teams.add_user_to_team(team, {"team_id": team, "user_id": person.user})
        member = {str(c["id"]) for c in rest.get(f"/users/{person.user}/teams/{team}/channels")}
        for channel in person.channels:
            if channel in member:
                continue
            try:
                rest.driver.channels.add_user(channel, {"user_id": person.user})
            except Refused:
                continue  # an archived channel takes no new members
            new += 1
    return new


def _batches(items: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), _BATCH):
        yield list(items[start : start + _BATCH])
