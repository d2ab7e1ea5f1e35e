"""The application service's registration: the file that tells a homeserver about us (application-service API,
"Registration"), and its tokens."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path

from msgspec import Struct

from migrator.errors import UsageError

__all__ = ["Registration", "usable_prefix", "write_secret"]


def usable_prefix(prefix: str) -> str:
    """The same. UsageError where no user id can begin with it."""
    if not re.fullmatch(r"[a-z0-9._=-]{1,40}", prefix):
        raise UsageError(f"{prefix!r} cannot start a user id", hint="use lower-case letters, digits and ._=-")
    return prefix


class Registration(Struct, frozen=True):
    """Who we are to a homeserver: its name, and the prefix of all our users and aliases, which nobody else may use."""

    server_name: str
    as_token: str
    hs_token: str
    prefix: str = "slack_"

    @staticmethod
    def make(server_name: str, prefix: str = "slack_") -> Registration:
        """With new tokens. UsageError for a name or prefix that cannot be part of a Matrix id."""
        if not re.fullmatch(r"[A-Za-z0-9.\-\[\]:]{1,230}", server_name):
            raise UsageError(
                f"{server_name!r} is not a server name", hint="it is what stands behind the colon: @me:HERE"
            )
        return Registration(server_name, secrets.token_urlsafe(32), secrets.token_urlsafe(32), usable_prefix(prefix))

    @property
    def sender(self) -> str:
        """Local part of the importer's own account; no person's id ends like this."""
        return f"{self.prefix}migrator"

    def yaml(self) -> str:
        """`exclusive`: nobody else takes these names, and Synapse computes no notifications for them.
        `url: null`: nothing is sent to us. `rate_limited: false`: Synapse's default would take days."""
        inside = f"{re.escape(self.prefix)}.*:{re.escape(self.server_name)}"
        return (
            f"id: {json.dumps('slack-migrator-' + self.prefix.rstrip('_'))}\n"
            "url: null\n"
            f"as_token: {json.dumps(self.as_token)}\n"
            f"hs_token: {json.dumps(self.hs_token)}\n"
            f"sender_localpart: {json.dumps(self.sender)}\n"
            "rate_limited: false\n"
            "namespaces:\n"
            "  users:\n"
            "    - exclusive: true\n"
            f"      regex: {json.dumps('@' + inside)}\n"
            "  aliases:\n"
            "    - exclusive: true\n"
            f"      regex: {json.dumps('#' + inside)}\n"
            "  rooms: []\n"
        )

    def __repr__(self) -> str:
        return f"Registration({self.server_name!r}, prefix={self.prefix!r})"


def write_secret(path: Path, text: str) -> None:
    """A new file that only its owner reads. UsageError where there is one already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} is there already", hint="remove it, or write elsewhere with -o") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="choose another place with -o") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
