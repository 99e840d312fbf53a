"""The loss on held-out clips: what it is, that it changes nothing, and which weights it keeps."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_base
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from melablate.config import Recipe
from melablate.models.weights import read_tensors, save_tensors
from melablate.sampling.settings import Sample
from melablate.settings_json import settings_json
from melablate.training.images import cached_images
from melablate.training.plugins import plugins
from melablate.training.resume import Resume
from melablate.training.settings import Train
from melablate.training.validating import Validating
from melablate.training.validation_settings import Validation
from pydantic import ValidationError
from training_runs import run, write_latents

SETTINGS = {"steps": 7, "rank": 2, "lr": 1e-2, "log_every": 7}
HELD_OUT = 5


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Latents of nine clips, five of them held out."""
    import json

    path = write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors", clips=8)
    tensors, metadata = read_tensors(path)
    splits = ["train"] * (9 - HELD_OUT) + ["heldout"] * HELD_OUT
    save_tensors(path, tensors, metadata | {"splits": json.dumps(splits)})
    return path


def rows(out: Path) -> dict[int, float]:
    with out.with_name(out.name + ".validation.csv").open() as file:
        return {int(row["step"]): float(row["loss"]) for row in csv.DictReader(file)}


def test_looking_changes_no_weight(bases: dict[str, Path], latents: Path, tmp_path: Path) -> None:
    """With everything that looking touches: an average, schedule-free's two points."""
    for number, more in enumerate(
        (
            {"ema": {"decay": 0.5}, "lr_text": 1e-3},
            {"optimizer": {"kind": "schedule_free"}, "schedule": "constant"},
        )
    ):
        plain, seen = tmp_path / f"plain{number}", tmp_path / f"seen{number}"
        run(bases["sd"], plain, SETTINGS | more, latents)
        record = run(bases["sd"], seen, SETTINGS | more | {"validation": {"every": 2}}, latents)
        assert rows(seen).keys() == {0, 2, 4, 6, 7} and rows(plain) == {}
        for end in ("safetensors", "csv"):
            one, other = (path.with_name(f"{path.name}.{end}") for path in (plain, seen))
            assert one.read_bytes() == other.read_bytes()
        best = min(rows(seen), key=rows(seen).__getitem__)
        assert record["best"]["step"] == best
    assert plugins(Train()) == plugins(Train(rank=9))
    assert "training/validating.py" in plugins(Train(validation=Validation()))


def test_the_best_weights_are_those_of_a_run_that_ends_there(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an average: what is measured, kept and written at the end is the same."""
    told = SETTINGS | {"warmup": 0.0, "ema": {"decay": 0.3}}
    made_up = iter([5.0, 3.0, 4.0, 2.0, 2.0, 9.0, 8.0, 7.0])
    monkeypatch.setattr(Validating, "measure", lambda *_: next(made_up))
    record = run(bases["sd"], tmp_path / "t", told | {"validation": {"every": 1}}, latents)
    assert record["best"] == {"step": 3, "validation_loss": 2.0}
    run(bases["sd"], tmp_path / "short", told | {"steps": 3}, latents)
    assert (tmp_path / "t.best.safetensors").read_bytes() == (
        tmp_path / "short.safetensors"
    ).read_bytes()
    assert (tmp_path / "t.best.safetensors").read_bytes() != (
        tmp_path / "t.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_it_is_the_mean_squared_error_of_the_predicted_noise(
    latents: Path, tmp_path: Path, kind: str
) -> None:
    """A network that predicts nothing but zeros, against diffusers' own scheduler."""
    base = tiny_base.write_base(tmp_path / "base", prediction_type=kind)
    unet = base / "unet/diffusion_pytorch_model.safetensors"
    tensors, metadata = read_tensors(unet)
    zero = {name: t * 0 if name.startswith("conv_out") else t for name, t in tensors.items()}
    save_tensors(unet, zero, metadata)
    settings = {"steps": 1, "rank": 2, "lr": 1e-30, "validation": {"clips": 4, "draws": 3}}
    run(base, tmp_path / "t", settings, latents)
    images = cached_images(latents, (), "heldout")
    validating = Validating(Validation(clips=4, draws=3), images, 1, 1000)
    assert len(validating.cells) == 12
    scheduler = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=kind,
        clip_sample=False,
    )  # fmt: skip
    errors = []
    for cell in validating.cells:
        shape = images.source.shape
        noise = validating.draws.normal(shape, "validation noise", *cell.key)
        mean, std = (part[0] for part in images.source.posterior([cell.row], [0]))
        x0 = mean + std * validating.draws.normal(shape, "validation posterior", *cell.key)
        x = scheduler.add_noise(x0, noise, torch.tensor([cell.timestep]))
        # A prediction of zeros stands for clean latents, and these for a noise.
        clean = scheduler.step(torch.zeros_like(x), cell.timestep, x).pred_original_sample
        a = scheduler.alphas_cumprod[cell.timestep]
        errors.append(((x - a.sqrt() * clean) / (1 - a).sqrt() - noise).square().mean())
    assert rows(tmp_path / "t")[0] == pytest.approx(float(torch.stack(errors).mean()), rel=1e-4)


