"""What a move brought, as the server tells of it, by the names of the export."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from migrator.adapters.base import Kind
from migrator.journal import Journal
from tests.e2e.mattermost import exports
from tests.e2e.mattermost.moving import Moved
from tests.e2e.mattermost.server import Server


class Arrived:
    """The hostile export after its move. Each thing is asked for once."""

    def __init__(self, server: Server, moved: Moved, run: Path, team: str) -> None:
        self.server, self.moved = server, moved
        self.team = str(server.get(f"/teams/name/{team}")["id"])
        with Journal(run / "journal.sqlite") as journal:
            self.ids = {kind: {key: remote for key, remote, _ in journal.all(kind)} for kind in Kind}
        self._get = cache(self._ask)

    def _ask(self, path: str) -> Any:
        return self.server.get(path)

    def place(self, conversation: str) -> str:
        """The channel of a conversation."""
        return self.ids[Kind.CONVERSATION][conversation].partition("/")[0]

    def posts(self, conversation: str) -> list[dict[str, Any]]:
        """Oldest first, without what the server itself says."""
        page = self._get(f"/channels/{self.place(conversation)}/posts?per_page=200")
        ours = [page["posts"][post] for post in page["order"] if "slack_key" in (page["posts"][post]["props"] or {})]
        return sorted(
            (post for post in ours if post["props"]["slack_key"].startswith(f"{conversation}/")),
            key=lambda post: post["create_at"],
        )

    def pieces(self, conversation: str, second: int) -> list[dict[str, Any]]:
        """The posts that the message of a second became."""
        begin = f"{conversation}/{exports.BASE + second}."
        return [post for post in self.posts(conversation) if post["props"]["slack_key"].startswith(begin)]

    def post(self, conversation: str, second: int) -> dict[str, Any]:
        """The first of them."""
        return self.pieces(conversation, second)[0]

    def user(self, slack: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"/users/{self.ids[Kind.USER][slack]}")
        return found

    def channel(self, conversation: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"/channels/{self.place(conversation)}")
        return found

    def fates(self, feature: str) -> set[str]:
        """What the plan says becomes of a kind of thing."""
        return {line.fate.value for line in self.moved.plan.ledger if line.feature.value == feature}
