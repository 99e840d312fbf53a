"""A run that is killed and started again ends with the bits of one that was not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from melablate.training.settings import Train
from training_runs import IDENTITY, OUTPUTS, run, weights, write_latents

HERE = Path(__file__).parent
SETTINGS = {
    "steps": 40,
    "accumulation": 2,
    "batch_size": 2,
    "rank": 2,
    "lr": 1e-2,
    "lr_text": 1e-3,
    "schedule": "cosine",
    "warmup": 0.2,
    "captions": {"shuffle": "clauses", "dropout": 0.1},
    "noise_offset": 0.05,
    "ema": {"decay": 0.9},
    "validation": {"every": 9, "draws": 2},
    "log_every": 7,
}


def signalled(tmp: Path, base: Path, signals: list[str], steps: int) -> list[int]:
    """Exit codes of all the tries that it took."""
    spec = {
        "base": str(base),
        "out": str(tmp / "killed"),
        "latents": str(tmp / "latents.safetensors"),
        "settings": SETTINGS | {"steps": steps},
        "signals": signals,
        "within": 0.15,
        "save_every": 2,
    }
    path = os.pathsep.join([str(HERE), str(HERE.parents[1] / "scripts")])
    done = subprocess.run(
        [sys.executable, HERE / "kill_runs.py", json.dumps(spec)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    codes: list[int] = json.loads(done.stdout)
    assert codes[-1] == 0, done.stderr
    return codes


def same(tmp: Path) -> None:
    ends = [name.removeprefix("train.") for name in OUTPUTS]
    for end in ends:
        if end != "json":
            assert (tmp / f"killed.{end}").read_bytes() == (tmp / f"whole.{end}").read_bytes(), end
    left = sorted(path.name for path in tmp.iterdir() if path.name.startswith((".", "killed")))
    assert left == [f"killed.{end}" for end in ends]


FEW = ["SIGKILL", "SIGINT", "SIGKILL", "SIGTERM", "SIGKILL", "SIGUSR1", "SIGKILL", "SIGKILL"]


@pytest.mark.parametrize(
    ("signals", "steps"),
    [(FEW, 90), pytest.param(["SIGKILL"] * 50, 500, marks=pytest.mark.slow)],
)
def test_kills_change_no_bit(
    tmp_path: Path, bases: dict[str, Path], signals: list[str], steps: int
) -> None:
    """-9 at random moments; SIGTERM, SIGUSR1 and Ctrl-C save and leave with 75."""
    latents = write_latents(tmp_path / "latents.safetensors")
    run(bases["sd"], tmp_path / "whole", SETTINGS | {"steps": steps}, latents)
    codes = signalled(tmp_path, bases["sd"], signals, steps)
    wanted = [{"SIGKILL": -9}.get(name, 75) for name in signals]
    assert codes[:-1] == wanted  # none was through before its signal came
    assert json.loads((tmp_path / "killed.json").read_text())["resumed_at"] > 0
    same(tmp_path)


def interrupted(
    base: Path, out: Path, settings: dict[str, Any], latents: Path, **more: Any
) -> Path:
    """Leave a saved state behind; its folder."""
    from melablate.training import loop

    def leave(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Progress, "step", leave)
        run(base, out, settings, latents, save_every=2, **more)
    (folder,) = out.parent.glob(out.name + ".resume-*")
    return folder


def test_memory_is_the_most_of_all_tries(
    tmp_path: Path, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The try that was killed may have held more than the one that ended."""
    from melablate.training import state

    held = {"memory_mib": 900, "gpu_memory_mib": 5}
    monkeypatch.setattr(state, "peak_memory", lambda: held)
    latents, settings = write_latents(tmp_path / "latents.safetensors"), {"steps": 10, "rank": 2}
    interrupted(bases["sd"], tmp_path / "t", settings | {"log_every": 5}, latents)
    held |= {"memory_mib": 300, "gpu_memory_mib": 7}
    record = run(bases["sd"], tmp_path / "t", settings | {"log_every": 5}, latents)
    assert record["resumed_at"] and record["peak"] == {"memory_mib": 900, "gpu_memory_mib": 7}


