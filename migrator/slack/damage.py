"""What the reader says of bytes it cannot use."""

from __future__ import annotations

from migrator.errors import SkipItem

__all__ = ["Damaged"]


class Damaged(SkipItem):
    """A member or a record cannot be read. `reason` is a short phrase for reports and never holds content.

    Raised by `Archive.read` and by the streams of `Archive.open`; handed out as a value by `Layout.records`, where a
    damaged record stands among good ones. It is a SkipItem, so that bytes that turn out to be broken while a target
    takes them cost that one file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __repr__(self) -> str:
        return f"Damaged({self.reason!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Damaged) and other.reason == self.reason

    def __hash__(self) -> int:
        return hash(self.reason)
