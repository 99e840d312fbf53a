"""Clocks, times of files, and who can see them."""

import os
import time
from pathlib import Path

import pytest
from melablate.doctor import shared_files
from melablate.doctor.mounts import Mount
from melablate.doctor.patient import Site
from patients import bad, levels, path, patient, program

__all__ = ["path"]


def test_all_is_well_here_and_nothing_is_left(tmp_path: Path) -> None:
    found = list(shared_files.check(patient(tmp_path)))
    assert set(levels(found)) == {"OK"}, found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ahead", "level"), [(0, "OK"), (5, "WARNING"), (-5, "WARNING"), (600, "FAILURE")]
)
def test_a_clock_that_is_wrong(
    ahead: float, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(shared_files.time, "time", lambda: real() + ahead)  # type: ignore[attr-defined]
    assert shared_files.clock(tmp_path).level.name == level


def test_files_from_the_future(tmp_path: Path) -> None:
    results = tmp_path / "results/tiny"
    results.mkdir(parents=True)
    (results / "table.md").touch()
    assert shared_files.future(tmp_path / "results", time.time()).level.name == "OK"
    os.utime(results / "table.md", (time.time() + 3600,) * 2)
    (found,) = bad([shared_files.future(tmp_path / "results", time.time())])
    assert str(results / "table.md") in found.what and "touch" in found.mend


def test_times_of_whole_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch = Path.touch

    def coarse(self: Path) -> None:
        touch(self)
        os.utime(self, (int(time.time()),) * 2)

    assert shared_files.resolution(tmp_path).level.name == "OK"
    monkeypatch.setattr(Path, "touch", coarse)
    assert shared_files.resolution(tmp_path).level.name == "WARNING"


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (found,) = bad([shared_files.locks(tmp_path)])
    assert "hard links" in found.what


def test_nodes_do_not_see_a_disk_of_the_login_node(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = patient(tmp_path, Site(executor="slurm"))
    monkeypatch.setattr(shared_files, "mount_of", lambda folder: Mount("/", "xfs", "/dev/sda1"))
    program(path, "sinfo", "node1\nnode2\n")
    assert shared_files.seen_by_nodes(study).level.name == "WARNING"
    program(path, "sinfo", f"{os.uname().nodename}\n")
    assert shared_files.seen_by_nodes(study).level.name == "OK"
    monkeypatch.setattr(shared_files, "mount_of", lambda folder: Mount("/home", "nfs4", "s:/home"))
    program(path, "sinfo", "node1\nnode2\n")
    assert shared_files.seen_by_nodes(study).level.name == "OK"
