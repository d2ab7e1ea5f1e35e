"""Message records as Slack writes them: typed envelope, everything rich kept raw. slack-format.md 7, 11, 12.

Two stages: `decode` reads the envelope of one record; blocks, attachments and other free-form parts stay `Raw` and are
decoded one by one by whoever wants them, so that a strange block costs one message's blocks, never a day.

A record that fits the types is read at once. One that does not is mended field by field: a wrong type reads as absent.
Only a record that is no JSON object, or has no usable `ts`, is `Damaged`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw, Struct

from migrator.slack.damage import Damaged
from migrator.slack.loose import parse, scrub
from migrator.slack.times import is_ts

__all__ = [
    "NULL",
    "CommentRecord",
    "EditedRecord",
    "FileRecord",
    "ReactionRecord",
    "Record",
    "decode",
    "decode_all",
    "loose",
    "usable",
]

NULL = Raw(b"null")  # what an absent field reads as: compare by identity, an explicit null decodes to None
S = TypeVar("S", bound=Struct)


class EditedRecord(Struct, gc=False):
    user: str | None = None
    ts: str | None = None


class ReactionRecord(Struct, gc=False):
    name: str | None = None
    users: list[str] | None = None
    count: int | None = None


class CommentRecord(Struct, gc=False):
    """`comment` of a file_comment, `initial_comment` of a file."""

    id: str | None = None
    created: int | None = None
    timestamp: int | None = None
    user: str | None = None
    is_intro: bool | None = None
    comment: str | None = None
    reactions: list[ReactionRecord] | None = None


class FileRecord(Struct, gc=False):
    id: str | None = None
    created: int | None = None
    timestamp: int | None = None
    name: str | None = None
    title: str | None = None
    mimetype: str | None = None
    filetype: str | None = None
    user: str | None = None
    mode: str | None = None
    is_external: bool | None = None
    external_type: str | None = None
    external_url: str | None = None
    size: int | None = None
    username: str | None = None
    url_private: str | None = None
    url_private_download: str | None = None
    list_csv_download_url: str | None = None
    original_w: int | None = None
    original_h: int | None = None
    duration_ms: int | None = None
    permalink: str | None = None
    alt_txt: str | None = None
    preview: str | None = None
    plain_text: str | None = None
    subject: str | None = None
    file_access: str | None = None
    is_hidden_by_limit: int | None = None
    initial_comment: CommentRecord | None = None
    reactions: list[ReactionRecord] | None = None


class Record(Struct, gc=False, kw_only=True):
    """One message object of a day file: what is looked at of it. In the order in which Slack mostly writes it, for then
    the decoder finds the next field where it looks first."""

    user: str | None = None
    ts: str
    team: str | None = None
    text: str | None = None
    user_team: str | None = None
    user_profile: Raw = NULL
    blocks: Raw = NULL
    edited: EditedRecord | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    reactions: list[ReactionRecord] | None = None
    files: list[FileRecord] | None = None
    subtype: str | None = None
    upload: bool | None = None
    bot_id: str | None = None
    username: str | None = None
    bot_profile: Raw = NULL
    icons: Raw = NULL
    attachments: Raw = NULL
    file: FileRecord | None = None
    comment: CommentRecord | None = None
    hidden: bool | None = None
    inviter: str | None = None
    purpose: str | None = None
    topic: str | None = None
    name: str | None = None
    room: Raw = NULL
    pinned_to: list[str] | None = None
    pinned_info: Raw = NULL
    message: Raw = NULL
    previous_message: Raw = NULL
    original: Raw = NULL
    deleted_ts: str | None = None
    assistant_app_thread: Raw = NULL
    welcome_party_user_id: str | None = None


class _Flat(Record, gc=False, kw_only=True):
    slackdump_thread_replies: None = None  # nested records: for `fronts.py`


R = TypeVar("R", bound=Record)
decode_all = msgspec.json.Decoder(list[_Flat]).decode
_record = msgspec.json.Decoder(Record).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_plain = msgspec.json.Decoder().decode


def decode(raw: Raw | bytes) -> Record:
    """The record of a message object. Raises Damaged with the reason."""
    try:
        record = _record(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        record = _mended(raw)
    return usable(record)


def usable(record: R) -> R:
    """The same record. Raises Damaged where it has no `ts` to be known by."""
    if not is_ts(record.ts):
        raise Damaged("no usable ts")
    return record


def loose(raw: Raw) -> Any:
    """A raw part of a record as plain JSON; None where it cannot be read."""
    if raw is NULL:
        return None
    try:
        return parse(raw)
    except (ValueError, RecursionError):
        return None


def _mended(raw: Raw | bytes) -> Record:
    try:
        fields = _fields(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = _fields(_repaired(raw))
    if not bytes(fields.get("thread_ts", NULL)).lstrip().startswith(b'"'):
        fields.pop("thread_ts", None)  # the integer 0 of some old records is no thread
    record = _mend(Record, fields)
    if record is None:
        raise Damaged("no usable ts")
    return record


def _repaired(raw: Raw | bytes) -> bytes:
    """The same record with what JSON does not allow replaced. Raises Damaged."""
    try:
        value = parse(raw)
    except RecursionError:
        raise Damaged("nested too deeply") from None
    except ValueError:
        raise Damaged("not valid JSON") from None
    if not isinstance(value, dict):
        raise Damaged("not a message object")
    return msgspec.json.encode(scrub(value))


def _mend(kind: type[S], fields: dict[str, Raw]) -> S | None:
    """A struct of whatever fits; None where a required field is missing."""
    values = {}
    for name, (required, read) in _readers(kind).items():
        value = read(fields[name]) if name in fields else None
        if value is not None:
            values[name] = value
        elif required:
            return None
    return kind(**values)


@cache
def _readers(kind: type[Struct]) -> dict[str, tuple[bool, Callable[[Raw], Any]]]:
    hints = get_type_hints(kind)
    return {f.name: (f.required, _reader(hints[f.name])) for f in msgspec.structs.fields(kind)}


def _reader(hint: Any) -> Callable[[Raw], Any]:
    """A function that reads one field of this type, or None."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    if hint is Raw:
        return lambda raw: raw
    if get_origin(hint) is list:
        inner = _reader(get_args(hint)[0])
        return lambda raw: _list(raw, inner)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return lambda raw: _struct(raw, hint)
    return {str: _str, int: _int, bool: _bool}[hint]


def _list(raw: Raw, inner: Callable[[Raw], Any]) -> list[Any] | None:
    try:
        return [value for item in _items(raw) if (value := inner(item)) is not None]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _struct(raw: Raw, kind: type[Struct]) -> Struct | None:
    try:
        return _mend(kind, _fields(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _scalar(raw: Raw) -> Any:
    try:
        return parse(raw)
    except (ValueError, RecursionError):
        return None


def _str(raw: Raw) -> str | None:
    """Text; a number as it is written, for a `ts` that lost its quotes."""
    value = _scalar(raw)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bytes(raw).decode("ascii", "replace").strip()
    return None


def _int(raw: Raw) -> int | None:
    value = _scalar(raw)
    if isinstance(value, str):
        value = float(value) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", value) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:
        return int(value)
    return int(value) if isinstance(value, bool) else None


def _bool(raw: Raw) -> bool | None:
    value = _scalar(raw)
    return bool(value) if isinstance(value, bool | int) else None
