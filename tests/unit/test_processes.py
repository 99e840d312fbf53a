"""Two processes that share every batch give the weights of one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_runs import OUTPUTS, SCRIPT, command, run, start, weights, write_latents

SETTINGS = {
    "steps": 6,
    "rank": 2,
    "batch_size": 3,
    "accumulation": 1,
    "lr_text": 1e-4,
    "schedule": "cosine",
    "captions": {"dropout": 0.2},
    "validation": {"every": 4},
    "log_every": 2,
}


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


def same(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    assert max(float((a[name] - b[name]).abs().max()) for name in a) < 1e-6
    assert all(b[name].abs().max() > 1e-4 for name in b if ".lora_B." in name)
    # Adam hardly sees the size of a gradient; the log does.
    for end in (".csv", ".validation.csv"):
        files = [path.with_name(path.name + end) for path in (one, other)]
        ours, theirs = (file.read_text().splitlines()[1:] for file in files)
        assert len(ours) == len(theirs) == 3
        for left, right in zip(ours, theirs, strict=True):
            assert [float(value) for value in left.split(",")] == pytest.approx(
                [float(value) for value in right.split(",")], rel=1e-5
            )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=180)
    return process.returncode, said


def test_two_processes_give_the_weights_of_one(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    """Three images for two: their shares are unequal."""
    run(bases["sd"], tmp_path / "one", SETTINGS, latents)
    line = command(bases["sd"], tmp_path / "train", SETTINGS, "--latents", latents)
    code, said = ended(start([*line, "--processes", "2"]))
    assert code == 0, said
    same(tmp_path / "one", tmp_path / "train")
    record = json.loads((tmp_path / "train.json").read_text())
    assert record["processes"] == 2 and record["gpu_seconds"] == 0
    assert said.count("6/6  loss") == 1
    assert sorted(path.name for path in tmp_path.glob("*train*")) == OUTPUTS


def test_accelerates_launcher_will_do_and_whole_batches_give_the_same_bits(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    settings = SETTINGS | {"accumulation": 2}
    run(bases["sd"], tmp_path / "one", settings, latents)
    line = command(bases["sd"], tmp_path / "train", settings, "--latents", latents)
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launcher += ["--num_cpu_threads_per_process", "1", "--main_process_port", "0"]
    code, said = ended(start(launcher + line[1:]))
    assert code == 0, said
    for end in ("safetensors", "csv"):
        assert (tmp_path / f"one.{end}").read_bytes() == (tmp_path / f"train.{end}").read_bytes()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def saved(folder: Path) -> int:
    """When the state was saved; 0 before."""
    found = folder.glob("*.resume-*/state.safetensors")
    return max((path.stat().st_mtime_ns for path in found), default=0)


def alive(pid: int) -> bool:
    """Whether it runs; who adopted it may leave it a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def until_saved_after(before: int, process: subprocess.Popen[str], folder: Path) -> None:
    while saved(folder) == before:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.slow
def test_they_leave_together_and_go_on_together(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    """The first is asked to stop, then killed, then the second is killed; each time all end."""
    settings = SETTINGS | {"steps": 40, "accumulation": 2}
    out = tmp_path / "two" / "train"
    line = command(bases["sd"], out, settings, "--latents", latents, "--checkpoint-steps", "3")
    line += ["--processes", "2"]
    for name, victim, wanted in (
        ("SIGTERM", "first", {75}),
        ("SIGKILL", "first", {-9}),
        ("SIGKILL", "second", {1}),
    ):
        before = saved(out.parent)
        process = start(line)
        until_saved_after(before, process, out.parent)
        (second,) = children(process.pid)
        os.kill(process.pid if victim == "first" else second, getattr(signal, name))
        code, said = ended(process)
        assert code in wanted, said
        assert "Traceback" not in said
        while alive(second):
            time.sleep(0.02)
    code, said = ended(start(line))
    assert code == 0 and "resuming at step" in said, said
    run(bases["sd"], tmp_path / "whole", settings, latents)
    for end in ("safetensors", "best.safetensors", "csv"):
        whole = (tmp_path / f"whole.{end}").read_bytes()
        assert out.with_name(f"train.{end}").read_bytes() == whole


def test_more_processes_than_images_in_a_batch_are_refused(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    settings = SETTINGS | {"batch_size": 1}
    line = command(bases["sd"], tmp_path / "train", settings, "--latents", latents)
    code, said = ended(start([*line, "--processes", "2"]))
    assert code == 1 and said.count("2 processes for a batch of 1") == 1, said
    assert SCRIPT.name not in said
