"""The list of checksums changes with every byte that was written, and with nothing else."""

import subprocess
from pathlib import Path

import pytest
from melablate.contents import write_contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("unet/model.safetensors", "vae/config.json", "model index.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    write_contents(tmp_path / "base.sha256")
    return tmp_path


def again(folder: Path) -> str:
    write_contents(folder / "base.sha256")
    return (folder / "base.sha256").read_text()


def test_it_is_what_sha256sum_writes(folder: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "base.sha256"], cwd=folder, capture_output=True)
    assert done.returncode == 0 and done.stdout.count(b": OK\n") == 3


def test_hidden_files_and_lists_do_not_count(folder: Path) -> None:
    before = (folder / "base.sha256").read_text()
    (folder / ".part").write_text("x")
    (folder / "vae/vae.sha256").write_text("x")
    assert again(folder) == before


@pytest.mark.parametrize("change", ["byte", "rename", "add", "remove"])
def test_every_byte_and_name_counts(folder: Path, change: str) -> None:
    before, file = (folder / "base.sha256").read_text(), folder / "unet/model.safetensors"
    if change == "byte":
        file.write_text("Unet/model.safetensors")
    elif change == "rename":
        file.rename(folder / "unet/other.safetensors")
    elif change == "add":
        (folder / "unet/more.json").write_text("")
    else:
        file.unlink()
    assert again(folder) != before
