"""Who runs Snakemake in a folder."""

import errno
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from melablate.cluster import holder, running
from melablate.cluster.holder import Holder
from melablate.cluster.running import WhoHolds, leave_note, told

SCRIPTS = Path(__file__).parents[2] / "scripts"
OTHER = replace(Holder.this("0" * 32), user="ada", host="login2", process=77)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running.atexit, "register", lambda *_, **__: None)


def note(holder: Holder) -> Path:
    running.FOLDER.mkdir(parents=True, exist_ok=True)
    path = running.FOLDER / f"{holder.token}.json"
    path.write_text(holder.text())
    return path


def test_one_that_lives_here_is_to_be_waited_for() -> None:
    leave_note()
    said = told()
    assert f"process {os.getpid()} on" in said and "wait for it" in said
    assert "Do not --unlock" in said


def test_one_on_another_machine_is_to_be_looked_for_there() -> None:
    note(replace(OTHER, system="another"))
    said = told()
    assert "ada since 20" in said and "ssh login2 ps -p 77" in said


def test_one_that_is_a_slurm_job_is_known_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake's Slurm executor takes its number out of the environment before the note."""
    line = "from melablate.cluster import running as r; import os; del os.environ['SLURM_JOB_ID']; "
    line += "r.leave_note('melablate_1'); os._exit(0)"
    env = os.environ | {"SLURM_JOB_ID": "40", "PYTHONPATH": str(SCRIPTS)}
    subprocess.run([sys.executable, "-c", line], check=True, env=env)
    (left,) = running.FOLDER.iterdir()
    read = Holder.read(left)
    assert read and (read.job, read.run) == ("40", "melablate_1")
    monkeypatch.setenv("PATH", "")  # no squeue: nobody knows
    note(replace(read, system="another"))
    assert "squeue --jobs 40" in told() and "ssh" not in told()


def test_the_name_of_its_jobs_is_the_executors() -> None:
    executor = SimpleNamespace(run_uuid="melablate_1")
    assert running.job_name(SimpleNamespace(_executor=executor)) == "melablate_1"
    assert running.job_name(SimpleNamespace(_executor=object())) == ""


def test_one_that_was_killed_is_to_be_unlocked_and_its_note_goes() -> None:
    left = note(replace(OTHER, born="1"))
    for words in ("the lock of a run of ada since", "was killed. Lift it: snakemake --unlock"):
        assert words in told()
    leave_note()
    assert not left.exists() and len(list(running.FOLDER.iterdir())) == 1


def test_one_that_left_no_word_is_to_be_looked_for_first() -> None:
    assert "left no word to read. See that none is at work" in told()
    note(replace(OTHER, token="1" * 32, born="1"))  # beside one that is known to be over
    note(OTHER).write_text("{")
    said = told()
    assert "was killed" not in said
    assert said.index("squeue") < said.index("only then: snakemake --unlock")


def test_one_that_proc_hides_is_not_taken_for_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's below hidepid: no /proc/PID, and no leave to send it a signal."""
    over = subprocess.Popen(["true"])
    over.wait()
    left = note(replace(OTHER, process=over.pid))
    assert "was killed" in told()

    def kill(process: int, number: int) -> None:
        assert (process, number) == (over.pid, 0)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(holder.os, "kill", kill)
    assert "in use by a run of ada since 20" in told() and "Do not --unlock" in told()
    leave_note()
    assert left.exists()


def test_these_words_take_the_place_of_snakemakes() -> None:
    said = logging.makeLogRecord({"exception": "LockException", "msg": "LockException:\n…"})
    other = logging.makeLogRecord({"exception": "WorkflowError", "msg": "other"})
    for each in (said, other):
        assert WhoHolds().filter(each)
    assert said.getMessage().startswith("Directory cannot be locked:")
    assert other.getMessage() == "other"


def test_a_folder_that_is_another_users_is_told() -> None:
    told = "PermissionError: [Errno 13] Permission denied: '/x/.snakemake/locks'"
    said = logging.makeLogRecord({"exception": "PermissionError", "msg": f"Traceback …\n{told}"})
    running.FOLDER.parent.mkdir()
    assert WhoHolds().filter(said)
    assert f"the folder of {Holder.this('').user}" in said.getMessage()
    assert "Traceback" not in said.getMessage() and "of your own" in said.getMessage()
    other = logging.makeLogRecord({"exception": "PermissionError", "msg": "… '/y/train.log'"})
    assert WhoHolds().filter(other) and "train.log" in other.getMessage()
