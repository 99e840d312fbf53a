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
from subprocess import PIPE
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from melablate.cluster import holder, lease
from melablate.cluster.holder import Holder
from melablate.cluster.lease import alone, lock_of
from safetensors.numpy import save_file

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


@pytest.mark.parametrize("identity", ["a" * 12, "b" * 12, ""])
def test_a_second_process_waits_for_the_first_and_takes_its_result(
    tmp_path: Path, identity: str
) -> None:
    """If that is its own; else it trains, for which this one lacks a base."""
    prefix, weights = tmp_path / "arm/train", {"weight": np.zeros(1)}
    line = [sys.executable, str(SCRIPTS / "train_lora.py"), "--settings", "{}", "--seed", "0"]
    line += ["--base", "b", "--identity", "a" * 12, "--out", f"{prefix}.safetensors"]
    with alone(prefix) as waited, alone(tmp_path / "arm/other"):
        assert not waited
        process = subprocess.Popen(line, stdout=PIPE, stderr=PIPE, text=True)
        assert process.stdout and process.stderr
        told = process.stderr.readline()
        assert f"process {os.getpid()} on " in told and "is training this run already" in told
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        if identity:
            save_file(weights, f"{prefix}.safetensors", {"identity": identity})
    said, error = process.communicate(timeout=120)
    taken = identity == "a" * 12
    assert process.returncode == (0 if taken else 1), error
    assert ("trained by the process that was waited for" in said) == taken
    assert "Traceback" not in error
    assert {path.name for path in (tmp_path / "arm").iterdir()} <= {"train.safetensors"}


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

    def enter() -> None:
        for _ in range(20):
            with alone(prefix):
                inside.touch(exist_ok=False)
                time.sleep(0.002)
                inside.unlink()

    children = []
    for _ in range(6):
        child = os.fork()
        if not child:
            code = 1
            try:
                enter()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * 6
    assert not list(tmp_path.iterdir())


def test_a_machine_that_gives_signs_of_life_keeps_it(
    tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(tmp_path / "train", ELSEWHERE)

    kept = []

    def live() -> None:
        for _ in range(40):  # four times as long as one may be silent
            os.utime(path)
            time.sleep(0.05)
        kept.append(path.read_text() == ELSEWHERE.text())

    thread = threading.Thread(target=live)
    thread.start()
    with alone(tmp_path / "train") as waited:
        assert waited and kept == [True]
    thread.join()
    assert "on node9 of" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_machine_that_is_silent_loses_it(
    tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(tmp_path / "train", ELSEWHERE)
    with alone(tmp_path / "train") as waited:
        assert path.read_text() != ELSEWHERE.text() and not waited
    assert "process 1 on node9" in capsys.readouterr().err
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


def test_a_file_system_without_hard_links(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    entered = threading.Event()

    def enter() -> None:
        with alone(tmp_path / "train"):
            entered.set()

    second = threading.Thread(target=enter)
    with alone(tmp_path / "train"):
        second.start()
        assert not entered.wait(1)
        assert Holder.read(lock_of(tmp_path / "train")) is not None
    second.join()
    assert entered.is_set()
    leave(tmp_path / "train", replace(Holder.this("0" * 32), born="1"))
    with alone(tmp_path / "train"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "arm").write_text("a file")
    told = "nothing can be written beside it"
    with pytest.raises(SystemExit, match=told), alone(tmp_path / "arm/train"):
        pass