def test_clips_noise_and_timesteps_are_the_same_for_all_and_spread_over_the_schedule(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    images = cached_images(latents, (), "heldout")
    validating = Validating(Validation(clips=3, draws=4), images, 1, 1000)
    times = sorted(cell.timestep for cell in validating.cells)
    assert [int(time * 12 / 1000) for time in times] == list(range(12))
    assert len({cell.key for cell in validating.cells}) == 12
    assert len({cell.row for cell in validating.cells}) == 3
    # Another seed, batch and objective: the untrained network is measured alike.
    first = SETTINGS | {"validation": {}, "steps": 1}
    run(bases["sd"], tmp_path / "one", first, latents)
    other: dict[str, Any] = {"loss": {"kind": "huber"}, "batch_size": 3, "noise_offset": 0.3}
    other["exclude_words"] = ["3", "5"]  # a clip of each split
    run(bases["sd"], tmp_path / "other", first | other, latents, seed=5)
    assert rows(tmp_path / "one")[0] == pytest.approx(rows(tmp_path / "other")[0], rel=1e-6)
    # A clip more moves no other's noise.
    fewer = SimpleNamespace(clip_ids=images.clip_ids[:-1], captions=images.captions, source=None)
    keys = {cell.key for cell in Validating(Validation(), fewer, 1, 1000).cells}
    assert keys < {cell.key for cell in Validating(Validation(), images, 1, 1000).cells}


def test_the_best_checkpoint_is_known_only_with_validation() -> None:
    told: dict[str, Any] = {"corpus": "c", "base": "b", "sample": {"checkpoint": "best"}}
    with pytest.raises(ValidationError, match=r"set train\.validation"):
        Recipe.model_validate(told)
    recipe = Recipe.model_validate(told | {"train": {"validation": {}}})
    assert settings_json(recipe.sample)["checkpoint"] == "best"
    assert "checkpoint" not in settings_json(Sample())


def test_a_set_without_held_out_clips_is_refused(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    import json

    tensors, metadata = read_tensors(latents)
    path = tmp_path / "all.safetensors"
    save_tensors(path, tensors, metadata | {"splits": json.dumps(["train"] * 9)})
    with pytest.raises(SystemExit, match="no clip of the split heldout"):
        run(bases["sd"], tmp_path / "t", SETTINGS | {"validation": {}}, path)


def test_a_loss_that_is_no_number_before_the_first_step_is_told(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Validating, "measure", lambda *_: float("nan"))
    with pytest.raises(SystemExit, match=r"validation loss became nan at step 0\. Lower lr"):
        run(bases["sd"], tmp_path / "t", SETTINGS | {"validation": {}}, latents)


def test_best_weights_that_cannot_be_kept_are_told(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Resume, "keep_best", full)
    with pytest.raises(SystemExit, match=r"could not be kept .*No space left.*Make room"):
        run(bases["sd"], tmp_path / "t", SETTINGS | {"validation": {}}, latents)
