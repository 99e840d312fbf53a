"""Files are whole or absent, as open as the user's mask says, and leave nothing beside them."""

import os
import time
from pathlib import Path

import pytest
from melablate.files import LIST, write_text, writing, writing_folder


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
    assert names(tmp_path) == ["b"] and names(tmp_path / "b") == [LIST, "two"]


@pytest.mark.parametrize("foreign", ["mine.txt", "below/mine.txt"])
def test_a_folder_with_a_users_files_is_not_replaced(tmp_path: Path, foreign: str) -> None:
    out = tmp_path / "b"
    for mine in (False, True):
        if mine:
            (out / foreign).parent.mkdir(exist_ok=True)
            (out / foreign).write_text("years of work")
        try:
            with writing_folder(out) as folder:
                write_text(folder / "c", f"{mine}")
        except SystemExit as stopped:
            assert mine and foreign in str(stopped) and "--out" in str(stopped)
    assert (out / foreign).read_text() == "years of work" and (out / "c").read_text() == "False"
    assert names(tmp_path) == ["b"]


def test_a_folder_never_written_here_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with writing_folder(tmp_path / "b"):  # an empty one is free
        pass
    (tmp_path / "c").mkdir()
    (tmp_path / "c/notes").write_text("x")
    (tmp_path / "d").write_text("x")
    for name in ("c", "d"):
        with pytest.raises(SystemExit, match=name), writing_folder(tmp_path / name):
            pass
    assert (tmp_path / "c/notes").read_text() == (tmp_path / "d").read_text() == "x"


def test_what_snakemake_puts_into_a_folder_is_not_a_users(tmp_path: Path) -> None:
    for _ in range(2):
        with writing_folder(tmp_path / "b") as folder:
            (folder / "images").mkdir()
            (folder / "images/a").write_text("x")
        (tmp_path / "b/images/.snakemake_timestamp").touch()


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "b").symlink_to("large")
    for name in ("one", "two"):
        with writing_folder(tmp_path / "b") as folder:
            write_text(folder / name, name)
    assert (tmp_path / "b").is_symlink() and names(tmp_path / "large") == [LIST, "two"]
    assert names(tmp_path) == ["b", "large"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_the_old_folder_comes_back_if_it_is_interrupted_between_the_two_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    with writing_folder(tmp_path / "b") as folder:
        write_text(folder / "c", "old")
    replace, calls = Path.replace, iter((False, True, False))

    def interrupted(self: Path, target: Path) -> Path:
        if next(calls):
            raise error
        return replace(self, target)

    with pytest.raises(error), writing_folder(tmp_path / "b") as folder:
        (folder / "c").write_text("new")
        monkeypatch.setattr(Path, "replace", interrupted)
    assert names(tmp_path) == ["b"] and (tmp_path / "b/c").read_text() == "old"


def test_the_only_folder_that_a_kill_left_is_kept(tmp_path: Path) -> None:
    left = tmp_path / ".b.0123456789ab.old"
    left.mkdir()
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(left, (long_ago, long_ago))
    with pytest.raises(KeyError), writing_folder(tmp_path / "b"):
        raise KeyError
    assert left.exists()
    for _ in range(2):
        with writing_folder(tmp_path / "b"):
            pass
    assert not left.exists()


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
