"""Nobody trains a run that is being trained, on this machine or another."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from melablate.cluster import holder, lease
from melablate.cluster.holder import Holder
from melablate.cluster.lease import alone, lock_of

SCRIPTS = Path(__file__).parents[2] / "scripts"
ELSEWHERE = replace(Holder.this("0" * 32), host="node9", system="another kernel", process=1)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("BEAT", 0.05), ("SILENT", 0.5), ("LOOK", 0.01)):
        monkeypatch.setattr(lease, name, seconds)


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that answers what `says` holds, and fails where that is empty."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "squeue").write_text(f"#!/bin/sh\ntest -s {programs}/says && cat {programs}/says\n")
    (programs / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    holder._is_over.cache_clear()
    return programs / "says"


def leave(prefix: Path, holder: Holder) -> Path:
    """A lease as another process would have left it."""
    path = lock_of(prefix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(holder.text())
    return path


def ended() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["true"])
    process.wait()
    return process


def test_a_second_process_is_told_of_the_first(tmp_path: Path) -> None:
    prefix = tmp_path / "arm/train"
    with alone(prefix), alone(tmp_path / "arm/other"):
        told = rf"process {os.getpid()} on .*is training this run"
        with pytest.raises(SystemExit, match=told), alone(prefix):
            pass
        line = [sys.executable, str(SCRIPTS / "train_lora.py"), "--settings", "{}", "--seed", "0"]
        line += ["--base", "b", "--identity", "a" * 12, "--out", f"{prefix}.safetensors"]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 1
        assert "end it" in done.stderr and "Traceback" not in done.stderr
    with alone(prefix):
        assert [path.name for path in (tmp_path / "arm").iterdir()] == [".train.lock"]
    assert not list((tmp_path / "arm").iterdir())


def test_one_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        with alone(tmp_path / "train"):
            os._exit(9)
    os.waitpid(child, 0)
    assert (tmp_path / ".train.lock").exists()
    with alone(tmp_path / "train"):
        assert json.loads((tmp_path / ".train.lock").read_text())["process"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_a_number_that_another_process_has_by_now_holds_nobody_up(tmp_path: Path) -> None:
    leave(tmp_path / "train", replace(Holder.this("0" * 32), born="1"))
    with alone(tmp_path / "train"):
        pass


def test_of_many_that_find_a_lease_of_the_dead_one_at_a_time_goes_on(
    tmp_path: Path, quick: None
) -> None:
    prefix, inside = tmp_path / "train", tmp_path / "inside"
    leave(prefix, replace(Holder.this("0" * 32), process=ended().pid, born="1"))

    def enter() -> int:
        refused = 0
        for _ in range(20):
            try:
                with alone(prefix):
                    inside.touch(exist_ok=False)
                    time.sleep(0.002)
                    inside.unlink()
            except SystemExit:
                refused += 1
        return 0 if refused < 20 else 3

    children = []
    for _ in range(6):
        child = os.fork()
        if not child:
            try:
                code = enter()
            except BaseException:
                code = 1
            os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert 1 not in codes and 0 in codes
    assert not list(tmp_path.iterdir())


def test_a_machine_that_gives_signs_of_life_keeps_it(tmp_path: Path, quick: None) -> None:
    path, over = leave(tmp_path / "train", ELSEWHERE), threading.Event()

    def live() -> None:
        while not over.wait(0.05):
            os.utime(path)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(SystemExit, match=r"on node9 .*already"), alone(tmp_path / "train"):
            pass
    finally:
        over.set()
        thread.join()
    assert path.read_text() == ELSEWHERE.text() and len(list(tmp_path.iterdir())) == 1


def test_a_machine_that_is_silent_loses_it(
    tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(tmp_path / "train", ELSEWHERE)
    with alone(tmp_path / "train"):
        assert path.read_text() != ELSEWHERE.text()
    assert "held by process 1 on node9" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_wait_can_be_asked_to_stop_though_signals_are_held_back(
    tmp_path: Path, quick: None
) -> None:
    path = leave(tmp_path / "train", ELSEWHERE)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        with pytest.raises(SystemExit) as left, alone(tmp_path / "train"):
            pass
    finally:
        handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # drops the one that waits
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGUSR1, handler)
    assert left.value.code == lease.LOST
    assert list(tmp_path.iterdir()) == [path]


def test_slurm_is_not_asked_at_every_look(
    tmp_path: Path, squeue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    asked, now = tmp_path / "asked", [0.0]
    (squeue.parent / "squeue").write_text(f"#!/bin/sh\necho . >> {asked}\necho RUNNING\n")
    monkeypatch.setattr(holder, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for second in range(61):
        now[0] = float(second)
        assert not replace(ELSEWHERE, job="7").gone()
    assert asked.read_text().split() == ["."] * 5


@pytest.mark.parametrize(
    ("says", "waits"),
    [("TIMEOUT", False), ("CANCELLED", False), ("RUNNING", True), ("NODE_FAIL", True), ("", True)],
)
def test_slurm_knows_whether_the_job_of_a_lease_is_over(
    tmp_path: Path, squeue: Path, monkeypatch: pytest.MonkeyPatch, says: str, waits: bool
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    squeue.write_text(says)
    assert replace(ELSEWHERE, job="7").gone() != waits
    # Slurm that runs a job again does not know whether the node it took it from is dead.
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert not replace(ELSEWHERE, job="7").gone()


def test_a_job_that_slurm_has_forgotten_is_over(
    squeue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "slurm_load_jobs error: Invalid job id specified"
    (squeue.parent / "squeue").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert replace(ELSEWHERE, job="7").gone()


@pytest.mark.parametrize("act", ["taken over", "removed"])
def test_a_holder_whose_lease_is_gone_ends_before_it_writes_more(tmp_path: Path, act: str) -> None:
    program = (
        "import sys, time; from pathlib import Path; from melablate.cluster import lease\n"
        "lease.BEAT = 0.05\n"
        "with lease.alone(Path(sys.argv[1])): time.sleep(60)"
    )
    line = [sys.executable, "-c", program, str(tmp_path / "train")]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment)
    path = lock_of(tmp_path / "train")
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    if act == "removed":
        path.unlink()
    else:
        (tmp_path / "new").write_text(ELSEWHERE.text())
        (tmp_path / "new").replace(path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75 and "no longer held by this process" in said
    assert path.exists() == (act == "taken over")


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    with alone(tmp_path / "train"):
        with pytest.raises(SystemExit, match="already"), alone(tmp_path / "train"):
            pass
        assert Holder.read(lock_of(tmp_path / "train")) is not None
    leave(tmp_path / "train", replace(Holder.this("0" * 32), born="1"))
    with alone(tmp_path / "train"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "arm").write_text("a file")
    told = "nothing can be written beside it"
    with pytest.raises(SystemExit, match=told), alone(tmp_path / "arm/train"):
        pass
