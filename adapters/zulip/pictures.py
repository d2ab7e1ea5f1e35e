"""Pictures that are ours: what stands for an image that cannot be had."""

from __future__ import annotations

import struct
import zlib

__all__ = ["stand_in", "suffix"]


def suffix(data: bytes) -> str:
    """The ending of a picture's file name, from its first bytes."""
    for start, ending in ((b"GIF8", ".gif"), (b"\xff\xd8", ".jpg"), (b"RIFF", ".webp")):
        if data.startswith(start):
            return ending
    return ".png"


def stand_in() -> bytes:
    """A grey square, 64 by 64: the picture of a custom emoji that the export does not hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    rows = (b"\x00" + b"\xaa" * 64) * 64
    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
