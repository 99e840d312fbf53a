"""Jobs that a killed Snakemake left: found by their folder, ended before anything new writes."""

import getpass
import os
from pathlib import Path

import pytest
from melablate.cluster.leftovers import SlurmJob, end_leftovers, leftovers

ME = getpass.getuser()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A queue that is a file; scancel takes lines out of it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    queue = tmp_path / "queue"
    queue.touch()
    scripts = {
        "squeue": f"cat {queue}",
        "scancel": f'for n in "$@"; do sed -i "/^$n\\t/d" {queue}; done',
    }
    for name, text in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return queue


def line(number: int, user: str, comment: str, folder: Path) -> str:
    return f"{number}\t{user}\t{comment}\t{folder}\n"


def test_only_jobs_of_this_folder_that_snakemake_has_sent(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    slurm.write_text(
        line(1, ME, "rule_train_arm_wildcards_long_0", link)
        + line(2, ME, "rule_train_arm_wildcards_long_0", other)
        + line(3, ME, "(null)", tmp_path)
        + line(4, ME, "rule_make_table", Path("/nowhere"))
        + line(5, ME, "rule_score_samples_wildcards_long_1", tmp_path)
    )
    monkeypatch.setenv("SLURM_JOB_ID", "5")  # we are in it ourselves
    assert leftovers(tmp_path) == [SlurmJob("1", ME, "train_arm long_0")]


def test_they_are_ended_and_told(
    slurm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slurm.write_text("".join(line(n, ME, "rule_train_arm", tmp_path) for n in (7, 8, 9, 10)))
    end_leftovers(tmp_path)
    assert slurm.read_text() == ""
    said = capsys.readouterr().err
    assert "7 (train_arm), 8 (train_arm), 9 (train_arm) and 1 more" in said


def test_those_of_another_user_stop_the_run(slurm: Path, tmp_path: Path) -> None:
    slurm.write_text(line(7, "ada", "rule_train_arm", tmp_path))
    with pytest.raises(SystemExit, match=r"7 \(train_arm\) of ada .* scancel 7"):
        end_leftovers(tmp_path)
    assert slurm.read_text()


def test_a_slurm_that_does_not_answer_is_told_and_stops_nothing(
    slurm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "programs/squeue").write_text("#!/bin/sh\necho Unable to contact >&2\nexit 1\n")
    end_leftovers(tmp_path)
    assert "Unable to contact" in capsys.readouterr().err


def test_without_slurm_there_is_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    end_leftovers(tmp_path)
