"""Pictures as the server takes them: emoji of at most 512 KiB, avatars that are pictures at all."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import IO

from migrator.adapters.base import Largest

__all__ = ["EMOJI_BYTES", "avatar", "emoji", "largest_in"]

EMOJI_BYTES = 512 << 10  # more is fatal to the whole import (facts/mattermost.md 10.1)
EMOJI_SIDES = (128, 96, 64, 48, 32)  # pixels, tried one after the other
AVATAR_SIDE = 1024
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")
_SUFFIX = {"PNG": "png", "GIF": "gif", "JPEG": "jpg"}


def emoji(data: bytes) -> tuple[bytes, str] | None:
    """The image and its suffix; made smaller where it is too large; None where it is no picture we can read."""
    found = _format(data)
    if found in _SUFFIX and len(data) <= EMOJI_BYTES:
        return data, _SUFFIX[found]
    for side in EMOJI_SIDES:
        if (made := _smaller(data, side)) is not None and len(made) <= EMOJI_BYTES:
            return made, "png"
    return None


def avatar(data: bytes) -> tuple[bytes, str] | None:
    """As `emoji`, for a profile image; only what the server cannot read is converted."""
    found = _format(data)
    if found in _SUFFIX:
        return data, _SUFFIX[found]
    made = _smaller(data, AVATAR_SIDE)
    return (made, "png") if made is not None else None


def largest_in(package: Path) -> Largest:
    """The largest file in a zip, and the picture with most pixels, by their own headers."""
    largest = Largest()
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            if not entry.filename.startswith("data/"):
                continue
            largest.file = max(largest.file, entry.file_size)
            if entry.filename.lower().endswith(PICTURES):
                with archive.open(entry) as body:
                    largest.pixels = max(largest.pixels, _pixels(body))
    return largest


def _pixels(body: IO[bytes]) -> int:
    """Width by height; 0 where it is no picture that we can read."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(body) as image:
                return int(image.width * image.height)
    except Exception:  # the library raises many kinds for damaged data, and one for a picture that is too wide
        return 0


def _format(data: bytes) -> str:
    """What the picture is, if it can be decoded to its end; "" else."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                image.load()
                return image.format or ""
    except Exception:  # the library raises many kinds for damaged data
        return ""


def _smaller(data: bytes, side: int) -> bytes | None:
    """A still PNG that fits a square of `side` pixels."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                small = image.convert("RGBA")
                small.thumbnail((side, side))
                out = io.BytesIO()
                small.save(out, "PNG")
                return out.getvalue()
    except Exception:  # as above
        return None