def test_a_state_of_another_identity_waits_until_a_run_is_done(
    tmp_path: Path, bases: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A change that is taken back goes on where the run was before."""
    latents = write_latents(tmp_path / "latents.safetensors")
    settings = {"steps": 10, "log_every": 5}
    stale = interrupted(bases["sd"], tmp_path / "t", settings, latents, identity="a" * 16)
    kept = (stale / "state.safetensors").read_bytes()
    other = {"steps": 2, "precision": "no", "rank": 1}
    with pytest.raises(SystemExit, match="larger than all"):
        run(bases["sd"], tmp_path / "t", {"batch_size": 99}, latents, identity="b" * 16)
    assert (stale / "state.safetensors").read_bytes() == kept
    assert "of another identity" in capsys.readouterr().err
    record = run(bases["sd"], tmp_path / "t", other, latents, identity="b" * 16)
    assert record["resumed_at"] == 0 and not stale.exists()


def test_a_state_that_is_not_whole_or_not_its_own_stops_the_run(
    tmp_path: Path, bases: dict[str, Path]
) -> None:
    """Days of work are not begun anew without a word."""
    latents = write_latents(tmp_path / "latents.safetensors")
    settings = {"steps": 10, "log_every": 5}
    folder = interrupted(bases["sd"], tmp_path / "t", settings, latents)
    state = folder / "state.safetensors"
    whole = state.read_bytes()
    state.write_bytes(whole[:-100])
    with pytest.raises(SystemExit, match="not a whole safetensors"):
        run(bases["sd"], tmp_path / "t", settings, latents)
    state.write_bytes(whole)
    folder.rename(tmp_path / f"t.resume-{'c' * 12}")
    with pytest.raises(SystemExit, match=f"another identity .{IDENTITY}, this run is {'c' * 16}"):
        run(bases["sd"], tmp_path / "t", settings, latents, identity="c" * 16)
    weights_file = tmp_path / f"t.resume-{'c' * 12}/state.safetensors"
    weights_file.write_bytes((bases["sd"] / "vae/diffusion_pytorch_model.safetensors").read_bytes())
    with pytest.raises(SystemExit, match="no state of a run"):
        run(bases["sd"], tmp_path / "t", settings, latents, identity="c" * 16)
    assert run(bases["sd"], tmp_path / "t", settings, latents)["resumed_at"] == 0
    assert weights(tmp_path / "t")


@pytest.mark.parametrize(
    "part",
    [
        "scheduler/scheduler_config.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "vae/config.json",
    ],
)
def test_every_part_of_the_base_counts_as_input(
    tmp_path: Path, bases: dict[str, Path], part: str
) -> None:
    from melablate.training.inputs import Inputs

    base = Path(shutil.copytree(bases["sd"], tmp_path / "base"))
    before = Inputs(base).contents(Train())
    (base / part).write_bytes((base / part).read_bytes() + b" ")
    assert Inputs(base).contents(Train()) != before


def test_what_a_run_does_not_read_is_not_hashed(tmp_path: Path, bases: dict[str, Path]) -> None:
    """Gigabytes on the way to the first step; the autoencoder counts for those who use it."""
    from melablate.training.inputs import Inputs

    base = Path(shutil.copytree(bases["sd"], tmp_path / "base"))
    images = tmp_path / "images.parquet"
    images.write_bytes(b"a shard")
    told = {
        "plain": (Inputs(base), Train()),
        "mel": (Inputs(base), Train.model_validate({"spectrogram_loss": {}})),
        "uncached": (Inputs(base, images=images), Train()),
    }
    before = {name: inputs.contents(settings) for name, (inputs, settings) in told.items()}
    (base / "safety_checker").mkdir()
    for name in ("unet/model.fp16.safetensors", "safety_checker/model.safetensors"):
        (base / name).write_bytes(b"never loaded")
    assert before == {name: inputs.contents(settings) for name, (inputs, settings) in told.items()}
    with (base / "vae/diffusion_pytorch_model.safetensors").open("ab") as file:
        file.write(b" ")
    after = {name: inputs.contents(settings) for name, (inputs, settings) in told.items()}
    assert {name for name in told if after[name] != before[name]} == {"mel", "uncached"}


def test_shards_of_any_name_count_where_an_index_names_them(
    tmp_path: Path, bases: dict[str, Path]
) -> None:
    from melablate.training.inputs import Inputs

    base = Path(shutil.copytree(bases["sd"], tmp_path / "base"))
    (base / "unet/diffusion_pytorch_model.safetensors.index.json").write_text("{}")
    before = Inputs(base).contents(Train())
    (base / "unet/part.one.safetensors").write_bytes(b"a shard")
    assert Inputs(base).contents(Train()) != before


def test_inputs_are_hashed_before_the_loop(
    tmp_path: Path, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first save is as quick as the others: what is asked to stop has seconds."""
    from melablate.training import inputs, job

    latents, train = write_latents(tmp_path / "latents.safetensors"), job.train

    def no_more(path: Path) -> str:
        raise AssertionError(f"{path} is hashed while the run trains")

    def watched(this: Any) -> Any:
        monkeypatch.setattr(inputs, "sha256", no_more)
        return train(this)

    monkeypatch.setattr(job, "train", watched)
    run(bases["sd"], tmp_path / "t", {"steps": 2, "rank": 1}, latents, save_every=1)


def test_a_state_of_other_inputs_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Same settings and code, but an earlier stage has made its files anew."""
    import torch
    from melablate.training.resume import Resume

    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight])
    Resume(tmp_path / "train", "a" * 64, lambda: "old").save(3, {"w": weight}, optimizer, {})
    assert Resume(tmp_path / "train", "a" * 64, lambda: "old").load({"w": weight}, optimizer)
    assert (
        Resume(tmp_path / "train", "a" * 64, lambda: "new").load({"w": weight}, optimizer) is None
    )
    assert "input files have changed" in capsys.readouterr().err
