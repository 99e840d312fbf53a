"""Room, inodes and quotas, against file systems and tools that have too little of them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from melablate.doctor import disk, quotas
from melablate.doctor.mounts import Mount, mount_of
from patients import bad, levels, path, patient, program

__all__ = ["path"]
QUOTA = """Disk quotas for user student (uid 1000):
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
      {source}  {used}  {quota} {limit}       0   {files}  {fquota}    {flimit}      0
"""
"""As quota(1) of Linux DiskQuota 4 prints it with -w -p."""
LUSTRE = "     /scratch  {used}  {quota} {limit}       -   {files}  0    {flimit}      -\n"
"""As lfs-quota(1) prints it with -q."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB and 20 files."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=20", "none", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_and_a_tight_one_warns(small: Path) -> None:
    assert disk.space(small, 100_000, "").level.name == "OK"
    assert disk.space(small, 200_000, "").level.name == "WARNING"
    assert disk.space(small, 300_000, "").level.name == "FAILURE"
    (small / "file").write_bytes(bytes(200_000))
    assert disk.space(small, 100_000, "").level.name == "FAILURE"


def test_files_run_out_before_room_does(small: Path) -> None:
    assert disk.inodes(small, 10).level.name == "OK"
    for number in range(15):
        (small / str(number)).touch()
    found = disk.inodes(small, 10)
    assert found.level.name == "FAILURE" and "no file can be made" in found.why


def test_a_study_says_what_it_will_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = patient(tmp_path, arms=["baseline"], seeds=[0, 1])
    parts = disk.to_write(study.plan, tmp_path / "results")
    # (2 runs of the arm, 2 of the untuned base, 3 ceilings) × 16 prompts × 65,024 samples of 16
    # bits, with an image of 64 × 128 pixels at most
    sound = (2 + 2 + 3) * 16 * 2 * 65_024
    assert sound < parts["samples"] < sound + 7 * 16 * 64 * 128
    assert parts["a state meanwhile"] > 0
    done = tmp_path / "results/demo/arms/baseline/seed-0"
    done.mkdir(parents=True)
    (done / "train.safetensors").touch()
    less = disk.to_write(study.plan, tmp_path / "results")
    assert less["train"] == parts["train"] / 2

    assert levels(bad(list(disk.check(study)))) == []
    full = SimpleNamespace(f_bavail=10, f_frsize=4096, f_files=10**6, f_favail=10**5)
    monkeypatch.setattr(os, "statvfs", lambda folder: full)
    assert "FAILURE" in levels(bad(list(disk.check(study))))


@pytest.mark.parametrize(
    ("numbers", "level"),
    [
        ({"used": 1000, "quota": 0, "limit": 10_000_000}, "OK"),
        ({"used": 9_999_000, "quota": 0, "limit": 10_000_000}, "FAILURE"),
        ({"used": "5100000*", "quota": 5_000_000, "limit": 10_000_000}, "FAILURE"),
        ({"used": 9_870_000, "quota": 0, "limit": 10_000_000}, "WARNING"),
        ({"used": 1, "quota": 0, "limit": 0, "files": 9_500, "flimit": 10_000}, "FAILURE"),
    ],
)
@pytest.mark.parametrize("tool", ["quota", "lfs"])
def test_quotas(
    numbers: dict[str, object],
    level: str,
    tool: str,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = {"files": 5, "fquota": 0, "flimit": 0} | numbers
    mount = Mount("/scratch", "lustre" if tool == "lfs" else "ext4", "/dev/sdb1")
    monkeypatch.setattr(quotas, "mount_of", lambda folder: mount)
    answer = LUSTRE if tool == "lfs" else QUOTA
    program(path, tool, answer.format(source=mount.source, **shown), code=1 if "*" in answer else 0)
    found = list(quotas.quotas(tmp_path, 100e6, 1000))
    bad(found)
    assert {one.level.name for one in found} == {level}, found


def test_without_a_tool_quotas_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = quotas.quotas(tmp_path, 1, 1)
    assert found.level.name == "UNKNOWN" and found.mend == "quota -s"


def test_the_innermost_file_system_counts(small: Path) -> None:
    told = mount_of(small / "deeper")
    assert told is not None and (told.place, told.kind) == (str(small), "tmpfs")
    assert not told.shared and Mount("/home", "nfs4", "server:/home").shared
