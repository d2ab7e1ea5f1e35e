"""What the server reads of an import file, as types: a line that does not fit is refused before any rule is asked.

Source: server/channels/app/imports/import_types.go. Everything may be left out or null; what is not named here is
passed over, as the server does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

__all__ = ["misfit"]

Int = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | None
Text = str | None
Flag = bool | None
Names = list[Text] | None  # null in a list reads as ""


class _Team(Struct):
    name: Text = None
    display_name: Text = None
    type: Text = None
    description: Text = None
    allow_open_invite: Flag = None
    scheme: Text = None


class _Channel(Struct):
    team: Text = None
    name: Text = None
    display_name: Text = None
    type: Text = None
    header: Text = None
    purpose: Text = None
    scheme: Text = None
    deleted_at: Int = None


class _ChannelNotifyProps(Struct):
    desktop: Text = None
    mobile: Text = None
    mark_unread: Text = None
    email: Text = None
    ignore_channel_mentions: Text = None
    channel_auto_follow_threads: Text = None


class _Counts(Struct):
    notify_props: _ChannelNotifyProps | None = None
    mention_count: Int = None
    mention_count_root: Int = None
    urgend_mention_count: Int = None  # the server's spelling
    msg_count: Int = None
    msg_count_root: Int = None
    last_viewed_at: Int = None


class _UserChannel(_Counts):
    name: Text = None
    roles: Text = None
    favorite: Flag = None


class _UserTeam(Struct):
    name: Text = None
    roles: Text = None
    theme: Text = None
    channels: list[_UserChannel | None] | None = None


class _NotifyProps(Struct):
    desktop: Text = None
    desktop_sound: Text = None
    email: Text = None
    mobile: Text = None
    mobile_push_status: Text = None
    channel: Text = None
    comments: Text = None
    mention_keys: Text = None


class _CustomStatus(Struct):
    emoji: Text = None
    text: Text = None
    duration: Text = None
    expires_at: datetime | None = None


class _User(Struct):
    profile_image: Text = None
    username: Text = None
    email: Text = None
    auth_service: Text = None
    auth_data: Text = None
    password: Text = None
    nickname: Text = None
    first_name: Text = None
    last_name: Text = None
    position: Text = None
    roles: Text = None
    locale: Text = None
    feature_enabled_markdown_preview: Text = None
    formatting: Text = None
    show_unread_section: Text = None
    delete_at: Int = None
    send_on_ctrl_enter: Text = None
    code_block_ctrl_enter: Text = None
    show_join_leave: Text = None
    show_unread_scroll_position: Text = None
    sync_drafts: Text = None
    limit_visible_dms_gms: Text = None
    name_format: Text = None
    teams: list[_UserTeam | None] | None = None
    theme: Text = None
    military_time: Text = None
    link_previews: Text = None
    message_display: Text = None
    collapse_consecutive_messages: Text = None
    colorize_usernames: Text = None
    channel_display_mode: Text = None
    tutorial_step: Text = None
    email_interval: Text = None
    notify_props: _NotifyProps | None = None
    custom_status: _CustomStatus | None = None


class _Bot(Struct):
    profile_image: Text = None
    username: Text = None
    owner: Text = None
    display_name: Text = None
    description: Text = None
    delete_at: Int = None


class _Emoji(Struct):
    name: Text = None
    image: Text = None


class _Reaction(Struct):
    user: Text = None
    create_at: Int = None
    emoji_name: Text = None


class _Attachment(Struct):
    path: Text = None


class _Reply(Struct):
    user: Text = None
    type: Text = None
    message: Text = None
    props: dict[str, Any] | None = None
    create_at: Int = None
    edit_at: Int = None
    flagged_by: Names = None
    reactions: list[_Reaction | None] | None = None
    attachments: list[_Attachment | None] | None = None
    is_pinned: Flag = None


class _Follower(Struct):
    user: Text = None
    last_viewed: Int = None
    unread_mentions: Int = None


class _AnyPost(_Reply):
    replies: list[_Reply | None] | None = None
    thread_followers: list[_Follower | None] | None = None


class _Post(_AnyPost):
    team: Text = None
    channel: Text = None


class _DirectPost(_AnyPost):
    channel_members: Names = None


class _Participant(_Counts):
    username: Text = None
    scheme_user: Flag = None
    scheme_admin: Flag = None
    scheme_guest: Flag = None


class _DirectChannel(Struct):
    members: Names = None
    participants: list[_Participant] | None = None  # null in it ends the server's process
    favorited_by: Names = None
    shown_by: Names = None
    header: Text = None


class _Role(Struct):
    name: Text = None
    display_name: Text = None
    description: Text = None
    permissions: Names = None
    scheme_managed: Flag = None


class _Scheme(Struct):
    name: Text = None
    display_name: Text = None
    description: Text = None
    scope: Text = None
    default_team_admin_role: _Role | None = None
    default_team_user_role: _Role | None = None
    default_channel_admin_role: _Role | None = None
    default_channel_user_role: _Role | None = None
    default_team_guest_role: _Role | None = None
    default_channel_guest_role: _Role | None = None


_READS: dict[str, type[Struct]] = {
    "team": _Team,
    "channel": _Channel,
    "user": _User,
    "bot": _Bot,
    "post": _Post,
    "direct_channel": _DirectChannel,
    "direct_post": _DirectPost,
    "emoji": _Emoji,
    "role": _Role,
    "scheme": _Scheme,
}


def misfit(kind: str, content: dict[str, Any]) -> str:
    """Where an object is of another type than the server reads there; "" where it fits."""
    try:
        msgspec.convert(content, _READS[kind])
    except msgspec.ValidationError as error:
        return str(error).replace("`", "").replace("$", kind)
    return ""
