"""Jobs that a killed Snakemake left: found by their folder, ended before anything new writes."""

import getpass
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from melablate.cluster import leftovers as module
from melablate.cluster import running
from melablate.cluster.holder import Holder
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


def line(number: int, user: str, comment: str, folder: Path, run: str = "melablate_1") -> str:
    return f"{number}\t{user}\t{run}\t{comment}\t{folder}\n"


def leave(folder: Path, holder: Holder) -> Path:
    """A note as another Snakemake would have left it."""
    path = folder / running.FOLDER / f"{holder.token}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(holder.text())
    return path


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
    assert leftovers(tmp_path) == [SlurmJob("1", ME, "train_arm long_0", "melablate_1")]


def test_they_are_ended_and_told(
    slurm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slurm.write_text("".join(line(n, ME, "rule_train_arm", tmp_path) for n in (7, 8, 9, 10)))
    end_leftovers(tmp_path, needed=True)
    assert slurm.read_text() == ""
    said = capsys.readouterr().err
    assert "7 (train_arm), 8 (train_arm), 9 (train_arm) and 1 more" in said


def test_those_of_another_user_stop_the_run(slurm: Path, tmp_path: Path) -> None:
    slurm.write_text(line(7, "ada", "rule_train_arm", tmp_path))
    with pytest.raises(SystemExit, match=r"7 \(train_arm\) of ada .* scancel 7"):
        end_leftovers(tmp_path, needed=True)
    assert slurm.read_text()


def test_a_slurm_that_does_not_answer_is_told_and_stops_nothing(
    slurm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "programs/squeue").write_text("#!/bin/sh\necho Unable to contact >&2\nexit 1\n")
    end_leftovers(tmp_path, needed=False)
    assert "Unable to contact" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"Unable to contact.* Start again once it does"):
        end_leftovers(tmp_path, needed=True)


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_slurm_that_is_away_while_they_end_does_not_say_that_they_are_gone(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    slurm.write_text(line(7, ME, "rule_train_arm", tmp_path))
    away, squeue = tmp_path / "away", tmp_path / "programs/squeue"
    squeue.write_text(f"#!/bin/sh\ntest ! -e {away} && cat {slurm}\n")
    (tmp_path / "programs/scancel").write_text(f"#!/bin/sh\ntouch {away}\nexit 1\n")
    waits = list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if comes_back and len(waits) == 3:
            slurm.write_text("")
            away.unlink()

    clock = SimpleNamespace(sleep=sleep, monotonic=lambda: 90.0 * len(waits))
    monkeypatch.setattr(module, "time", clock)
    if comes_back:
        end_leftovers(tmp_path, needed=True)
        assert len(waits) == 3
    else:
        with pytest.raises(SystemExit, match=r"7 \(train_arm\) not known to be gone"):
            end_leftovers(tmp_path, needed=True)


def test_a_scancel_that_hangs_is_no_traceback(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.write_text(line(7, ME, "rule_train_arm", tmp_path))
    run = subprocess.run

    def hangs(line: list[str], **options: object) -> object:
        if line[0] != "scancel":
            return run(line, **options)  # type: ignore[call-overload]
        slurm.write_text("")  # it had been heard
        raise subprocess.TimeoutExpired(line, 60)

    monkeypatch.setattr(module.subprocess, "run", hangs)
    end_leftovers(tmp_path, needed=True)


def test_jobs_of_a_run_that_is_at_work_are_left_alone(slurm: Path, tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        stat = Path(f"/proc/{other.pid}/stat").read_text()
        born = stat.rpartition(")")[2].split()[19]
        lives = Holder.this("1" * 32)
        leave(tmp_path, replace(lives, process=other.pid, born=born, run="melablate_2"))
        leave(tmp_path, replace(lives, token="2" * 32, born="1", run="melablate_1"))
        its = line(8, "ada", "rule_train_arm", tmp_path, "melablate_2")
        slurm.write_text(line(7, ME, "rule_train_arm", tmp_path) + its)
        end_leftovers(tmp_path, needed=True)
        assert slurm.read_text() == its
    finally:
        other.kill()
        other.wait()
    with pytest.raises(SystemExit, match=r"8 \(train_arm\) of ada"):
        end_leftovers(tmp_path, needed=True)


def test_jobs_of_a_run_that_nobody_here_can_see_are_asked_about(
    slurm: Path, tmp_path: Path
) -> None:
    away = replace(Holder.this("1" * 32), host="login2", system="another", process=77, job="")
    note = leave(tmp_path, replace(away, run="melablate_2"))
    slurm.write_text(line(8, ME, "rule_train_arm", tmp_path, "melablate_2"))
    with pytest.raises(SystemExit, match=rf"8 .*ssh login2 ps -p 77\. .*rm {note}"):
        end_leftovers(tmp_path, needed=True)
    assert slurm.read_text()
    note.unlink()
    end_leftovers(tmp_path, needed=True)
    assert not slurm.read_text()


def test_the_try_before_of_the_same_slurm_job_is_over(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = replace(Holder.this("1" * 32), system="a lost node", job="40", run="melablate_2")
    leave(tmp_path, before)
    slurm.write_text(line(8, ME, "rule_train_arm", tmp_path, "melablate_2"))
    monkeypatch.setattr(running, "JOB", "40")
    monkeypatch.setattr(Holder, "gone", lambda _: False)  # Slurm says that job 40 runs
    assert not leftovers(tmp_path)
    monkeypatch.setattr(running, "AGAIN", True)
    assert [job.number for job in leftovers(tmp_path)] == ["8"]


def test_without_slurm_there_is_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    end_leftovers(tmp_path, needed=True)
