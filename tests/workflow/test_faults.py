"""Faults: kills, bad audio, losses that are no numbers, wrong config, two runs at once."""

import contextlib
import getpass
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import soundfile
from workflow_project import Project, copy_of, of_rows

LONG = "results/tiny/arms/long/seed-0/train.safetensors"


# Kills


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start Snakemake in a session of its own, so that it can be killed with all its jobs."""
    started = []

    def start(project: Project, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            project.command(*words),
            cwd=project.root,
            env=project.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(found: Any, what: str, process: subprocess.Popen[bytes]) -> Any:
    """What `found` returns, once it is something."""
    for _ in range(6000):
        if result := found():
            return result
        assert process.poll() is None, f"over before there was {what}"
        time.sleep(0.01)
    raise AssertionError(f"no {what} after a minute")


def trainer(process: subprocess.Popen[bytes]) -> psutil.Process | None:
    """The Python process that trains."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            program, script, *_ = [*child.cmdline(), "", ""]
        except psutil.Error:  # over already
            continue
        if Path(program).name.startswith("python") and Path(script).name == "train_lora.py":
            return child
    return None


def state_of(project: Project) -> Path | None:
    """The saved state of the long arm, and when it was written."""
    folder = project.root / Path(LONG).parent
    return next(folder.glob("train.resume-*/state.safetensors"), None)


