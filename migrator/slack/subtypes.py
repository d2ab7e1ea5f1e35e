"""What each kind of record is. slack-format.md 8, as a table; what it does not name falls under the default rule.

`NOTICES` are the system's own sentences. `PLAIN` are people's and apps' messages, each with a rule of its own in
`messages.py` where it needs one. `LOGS` are hidden records about other messages, never messages themselves.
"""

from __future__ import annotations

from migrator.model import EventKind

__all__ = ["LOGS", "NOTICES", "PLAIN", "SLACKBOT", "SLACKBOT_IDS", "is_known"]

SLACKBOT = "USLACKBOT"
SLACKBOT_IDS = frozenset({SLACKBOT, "BSLACKBOT", "B01"})

_BOTH = {  # channel_… and group_… alike
    "join": EventKind.JOIN,
    "leave": EventKind.LEAVE,
    "topic": EventKind.TOPIC,
    "purpose": EventKind.PURPOSE,
    "name": EventKind.RENAME,
    "archive": EventKind.ARCHIVE,
    "unarchive": EventKind.UNARCHIVE,
    "convert_to_private": EventKind.CONVERT,
    "convert_to_public": EventKind.CONVERT,
    "posting_permissions": EventKind.OTHER,
    "retention_changed": EventKind.OTHER,
}
NOTICES = {f"{place}_{what}": kind for place in ("channel", "group") for what, kind in _BOTH.items()} | {
    "pinned_item": EventKind.PIN,
    "unpinned_item": EventKind.UNPIN,
    "bot_add": EventKind.BOT,
    "bot_remove": EventKind.BOT,
    "bot_enable": EventKind.BOT,
    "bot_disable": EventKind.BOT,
    "app_conversation_join": EventKind.BOT,
    "app_conversation_leave": EventKind.BOT,
    "reminder_add": EventKind.REMINDER,
    "reminder_delete": EventKind.REMINDER,
    "huddle_thread": EventKind.HUDDLE,
    "sh_room_created": EventKind.HUDDLE,
    "sh_room_shared": EventKind.HUDDLE,
    "channel_canvas_updated": EventKind.CANVAS,
    "tabbed_canvas_updated": EventKind.CANVAS,
    "channel_tab_added": EventKind.CANVAS,
    "document_comment_root": EventKind.CANVAS,
    "welcome_party": EventKind.OTHER,
    "joiner_notification": EventKind.OTHER,
    "joiner_notification_for_inviter": EventKind.OTHER,
    "file_upload": EventKind.OTHER,
    "file_created": EventKind.OTHER,
    "file_shared": EventKind.OTHER,
}
PLAIN = frozenset(
    {
        "",
        "assistant_app_thread",
        "bot_message",
        "document_unfurl",
        "ekm_access_denied",
        "file_comment",
        "file_mention",
        "file_share",
        "me_message",
        "reply_broadcast",
        "slackbot_response",
        "thread_broadcast",
        "tombstone",
    }
)
LOGS = frozenset({"message_changed", "message_deleted", "message_replied"})


def is_known(subtype: str) -> bool:
    return subtype in PLAIN or subtype in NOTICES or subtype in LOGS
