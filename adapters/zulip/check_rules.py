"""What each table of an import archive holds: keys, references, lengths, uniqueness (facts/zulip.md 4.3-4.6)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

__all__ = ["ASKED_FOR", "LISTS", "MESSAGE", "RECEIVED", "RECIPIENT", "STREAM", "TABLES", "USER", "Table"]


class Table(Struct, frozen=True):
    """`keys` must be there; `more` may be. `refers`: key to table, null allowed if the key is in `nullable`.
    `longest`: characters of a text. `unique`: sets of keys whose values together occur once."""

    keys: frozenset[str]
    more: frozenset[str] = frozenset()
    refers: Mapping[str, str] = {}
    nullable: frozenset[str] = frozenset()
    longest: Mapping[str, int] = {}
    unique: tuple[tuple[str, ...], ...] = ()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


USER, STREAM, RECIPIENT, REALM = "zerver_userprofile", "zerver_stream", "zerver_recipient", "zerver_realm"

ASKED_FOR = _words(  # absent: KeyError (4.3)
    """zerver_realm zerver_client zerver_userprofile zerver_userprofile_mirrordummy zerver_userprofile_crossrealm
    zerver_stream zerver_huddle zerver_recipient zerver_subscription zerver_defaultstream zerver_realmemoji
    zerver_realmdomain zerver_realmfilter zerver_realmplayground zerver_realmauthenticationmethod zerver_userpresence
    zerver_useractivity zerver_useractivityinterval zerver_customprofilefield zerver_customprofilefieldvalue
    zerver_reaction"""
)

_PROFILE = Table(
    _words(
        """id realm email delivery_email full_name role is_active is_bot bot_type bot_owner default_sending_stream
        default_events_register_stream last_active_message_id date_joined last_login last_reminder user_permissions
        groups translate_emoticons timezone avatar_source avatar_version"""
    ),
    _words("is_mirror_dummy long_term_idle"),
    {"realm": REALM, "bot_owner": USER, "default_sending_stream": STREAM, "default_events_register_stream": STREAM},
    _words("bot_owner default_sending_stream default_events_register_stream"),
    {"full_name": 100, "email": 254, "delivery_email": 254, "timezone": 40},
    (("email",), ("delivery_email",)),
)

TABLES: Mapping[str, Table] = {
    REALM: Table(
        _words(
            """id name string_id date_created deactivated description icon_source new_stream_announcements_stream
            signup_announcements_stream zulip_update_announcements_stream invite_required"""
        ),
        _words("moderation_request_channel"),
        {
            "new_stream_announcements_stream": STREAM,
            "signup_announcements_stream": STREAM,
            "zulip_update_announcements_stream": STREAM,
            "moderation_request_channel": STREAM,
        },
        _words(
            """new_stream_announcements_stream signup_announcements_stream zulip_update_announcements_stream
            moderation_request_channel"""
        ),
        {"name": 40, "string_id": 40},
    ),
    "zerver_client": Table(_words("id name"), longest={"name": 30}, unique=(("name",),)),
    USER: _PROFILE,
    "zerver_userprofile_mirrordummy": _PROFILE,
    STREAM: Table(
        _words("id realm name date_created description creator deactivated invite_only history_public_to_subscribers"),
        _words("stream_post_policy folder"),
        {"realm": REALM, "creator": USER},
        _words("creator"),
        {"name": 60, "description": 1024},
        (("name",),),
    ),
    "zerver_huddle": Table(_words("id group_size")),
    RECIPIENT: Table(_words("id type type_id"), unique=(("type", "type_id"),)),
    "zerver_subscription": Table(
        _words("id recipient user_profile active color"),
        _words("pin_to_top is_muted"),
        {"recipient": RECIPIENT, "user_profile": USER},
        unique=(("user_profile", "recipient"),),
    ),
    "zerver_defaultstream": Table(
        _words("id realm stream"), refers={"realm": REALM, "stream": STREAM}, unique=(("stream",),)
    ),
    "zerver_realmemoji": Table(
        _words("id realm name file_name author deactivated"),
        refers={"realm": REALM, "author": USER},
        nullable=_words("author"),
        unique=(("name",),),
    ),
    "zerver_realmauthenticationmethod": Table(
        _words("id realm name"), refers={"realm": REALM}, longest={"name": 80}, unique=(("name",),)
    ),
    "zerver_realmdomain": Table(
        _words("id realm domain allow_subdomains"),
        refers={"realm": REALM},
        longest={"domain": 80},
        unique=(("domain",),),
    ),
    "zerver_customprofilefield": Table(
        _words("id realm name field_type order"), refers={"realm": REALM}, longest={"name": 40}, unique=(("name",),)
    ),
    "zerver_customprofilefieldvalue": Table(
        _words("id user_profile field value"),
        refers={"user_profile": USER, "field": "zerver_customprofilefield"},
        longest={"value": 50},
        unique=(("user_profile", "field"),),
    ),
    "zerver_userstatus": Table(
        _words("id user_profile client timestamp status_text emoji_name emoji_code reaction_type"),
        refers={"user_profile": USER, "client": "zerver_client"},
        longest={"status_text": 255},
        unique=(("user_profile",),),
    ),
    "zerver_reaction": Table(
        _words("id message user_profile emoji_name emoji_code reaction_type"),
        refers={"user_profile": USER, "message": "zerver_message"},
        unique=(("user_profile", "message", "reaction_type", "emoji_code"),),
    ),
    "zerver_attachment": Table(
        _words(
            """id realm owner path_id file_name size create_time messages scheduled_messages is_realm_public
            is_web_public content_type"""
        ),
        refers={"realm": REALM, "owner": USER},
        unique=(("path_id",),),
    ),
}

MESSAGE = Table(
    _words(
        """id realm sender recipient sending_client subject content rendered_content date_sent last_edit_time
        edit_history has_attachment has_image has_link"""
    ),
    refers={"sender": USER, "recipient": RECIPIENT, "sending_client": "zerver_client"},
    longest={"subject": 60},
)
RECEIVED = Table(_words("id user_profile message flags_mask"), refers={"user_profile": USER})

LISTS: Mapping[str, frozenset[str]] = {  # folder of files to the keys of its records.json (4.6)
    "uploads": _words("path s3_path realm_id user_profile_id last_modified size content_type"),
    "avatars": _words(
        """path s3_path realm_id user_profile_id avatar_version last_modified content_type importer_should_thumbnail"""
    ),
    "emoji": _words("path s3_path realm_id file_name name author"),
    "realm_icons": _words("path s3_path realm_id content_type"),
}
