"""An archive unpacks within its folder, whole and right, or leaves nothing."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from fetch_sites import TRACKS, packed
from hypothesis import given
from hypothesis import strategies as st
from melablate.fetch import archives
from melablate.fetch.archives import size_unpacked, unpack
from melablate.fetch.wanted import FetchError


def there(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if not p.is_dir() or p.is_symlink())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def archive(folder: Path, content: bytes) -> Path:
    path = folder / "audio.zip"
    path.write_bytes(content)
    return path


def unpacked(folder: Path, content: bytes) -> dict[str, bytes]:
    into = folder / "data" / "audio"
    unpack(archive(folder, content), into, folder / "work" / "audio")
    return there(into)


SHORT = {name.removeprefix("audio/"): body for name, body in TRACKS.items()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["audio/", ""])
def test_members_appear_whole(tmp_path: Path, method: int, top: str) -> None:
    members = {f"{top}{name}": body for name, body in SHORT.items()}
    folders = {"audio/": b"", "__MACOSX/audio/._x": b"noise"} if top else {}
    assert unpacked(tmp_path, packed(members | folders, method)) == SHORT
    assert not list((tmp_path / "work").rglob("*.mp3"))


def one(name: str, body: bytes = b"evil", mode: int = 0, flags: int = 0) -> bytes:
    """An archive whose second member is the given one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("audio/good.mp3", b"good")
        info = zipfile.ZipInfo("x")
        info.filename = name
        info.external_attr = mode << 16
        made.writestr(info, body)
    content = bytearray(out.getvalue())
    if flags:
        for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            content[content.rindex(mark) + offset] |= flags
    return bytes(content)


HARM = {
    "up": one("../evil"),
    "up later": one("audio/../../evil"),
    "up at the end": one("audio/.."),
    "absolute": one("/tmp/melablate-evil"),
    "two slashes": one("audio//evil"),
    "here": one("./evil"),
    "backslashes": one("..\\evil"),
    "a drive": one("C:evil"),
    "a NUL": one("audio/evil\0.mp3"),
    "a link": one("audio/link", b"/etc/passwd", stat.S_IFLNK | 0o777),
    "a device": one("audio/device", b"", stat.S_IFCHR | 0o666),
    "a pipe": one("audio/pipe", b"", stat.S_IFIFO | 0o666),
    "encrypted": one("audio/secret", flags=1),
    "a file and a folder": one("audio/good.mp3/evil"),
    "nothing": packed({}),
    "no archive": b"<html>not today</html>",
    "cut short": packed(TRACKS)[:-30],
}


@pytest.mark.parametrize("content", HARM.values(), ids=HARM.keys())
def test_one_harmful_member_and_nothing_is_unpacked(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FetchError, match=r"nothing was unpacked|cannot be unpacked"):
        unpacked(tmp_path, content)
    assert there(tmp_path) == {"audio.zip": content}
    assert not Path("/tmp/melablate-evil").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="one name"):
        unpacked(tmp_path, one("audio/good.mp3"))


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SLACK", 1_000_000)
    bomb = packed({"audio/zeros": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(FetchError, match="would grow to 50000000 bytes"):
        unpacked(tmp_path, bomb)


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    """Says 10 bytes and holds 10 MB: no more than it says is written, and its CRC tells."""
    content = bytearray(packed({"audio/zeros": bytes(10_000_000)}, zipfile.ZIP_DEFLATED))
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        place = content.index(mark) + offset
        content[place : place + 4] = struct.pack("<I", 10)
    with pytest.raises(FetchError, match="cannot be unpacked"):
        unpacked(tmp_path, bytes(content))
    assert sum(map(len, there(tmp_path / "work").values())) <= 10


@given(place=st.integers(0), value=st.integers(1, 255))
def test_a_flipped_byte_never_comes_through(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    """Of data or of structure: the tracks are right, or there are none under their names."""
    folder = tmp_path_factory.mktemp("x")
    content = bytearray(packed(TRACKS, zipfile.ZIP_DEFLATED))
    content[place % len(content)] ^= value
    try:
        size_unpacked(archive(folder, bytes(content)), "audio")
        found = unpacked(folder, bytes(content))
    except FetchError:
        found = {}
        assert not (folder / "data/audio").exists()
    assert found.items() <= SHORT.items() or {*found.values()} <= {*SHORT.values()}


def test_an_interrupted_unpacking_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, opened = packed(TRACKS), list[str]()
    right = zipfile.ZipFile.open

    def breaks(self: zipfile.ZipFile, info: zipfile.ZipInfo, *more: str) -> object:
        opened.append(info.filename)
        if len(opened) == 6:
            raise OSError(28, "No space left on device")
        return right(self, info, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(zipfile.ZipFile, "open", breaks)
    with pytest.raises(OSError, match="No space"):
        unpacked(tmp_path, content)
    assert not (tmp_path / "data").exists()
    half = next((tmp_path / "work").rglob("*.mp3"))
    half.write_bytes(b"x" * half.stat().st_size)
    assert unpacked(tmp_path, content) == SHORT
    assert len(opened) == 6 + len(TRACKS) - 5 + 1  # the rest, and the one that was spoilt


def test_right_files_that_are_there_stay_and_others_are_kept_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "data/audio"
    first = "00/0.2min.mp3"
    (into / "00").mkdir(parents=True)
    (into / first).write_bytes(SHORT[first])
    (into / "00/3.2min.mp3").write_bytes(b"wrong")
    (into / "mine.wav").write_bytes(b"mine")
    inode = (into / first).stat().st_ino
    assert unpacked(tmp_path, packed(TRACKS)) == SHORT
    assert (into / first).stat().st_ino == inode
    assert "were moved to" in capsys.readouterr().out
    kept = there(tmp_path / "work")
    assert sorted(kept.values()) == [b"mine", b"wrong"]


def test_a_whole_folder_laid_there_by_hand_is_not_touched(tmp_path: Path) -> None:
    for name, body in SHORT.items():
        file = tmp_path / "elsewhere" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/audio").symlink_to("../elsewhere")
    assert unpacked(tmp_path, packed(TRACKS)) == SHORT
    assert (tmp_path / "data/audio").is_symlink() and not (tmp_path / "work").exists()
    (tmp_path / "elsewhere/00/0.2min.mp3").unlink()
    with pytest.raises(FetchError, match=r"is a link.*remove the link"):
        unpacked(tmp_path, packed(TRACKS))


def test_others_may_read_what_was_unpacked(tmp_path: Path) -> None:
    """A group shares the folder: its modes are those that the person's umask gives."""
    unpacked(tmp_path, packed(TRACKS))
    assert (tmp_path / "data/audio/00/0.2min.mp3").stat().st_mode & 0o777 == 0o666 & ~umask()
    assert (tmp_path / "data/audio").stat().st_mode & 0o777 == 0o777 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
