"""The targets. `BUILTIN` is the one line that a new one adds; other people's come in by the entry-point group.

Nothing of an adapter is imported before it is asked for: SDKs are slow to load and `--help` must not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from migrator.adapters.base import Adapter
from migrator.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

__all__ = ["BUILTIN", "Factory", "load", "names"]

Factory = Callable[[Mapping[str, Any]], Adapter]

BUILTIN: Mapping[str, str] = {
    "matrix": "migrator.adapters.matrix.adapter:Matrix",
    "mattermost": "migrator.adapters.mattermost.adapter:Mattermost",
    "memory": "migrator.adapters.memory.adapter:Memory",
    "zulip": "migrator.adapters.zulip.adapter:Zulip",
}
GROUP = "slack_migrator.adapters"


def names() -> list[str]:
    """All targets that `--to` accepts."""
    return sorted({*BUILTIN, *_others().names})


def load(name: str) -> Factory:
    """The factory of an adapter. UsageError names the ones there are."""
    if path := BUILTIN.get(name):
        module, _, attribute = path.partition(":")
        return cast(Factory, getattr(import_module(module), attribute))
    for entry in _others().select(name=name):
        return cast(Factory, entry.load())
    raise UsageError(f"there is no target called {name!r}", hint=f"choose one of: {', '.join(names())}")


def _others() -> EntryPoints:
    from importlib.metadata import entry_points  # it reads mail: slow to load too

    return entry_points(group=GROUP)
