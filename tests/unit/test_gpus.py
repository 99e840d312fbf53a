"""GPUs of one machine are handed out: no two processes hold one, and none is lost to a kill."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from melablate.gpus import pool
from melablate.gpus import visible as gpus
from melablate.gpus.pool import take
from rule_files import RULES, bodies, scripts_of
from snakemake.shell import shell

SCRIPTS = Path(__file__).parents[2] / "scripts"
TAKE = SCRIPTS / "take_gpus.py"

# A stage that notes who has a GPU by a folder, whose making fails where another has it.
STAGE = """
import os, sys, time
from pathlib import Path
notes, seconds = Path(sys.argv[1]), float(sys.argv[2])
held = [notes / word for word in os.environ["CUDA_VISIBLE_DEVICES"].split(",")]
for place in held:
    place.mkdir()
print(len(held), flush=True)
time.sleep(seconds)
for place in held:
    place.rmdir()
(notes / f"done-{os.getpid()}-{'-'.join(place.name for place in held)}").touch()
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a stage as the rules' `python` does."""
    stages, notes, locks = tmp_path / "stages", tmp_path / "notes", tmp_path / "locks"
    for folder in (stages, notes):
        folder.mkdir()

    def started(
        script: str = "encode_latents.py",
        seconds: float = 0.05,
        devices: str = "0,1,2",
        want: int = 1,
        **environment: str,
    ) -> "subprocess.Popen[str]":
        (stages / script).write_text(STAGE, encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, TAKE, stages / script, notes, str(seconds)],
            env=os.environ
            | {
                "CUDA_VISIBLE_DEVICES": devices,
                "MELABLATE_GPU_LOCKS": str(locks),
                "MELABLATE_PROCESSES": str(want),
            }
            | environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return started


def said(process: "subprocess.Popen[str]") -> str:
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.strip()


def taken(process: "subprocess.Popen[str]") -> str:
    """Which GPU a running stage sees."""
    variables = Path(f"/proc/{process.pid}/environ").read_text(encoding="utf-8").split("\0")
    return dict(word.split("=", 1) for word in variables if word)["CUDA_VISIBLE_DEVICES"]


def used(tmp_path: Path) -> set[str]:
    words = [path.name.split("-", 2)[2] for path in (tmp_path / "notes").glob("done-*")]
    return {gpu for word in words for gpu in word.split("-")}


