"""Files are whole or absent, as open as the user's mask says, and leave nothing beside them."""

import os
import time
from pathlib import Path

import pytest
from melablate.files import write_text, writing, writing_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_modes_are_those_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a", "x")
        with writing_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o777 & ~mask


def test_a_failure_leaves_the_old_one(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with writing_folder(tmp_path / "b") as folder:
        write_text(folder / "c", "old")
    with pytest.raises(KeyError), writing(tmp_path / "a") as aside:
        aside.write_text("new")
        raise KeyError
    with pytest.raises(KeyError), writing_folder(tmp_path / "b") as folder:
        write_text(folder / "c", "new")
        raise KeyError
    assert (tmp_path / "a").read_text() == (tmp_path / "b/c").read_text() == "old"
    assert names(tmp_path) == ["a", "b"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with writing_folder(tmp_path / "b") as folder:
            write_text(folder / name, name)
    assert names(tmp_path) == ["b"] and names(tmp_path / "b") == ["two"]


def test_what_a_kill_left_long_ago_is_removed(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".a.txt.0123456789ab.txt", tmp_path / ".a.txt.ba9876543210.txt"
    others = [tmp_path / ".a.txt.mine", tmp_path / "a.txt.0123456789ab.txt"]
    for path in (old, fresh, *others):
        path.write_text("x")
    long_ago = time.time() - 3 * 24 * 3600
    for path in (old, *others):
        os.utime(path, (long_ago, long_ago))
    write_text(tmp_path / "a.txt", "y")
    assert set(names(tmp_path)) == {"a.txt", fresh.name, *(path.name for path in others)}
