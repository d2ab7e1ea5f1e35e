"""Raw deflate and CRC-32 (RFC 1951; APPNOTE 4.4.7): ISA-L's where it is installed, several times as quick, else zlib's.

Each reads what the other has written, though of the same text they make different bytes. Of broken data ISA-L says less
than zlib (it passes over faults in tables of which nothing is used), so that their readers compare length and checksum.
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

codec: Any
try:
    from isal import isal_zlib as codec
except ImportError:  # there is no wheel for this machine
    codec = zlib

__all__ = ["BROKEN", "Inflater", "crc32", "deflated", "inflater"]

# Of deflate. ISA-L's 1 is no quicker, and in one process of 2,000 makes other bytes of the same text, as if its tables
# were not all cleared; 3 halves the speed to save 5 %.
LEVEL = 2
BROKEN: tuple[type[Exception], ...] = (zlib.error, codec.error)  # what inflaters raise


class Inflater(Protocol):
    """As `zlib.Decompress`."""

    eof: bool
    unconsumed_tail: bytes

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


def inflater() -> Inflater:
    """Of raw deflate; raises BROKEN."""
    made: Inflater = codec.decompressobj(-zlib.MAX_WBITS)
    return made


def deflated(text: bytes) -> bytes:
    """Raw deflate that ends with a full flush: more of it may follow (RFC 1951, 3.2.3)."""
    packer = codec.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed: bytes = packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed


def crc32(data: bytes | memoryview, before: int = 0) -> int:
    """`before`: that of what precedes the data."""
    sum_: int = codec.crc32(data, before)
    return sum_