def test_killed_runs_go_on_and_end_with_the_same_bits(
    project: Project, tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    project.arm("long", train={"steps": 600})
    project.set(checkpoint={"steps": 5})
    whole = copy_of(project, tmp_path / "whole")
    wait = random.uniform(0, 1)
    print(f"killed {wait:.2f} s after the first saved state")

    # Snakemake and all its jobs at once, as when the power goes.
    first = start(project, LONG)
    wait_for(lambda: any(project.root.glob(".snakemake/locks/*")), "lock", first)
    second = project.run(LONG, fails=True)
    assert "cannot be locked" in second.said and "Traceback" not in second.said
    assert f"in use by a run of {getpass.getuser()}" in second.said
    wait_for(lambda: state_of(project), "saved state", first)
    time.sleep(wait)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (project.root / LONG).exists()

    # Snakemake says how to lift what the killed one left behind.
    assert "that was killed. Lift it: snakemake --unlock" in project.run(LONG, fails=True).said
    project.run(LONG, "--unlock")

    # The training process alone, while another folder has an undisturbed run.
    with ThreadPoolExecutor() as pool:
        undisturbed = pool.submit(whole.run, LONG)
        third = start(project, LONG)
        saved = state_of(project)
        assert saved
        before = saved.stat().st_mtime_ns
        victim = wait_for(lambda: trainer(third), "training process", third)
        wait_for(
            lambda: (now := state_of(project)) and now.stat().st_mtime_ns != before,
            "newer saved state",
            third,
        )
        victim.kill()
        assert third.wait(timeout=60) != 0
        assert "resuming at step" in (project.root / train_log("long")).read_text()
        assert undisturbed.result().jobs == Counter(["train_arm long 0"])

    # The same command again.
    assert project.run(LONG).jobs == Counter(["train_arm long 0"])
    assert "resuming at step" in (project.root / train_log("long")).read_text()
    for end in (".safetensors", ".csv"):
        bits = [(p.root / LONG).with_suffix(end).read_bytes() for p in (project, whole)]
        assert bits[0] == bits[1], end
    assert json.loads((project.root / LONG).with_suffix(".json").read_text())["resumed_at"] > 0
    left = {path.name for path in (project.root / LONG).parent.iterdir()}
    ends = ("safetensors", "kohya.safetensors", "best.safetensors", "csv", "validation.csv", "json")
    assert left == {f"train.{end}" for end in ends}


def train_log(arm: str) -> str:
    return f"logs/tiny/train_arm/{arm}/seed-0.log"


# Audio


def manifest(project: Project, known: frozenset[Path] = frozenset()) -> tuple[Path, dict[str, Any]]:
    """The rows of the corpus folder by track."""
    for path in sorted(project.results("corpus").glob("*/manifest.parquet")):
        rows = pq.read_table(path).to_pylist()
        if path not in known and rows[0]["track_id"].startswith("5"):
            return path, {row["track_id"]: row for row in rows}
    raise AssertionError("no manifest of the corpus folder")


def images(project: Project, tracks: set[str]) -> list[dict[str, bytes]]:
    """The images of the corpus folder, by track, of each spectrogram stage."""
    found = []
    for path in project.results("spectrograms").glob("*/images"):
        rows = pq.read_table(path).to_pylist()
        if {row["track_id"] for row in rows} <= tracks:
            found.append({row["track_id"]: row["image"]["bytes"] for row in rows})
    return found


def break_audio(folder: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Break one file in each way; the tracks with the start of the reason to expect."""
    rate = rows[0]["sample_rate"]
    noise = np.random.default_rng(0).normal(0, 0.1, rate // 2)

    def corrupt(path: Path) -> None:
        path.write_bytes(b"this is no music " * 500)

    def empty(path: Path) -> None:
        path.write_bytes(b"")

    def truncated(path: Path) -> None:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])

    def silent(path: Path) -> None:
        soundfile.write(path, np.zeros(rate * 22 // 10), rate, format="MP3")

    def short(path: Path) -> None:
        soundfile.write(path, noise, rate, format="MP3")

    def missing(path: Path) -> None:
        path.unlink()

    breaks = {
        corrupt: "undecodable",
        empty: "empty",
        truncated: "truncated",
        silent: "silent",
        short: "truncated",  # shorter than the table says
        missing: "missing",
    }
    expected = {}
    for row, (act, reason) in zip(rows, breaks.items(), strict=False):
        act(folder / "audio" / row["path"])
        expected[row["track_id"]] = reason
    return expected


def test_bad_audio_is_set_aside_and_nothing_else_changes(project: Project) -> None:
    path, before = manifest(project)
    tracks = set(before)
    old = images(project, tracks)
    used = [row for row in before.values() if not row["excluded"]]
    broken = break_audio(project.root / "music", used)
    assert len(broken) == 6 and len(old) == 2

    done = project.run("spectrograms")
    assert done.jobs == Counter(["scan_corpus", *["make_spectrograms"] * 2]), done.said
    new_path, after = manifest(project, frozenset([path]))
    for track, row in after.items():
        if track in broken:
            assert row["excluded"].startswith(broken[track]) and row["split"] == ""
        else:
            assert row == before[track]
    listed = (new_path.parent / "excluded.csv").read_text(encoding="utf-8")
    for track, reason in broken.items():
        (line,) = [line for line in listed.splitlines() if line.startswith(track)]
        assert reason in line
    new = [found for found in images(project, tracks) if not set(found) & set(broken)]
    assert len(new) == 2
    for found in new:
        assert found in [
            {track: png for track, png in one.items() if track not in broken} for one in old
        ]
    # The rest would go on with what is left.
    assert set(of_rows("train_arm", ("baseline",))) <= set(project.would_run().jobs)


def test_too_much_bad_audio_stops_with_clear_words(project: Project) -> None:
    for path in sorted((project.root / "music/audio").rglob("*.mp3"))[:20]:
        path.write_bytes(b"")
    said = project.run("corpus", fails=True).said
    assert "rules.max_set_aside = 0.25" in said and "empty: 0 bytes" in said
    assert "Traceback" not in said


# Losses


def test_a_loss_that_is_no_number_stops_its_arm_alone(project: Project) -> None:
    table = project.results("tiny/table.md")
    before = table.read_bytes()
    project.set(seeds=[0])
    project.arm("wild", **{"train.lr": 1e30})
    project.arm("calm", **{"train.rank": 2})
    done = project.run(profile="local", fails=True)
    assert done.jobs == Counter([*of_rows("train_arm", ("wild", "calm"), (0,)), *calm_samples()])
    log = (project.root / train_log("wild")).read_text(encoding="utf-8")
    for words in ("the loss became", "at step", "the batch was 5000", "Settings: {", "Lower lr"):
        assert words in log
    assert "Traceback" not in log and "the loss became" in done.said
    assert project.results("tiny/arms/calm/seed-0/scores.csv").is_file()
    assert not project.results("tiny/arms/wild/seed-0/train.safetensors").exists()
    assert not table.exists() or table.read_bytes() == before


def calm_samples() -> list[str]:
    return of_rows("generate_samples score_samples", ("calm",), (0,))


# Config


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train__rnak": 4}, ["train.rnak", "unknown key", "train.rank"]),
        ({"train__rank": "many"}, ["train.rank", "many"]),
        ({"arms": ["baseline", "rnak"]}, ["rnak", "rank"]),
        ({"corpus": "stile"}, ["stile", "style"]),
    ],
)
def test_a_mistake_in_the_config_is_told(
    project: Project, changes: dict[str, Any], words: list[str]
) -> None:
    project.set(**changes)
    done = project.run("--dry-run", fails=True)
    for word in ["tiny.yaml", *words]:
        assert word in done.said, done.said
    assert "Traceback" not in done.said and not done.jobs