def test_many_at_once_never_share(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """Twelve processes, some of which want two of three GPUs."""
    wants = [1, 2, 1] * 4
    running = [
        start("train_lora.py" if want > 1 else "encode_latents.py", want=want) for want in wants
    ]
    assert [int(said(process)) for process in running] == wants
    assert used(tmp_path) == {"0", "1", "2"}


def test_a_killed_process_gives_back_at_once(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    holders = [start(seconds=600, devices="0,1") for _ in range(2)]
    for holder in holders:
        assert holder.stdout and holder.stdout.readline() == "1\n"
    waiting = start(devices="0,1")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1.5)  # both are held
    queued = [start(devices="0,1") for _ in range(2)]
    queued[0].kill()  # one in the queue
    queued[0].wait()
    held = {path.name for path in (tmp_path / "notes").iterdir()}
    other = (set("01") & held - {taken(holders[0])}).pop()
    (tmp_path / "notes" / taken(holders[0])).rmdir()  # what it will not take back itself
    holders[0].send_signal(signal.SIGKILL)
    holders[0].wait()
    assert said(waiting) == "1" and said(queued[1]) == "1"
    assert used(tmp_path) == {"0", "1"} - {other}
    holders[1].kill()
    holders[1].wait()


def test_a_child_that_lives_on_keeps_the_gpu(tmp_path: Path) -> None:
    """The lock is of the file, not of the process that took it."""
    pair = [gpus.Gpu("0", "0"), gpus.Gpu("1", "1")]
    code = (
        "import os, sys, subprocess; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from melablate.gpus.pool import take\nfrom melablate.gpus.visible import Gpu\n"
        "take([Gpu('0', '0'), Gpu('1', '1')], 1, Path(sys.argv[2]))\n"
        "away = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
        "child = subprocess.Popen(['sleep', '600'], close_fds=False, **away)\n"
        "print(child.pid, flush=True); os._exit(0)\n"
    )
    words = [sys.executable, "-c", code, SCRIPTS, tmp_path / "locks"]
    child = int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    try:
        assert [gpu.name for gpu in take(pair, 1, tmp_path / "locks")] == ["1"]
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("want", [2, 3])
def test_a_training_on_all_gpus_holds_them(
    want: int, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """No two at once, or the second could not make its folder; fewer than wanted are all."""
    running = [start("train_lora.py", seconds=0.3, devices="0,1", want=want) for _ in range(2)]
    running.append(start(devices="0,1"))
    assert [int(said(process)) for process in running] == [2, 2, 1]


def test_one_who_wants_two_is_not_passed_for_ever(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    first = start(seconds=2, devices="0,1")
    assert first.stdout and first.stdout.readline() == "1\n"
    both = start("encode_latents.py", devices="0,1,2")  # of three: a queue of its own
    pair = start("train_lora.py", devices="0,1,3", want=2)
    assert said(both) == "1" and said(pair) == "2" and first.wait() == 0


@pytest.mark.parametrize(
    ("script", "devices", "want"),
    [("encode_latents.py", "3", 1), ("train_lora.py", "3", 2), ("make_table.py", "0,1,2", 1)],
)
def test_nothing_is_done_where_there_is_nothing_to_choose(
    start: Callable[..., "subprocess.Popen[str]"],
    script: str,
    devices: str,
    want: int,
    tmp_path: Path,
) -> None:
    """A scheduler shows a job its own GPU; and a table needs none."""
    slurm = {"SLURM_JOB_ID": "12", "MELABLATE_GPU_TRIAL": "/bin/true"}
    assert int(said(start(script, devices=devices, want=want, **slurm))) == len(devices.split(","))
    assert not (tmp_path / "locks").exists()


def test_a_single_gpu_is_not_shared_either(start: Callable[..., "subprocess.Popen[str]"]) -> None:
    """Sixteen cores would train sixteen arms on it; who waits says so."""
    first = start(seconds=1.5, devices="0")
    assert first.stdout and first.stdout.readline() == "1\n"
    second = start(devices="0")
    out, error = second.communicate(timeout=120)
    assert second.returncode == 0 and out == "1\n", error
    assert error.splitlines()[0] == "waiting for 1 of 1 GPUs: others hold them"
    assert first.wait() == 0


@pytest.fixture
def in_slurm(tmp_path: Path) -> dict[str, str]:
    """A job of Slurm's, on a node whose GPUs never work."""
    trial = tmp_path / "trial"
    trial.write_text('#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES" >> tried\nexit 1\n')
    trial.chmod(0o755)
    return {
        "SLURM_JOB_ID": "12",
        "SLURMD_NODENAME": "gpu7",
        "MELABLATE_GPU_TRIAL": str(trial),
        "MELABLATE_SCRIPTS": str(SCRIPTS),
    }


@pytest.mark.parametrize("devices", ["0", "0,1,2"])
def test_a_job_of_slurm_tries_the_gpus_that_it_works_with(
    devices: str,
    start: Callable[..., "subprocess.Popen[str]"],
    in_slurm: dict[str, str],
    tmp_path: Path,
) -> None:
    process = start("score_samples.py", devices=devices, **in_slurm)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and "the GPU of gpu7 does not work" in error
    assert (tmp_path / "tried").read_text() == "0\n"
    assert (tmp_path / "logs/broken-gpus/gpu7.txt").is_file()


@pytest.mark.parametrize(
    ("script", "devices", "job"),
    [("make_table.py", "0", "12"), ("train_lora.py", "", "12"), ("train_lora.py", "0", "")],
)
def test_no_gpu_is_tried_that_is_not_used(
    script: str,
    devices: str,
    job: str,
    start: Callable[..., "subprocess.Popen[str]"],
    in_slurm: dict[str, str],
    tmp_path: Path,
) -> None:
    """A table's environment has no torch; and some try a study on nodes without GPUs."""
    process = start(script, devices=devices, **in_slurm | {"SLURM_JOB_ID": job})
    process.communicate(timeout=120)
    assert not (tmp_path / "tried").exists() and not (tmp_path / "logs").exists()


def test_the_rules_python_and_an_outer_workflows_own(
    in_slurm: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an outer workflow has its commands begin with stays, and so does its `python`."""
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(shell, "_process_prefix", "set -eu; outer() { echo outer $1; }; ")
    text = (RULES / "gpus.smk").read_text(encoding="utf-8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    exec(text, {"os": os, "shell": shell})
    assert "take_gpus" not in shell._process_prefix
    # As where the project lies in a path with a space.
    scripts = tmp_path / "a b"
    scripts.symlink_to(SCRIPTS)
    for name, value in (in_slurm | {"MELABLATE_SCRIPTS": str(scripts)}).items():
        monkeypatch.setenv(name, value)
    for _ in "two modules":
        exec(text, {"os": os, "shell": shell})
    assert shell._process_prefix.count("take_gpus.py") == 1
    (tmp_path / "train_lora.py").write_text("import sys; print(sys.argv[1:])")
    lines = (
        f'python "{tmp_path}"/train_lora.py "1  2"; outer 3',
        'python "$MELABLATE_SCRIPTS"/train_lora.py --settings {}',
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    own, ours = (
        subprocess.run(
            ["bash", "-c", shell._process_prefix + line],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        for line in lines
    )
    assert own.returncode == 0 and own.stdout == "['1  2']\nouter 3\n"
    assert ours.returncode != 0 and "the GPU of gpu7 does not work" in ours.stderr


def test_the_stages_that_wait_are_those_whose_rules_ask_for_a_gpu() -> None:
    asking = [rule for rule, body in bodies().items() if re.search(r"^ +gpu=", body, re.MULTILINE)]
    named = {script for rule in asking for script in scripts_of(rule)}
    named.remove("render_real_clips.py")  # the one row of generate_samples without a model
    source = TAKE.read_text(encoding="utf-8")
    assert set(re.findall(r'^    "(\w+\.py)",$', source, re.MULTILINE)) == named


def test_which_are_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the driver's names where it tells them; CUDA stops at the first word that is none."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\nprintf '0, GPU-aa\\n1, GPU-bb\\n'\n", encoding="utf-8")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [(g.word, g.name) for g in gpus.visible()] == [("GPU-aa",) * 2, ("GPU-bb",) * 2]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0,-1,5")
    assert [(g.word, g.name) for g in gpus.visible()] == [("1", "GPU-bb"), ("0", "GPU-aa")]
    assert gpus.any_shown()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    # Without the driver's name a number is this job's own: others are other devices.
    assert [g.name for g in gpus.visible()] == ["GPU-aa", "12-2"]
    for word in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", word)
        assert not gpus.any_shown()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b")
    smi.write_text("#!/bin/sh\necho broken >&2; exit 9\n", encoding="utf-8")
    assert [g.name for g in gpus.visible()] == ["MIG-a", "MIG-b"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert gpus.visible() == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file")
    with pytest.raises(SystemExit, match="MELABLATE_GPU_LOCKS"):
        take([gpus.Gpu("0", "0")], 1, tmp_path / "locks")


def test_the_first_users_umask_shuts_nobody_out(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        take([gpus.Gpu("0", "0")], 1, tmp_path / "locks")
    finally:
        os.umask(before)
    made = list((tmp_path / "locks").iterdir())
    assert len(made) == 2 and {path.stat().st_mode & 0o777 for path in made} == {0o666}


def test_what_cleans_old_files_away_makes_no_second_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is new at each take; one that goes while it is locked is locked again."""
    file = tmp_path / "locks/0"
    file.parent.mkdir()
    file.touch()
    os.utime(file, (0, 0))
    flock, old = fcntl.flock, file.stat().st_ino
    keeper = file.open()  # so that no new file gets its number

    def cleaned(descriptor: int, flag: int) -> None:
        if os.fstat(descriptor).st_ino == old:
            assert os.fstat(descriptor).st_mtime > 0
            file.unlink(missing_ok=True)
        flock(descriptor, flag)

    monkeypatch.setattr(pool.fcntl, "flock", cleaned)
    take([gpus.Gpu("0", "0")], 1, file.parent)
    with file.open() as other, pytest.raises(BlockingIOError):
        flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    keeper.close()
