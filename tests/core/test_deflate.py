"""ISA-L and zlib by one name: what either packs, both read; what is broken, both refuse; a bomb never goes off."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from migrator import deflate
from migrator.errors import ExportError
from migrator.slack.damage import Damaged
from migrator.slack.unzip import Zip

TEXT = b"".join(b'{"ts":"%d.000100","text":"a line of talk","user":"U%d"}\n' % (n * 7, n % 9) for n in range(2000))
NAME = b"general/2024-01-01.json"


CODECS = list(dict.fromkeys((deflate.codec, zlib)))  # one where ISA-L has no wheel


@pytest.fixture(autouse=True, params=CODECS, ids=lambda codec: codec.__name__)
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(deflate, "codec", request.param)
    module: ModuleType = request.param
    return module


def packed(text: bytes = TEXT, codec: ModuleType = zlib) -> bytes:
    packer = codec.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return bytes(packer.compress(text) + packer.flush())


def archive(folder: Path, data: bytes) -> Zip:
    """A zip of which only the member's own header and data matter."""
    header = b"PK\3\4" + bytes(22) + len(NAME).to_bytes(2, "little") + bytes(2) + NAME
    path = folder / "one.zip"
    path.write_bytes(header + data + b"PK\5\6" + bytes(18))
    return Zip(path, 10)


def whole(zip_: Zip, data: bytes, size: int, crc: int) -> bytes:
    return zip_.read(0, len(data), size, crc, 8)


def streamed(zip_: Zip, data: bytes, size: int, crc: int) -> bytes:
    with zip_.open(0, len(data), size, crc, 8) as stream:
        return stream.read()


Reading = Callable[[Zip, bytes, int, int], bytes]
READINGS = pytest.mark.parametrize("reading", [whole, streamed])


@READINGS
@pytest.mark.parametrize("packer", CODECS)
def test_what_either_packed_is_read(tmp_path: Path, reading: Reading, packer: ModuleType) -> None:
    data = packed(codec=packer)
    assert reading(archive(tmp_path, data), data, len(TEXT), zlib.crc32(TEXT)) == TEXT


FLIPPED = bytearray(packed())
FLIPPED[len(FLIPPED) // 2] ^= 0x55
BROKEN = {
    "cut in the middle": (packed()[:3000], 0, 0, "it is cut off"),
    "nothing there": (b"", 0, 0, "it is cut off"),
    "shorter than stated": (packed(), 1, 0, "it is cut off"),
    "longer than stated": (packed(), -1, 0, "it is longer than the directory says"),
    "another checksum": (packed(), 0, 1, "its checksum is wrong"),
    "another text": (packed(TEXT.replace(b"talk", b"walk")), 0, 0, "its checksum is wrong"),
    "no such block": (b"\x07" + packed()[1:], 0, 0, "its compressed data are broken"),
    "a stored block whose lengths differ": (b"\x01\x05\x00\x05\x00hello", 0, 0, "its compressed data are broken"),
    "looks back before the beginning": (b"\x4b\x04\x12\x00", 0, 0, "its compressed data are broken"),
}


@READINGS
@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_refused(tmp_path: Path, reading: Reading, what: str) -> None:
    data, more, other, told = BROKEN[what]
    with pytest.raises(Damaged, match=told):
        reading(archive(tmp_path, data), data, len(TEXT) + more, zlib.crc32(TEXT) ^ other)


@READINGS
def test_a_flipped_byte_is_noticed(tmp_path: Path, reading: Reading) -> None:
    rolls, sound = random.Random(7), packed()
    for _ in range(200):
        data = bytearray(sound)
        data[rolls.randrange(len(data))] ^= rolls.randrange(1, 256)
        try:
            found = reading(archive(tmp_path, bytes(data)), bytes(data), len(TEXT), zlib.crc32(TEXT))
        except (Damaged, ExportError):
            continue
        assert found == TEXT


@READINGS
def test_a_bomb_costs_what_its_directory_claims(tmp_path: Path, reading: Reading) -> None:
    data = packed(bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(Damaged, match="longer than the directory says"):
        reading(archive(tmp_path, data), data, 1000, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_packed_texts_are_joined(codec: ModuleType) -> None:
    texts = [TEXT[:1000], b"", TEXT, b"x" * 300_000, random.Random(1).randbytes(100_000)]
    joined = b"".join(map(deflate.deflated, texts)) + b"\x03\x00"
    for reader in CODECS:
        inflate = reader.decompressobj(-zlib.MAX_WBITS)
        assert inflate.decompress(joined) == b"".join(texts)
        assert inflate.eof
        assert not inflate.unused_data


def test_checksums_are_equal() -> None:
    assert deflate.crc32(TEXT[99:], deflate.crc32(memoryview(TEXT)[:99])) == zlib.crc32(TEXT)


def test_without_isal_it_is_zlib() -> None:
    script = "import sys; sys.modules['isal'] = None; from migrator import deflate; print(deflate.codec.__name__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "zlib\n"
