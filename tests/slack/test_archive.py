"""Archives: what is read, what is refused, and that a stream is the same as a whole."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.errors import ExportError, MigratorError
from migrator.slack.archive import Limits, open_archive
from migrator.slack.damage import Damaged
from migrator.slack.names import enclosing, is_junk, unsafe

MEMBERS = {
    "users.json": b"[]",
    "channels.json": b"[]",
    "general/2024-01-01.json": b"[" + b" " * 100_000 + b"]",
    "__uploads/F0SAMPLE01/a.bin": bytes(range(256)) * 2000,
    "empty/2024-01-01.json": b"",
}


def as_folder(path: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_and_its_folder_are_the_same(tmp_path: Path, method: int) -> None:
    folder = open_archive(as_folder(tmp_path / "export", MEMBERS))
    packed = open_archive(as_zip(tmp_path / "export.zip", MEMBERS, method))
    assert list(folder.names()) == list(packed.names()) == sorted(MEMBERS)
    assert folder.fingerprint == packed.fingerprint
    for archive in (folder, packed):
        assert archive.refused == []
        for name, content in MEMBERS.items():
            assert archive.size(name) == len(content)
            assert archive.read(name) == content
            with archive.open(name) as stream:
                assert stream.read() == content
        archive.close()


def test_streams_of_one_zip_do_not_disturb_each_other(tmp_path: Path) -> None:
    archive = open_archive(as_zip(tmp_path / "export.zip", MEMBERS))
    names = ["general/2024-01-01.json", "__uploads/F0SAMPLE01/a.bin"]
    streams = [archive.open(name) for name in names]
    pieces = [bytearray(), bytearray()]
    for _ in range(4000):
        for piece, stream in zip(pieces, streams, strict=True):
            piece.extend(stream.read(200))
    assert [bytes(piece) for piece in pieces] == [MEMBERS[name] for name in names]


def test_the_fingerprint_sees_an_edit_of_the_same_length(tmp_path: Path) -> None:
    before = open_archive(as_folder(tmp_path / "a", MEMBERS)).fingerprint
    edited = MEMBERS | {"general/2024-01-01.json": b"[1" + b" " * 99_999 + b"]"}
    assert open_archive(as_folder(tmp_path / "b", edited)).fingerprint != before
    assert open_archive(as_folder(tmp_path / "c", MEMBERS)).fingerprint == before


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(count=3), "members"),
        (Limits(total=1000), "unpacks to more than"),
    ],
)
def test_limits_of_a_whole_archive(tmp_path: Path, limits: Limits, told: str) -> None:
    for path in (as_folder(tmp_path / "export", MEMBERS), as_zip(tmp_path / "export.zip", MEMBERS)):
        with pytest.raises(ExportError, match=told):
            open_archive(path, limits)


def test_a_member_beyond_its_limit_is_streamed_only(tmp_path: Path) -> None:
    for path in (as_folder(tmp_path / "export", MEMBERS), as_zip(tmp_path / "export.zip", MEMBERS)):
        archive = open_archive(path, Limits(member=50_000, ratio=10_000))
        with pytest.raises(Damaged, match="larger than"):
            archive.read("general/2024-01-01.json")
        assert len(archive.open("general/2024-01-01.json").read()) == 100_002


def test_a_bomb_is_never_inflated(tmp_path: Path) -> None:
    """What the directory hides, the reader still does not unpack: it stops one byte after the size it was told."""
    path = as_zip(tmp_path / "bomb.zip", MEMBERS | {"random/2024-01-01.json": b" " * (8 << 20)})
    content = bytearray(path.read_bytes())
    at = content.rfind(b"random/2024-01-01.json") - 46
    content[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(content)
    archive = open_archive(path)
    with pytest.raises(Damaged, match="longer"):
        archive.read("random/2024-01-01.json")
    with pytest.raises(Damaged, match="longer"), archive.open("random/2024-01-01.json") as stream:
        stream.read()


def test_zip64_and_more_members_than_16_bits(tmp_path: Path) -> None:
    many = {f"c{n // 1000}/{n}.txt": b"" for n in range(66_000)} | MEMBERS
    archive = open_archive(as_zip(tmp_path / "many.zip", many, zipfile.ZIP_STORED))
    assert len(archive.names()) == len(many)
    assert archive.read("users.json") == b"[]"


def test_zip64_sizes_are_read_from_the_extra_field(tmp_path: Path) -> None:
    path = tmp_path / "wide.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("users.json", "w", force_zip64=True) as member:
            member.write(b"[]")
        archive.writestr("channels.json", b"[]")
    assert open_archive(path).read("users.json") == b"[]"


@pytest.mark.parametrize(
    ("names", "root"),
    [
        (["users.json", "general/2024-01-01.json"], ""),
        (["a/users.json", "a/general/2024-01-01.json"], "a/"),
        (["a/b/channels.json", "a/b/x/2024-01-01.json", "a/README.md"], "a/b/"),
        (["general/2024-01-01.json", "random/2024-01-01.json"], ""),
        (["general/2024-01-01.json"], ""),
        (["export/general/2024-01-01.json", "export/random/2024-01-01.json"], "export/"),
        (["teams/a/channels.json", "teams/b/channels.json"], ""),
        (["x/teams/a/channels.json", "x/teams/b/channels.json"], "x/"),
        (["x/org_users.json", "x/channels.json", "x/teams/a/users.json"], "x/"),
        (["channels.json", "general/users.json"], ""),
        (["users.json", "deep/general/2024-01-01.json"], ""),
        (["a/slackdump.sqlite", "a/__uploads/F1/x"], "a/"),
        (["a/users.json.gz", "a/C0GENERAL.json.gz"], "a/"),
        ([], ""),
    ],
)
def test_the_enclosing_folder(names: list[str], root: str) -> None:
    assert enclosing(names) == root


@pytest.mark.parametrize(
    "name", ["con/2024-01-01.json", "FC:F0A:b: c/x.json", "a..b/x.json", "...", "aux.json", "a\\b"]
)
def test_odd_names_that_are_fine(name: str) -> None:
    assert unsafe(name, 16) == ""


@pytest.mark.parametrize(
    "name", ["/x", "\\x", "a/../b", "..", "..\\x", "a\0b", "C:\\x", "c:/x", "a/" * 20 + "b", "x" * 5000]
)
def test_names_that_are_not(name: str) -> None:
    assert unsafe(name, 16)


@pytest.mark.parametrize("name", ["__MACOSX/a/b", "a/.DS_Store", "a/._b.json", "Thumbs.db", ".git/config"])
def test_junk(name: str) -> None:
    assert is_junk(name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mangled_zip_never_surprises(data: st.DataObject, tmp_path: Path) -> None:
    """Any change of bytes gives the right content, a refusal, or an error of ours."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content[:300])
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path / "mangled.zip"
    path.write_bytes(content)
    try:
        opened = open_archive(path)
    except MigratorError:
        return
    for name in opened.names():
        try:
            whole = opened.read(name)
        except Damaged:
            with pytest.raises(Damaged), opened.open(name) as stream:
                stream.read()
        else:
            assert opened.open(name).read() == whole
    opened.close()
