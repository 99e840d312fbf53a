"""One step of the loop against the loss written out: from the formulas, not from the code."""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from melablate.models.base import load_base
from melablate.models.conditioning import encode, unet_arguments
from melablate.training.batches import Batch, collate
from melablate.training.draws import Draws
from melablate.training.images import cached_images
from melablate.training.lora import add_lora
from melablate.training.settings import Train
from melablate.training.stream import Stream
from training_runs import run, weights, write_latents

STEP = {"steps": 1, "rank": 2, "log_every": 1, "batch_size": 6, "clip_norm": None}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    bases = {
        kind: tiny_base.write_base(folder / kind, prediction_type=kind)
        for kind in ("epsilon", "v_prediction")
    }
    return bases | {
        "latents": write_latents(folder / "latents.safetensors", clips=12),
        "other": write_latents(folder / "other.safetensors", clips=5, seed=5),
    }


def alpha_bar(timestep: int) -> float:
    """Of the tiny base's schedule, from the definition."""
    product = 1.0
    for step in range(timestep + 1):
        root = 0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * step / 999
        product *= 1 - root * root
    return product


def threshold(loss: dict[str, Any], timestep: int, sigma: float) -> float:
    """kohya's schedules of Huber's c, at the start of the run."""
    c = float(loss.get("c", 0.1))
    schedule = loss.get("schedule", "snr")
    if schedule == "constant":
        return c
    return c ** (timestep / 1000) if schedule == "exponential" else (1 - c) / (1 + sigma) ** 2 + c


def level(timestep: int, settings: dict[str, Any]) -> float:
    """ᾱ of a timestep, with zero terminal SNR where it is asked for."""
    if not settings.get("zero_terminal_snr"):
        return alpha_bar(timestep)
    first, last = math.sqrt(alpha_bar(0)), math.sqrt(alpha_bar(999))
    return ((math.sqrt(alpha_bar(timestep)) - last) * first / (first - last)) ** 2


def weight(snr: float, s: dict[str, Any]) -> float:
    """All of kohya's weights by timestep, in its order."""
    v, found, most = s["prediction"] == "v_prediction", 1.0, min(snr, 1000.0)
    if s.get("min_snr_gamma") is not None:
        found *= min(snr, s["min_snr_gamma"]) / (snr + 1 if v else snr)
    if s.get("scale_v_like_epsilon"):
        found *= most / (most + 1)
    if s.get("v_like_loss"):
        found += found / (most / (most + 1)) * s["v_like_loss"]
    if s.get("debiased"):
        found *= 1 / (most + 1) if v else 1 / math.sqrt(most)
    return found


def sample_loss(
    predicted: torch.Tensor, clean: torch.Tensor, noise: torch.Tensor, t: int, s: dict[str, Any]
) -> torch.Tensor:
    """Elementwise → mean → weights by timestep, of one sample."""
    a = level(t, s)
    wanted = noise
    if s["prediction"] == "v_prediction":
        wanted = math.sqrt(a) * noise - math.sqrt(1 - a) * clean
    d, kind = predicted - wanted, s.get("loss", {}).get("kind", "mse")
    if kind == "l1":
        each = d.abs()
    elif kind == "mse":
        each = d**2
    else:
        c = threshold(s.get("loss", {}), t, math.sqrt((1 - a) / a))
        each = 2 * ((d**2 + c * c).sqrt() - c) * (c if kind == "huber" else 1)
    return each.mean() * weight(a / (1 - a), s)


def expected(data: dict[str, Path], of_base: str, settings: dict[str, Any]) -> tuple[float, float]:
    """Loss and gradient norm of the first step, each sample by itself."""
    train = Train.model_validate(settings)
    prediction = settings.get("prediction_type", of_base)
    draws, base = Draws(0), load_base(data[of_base], ("unet", "text"))
    other = cached_images(data["other"]) if train.regularization else None
    stream = Stream(train, draws, cached_images(data["latents"]), other)
    parameters, losses = add_lora(base, train, draws), []
    for sample in stream.samples(0, train.effective_batch):
        one: Batch = collate([sample], draws, 1000, train, torch.device("cpu"))
        t = int(one.timesteps)
        a = level(t, settings)
        x = math.sqrt(a) * one.latents + math.sqrt(1 - a) * one.mixed
        text = encode(base, one.captions, train.clip_skip)
        predicted = base.unet(x, one.timesteps, **unet_arguments(base, text, x)).sample
        loss = sample_loss(
            predicted.double(), one.latents, one.noise, t, settings | {"prediction": prediction}
        )
        ours = train.regularization is None or sample.images is stream.images
        losses.append(loss if ours else train.regularization.weight * loss)  # type: ignore[union-attr]
    total = torch.stack(losses).mean()
    total.backward()
    grads = [weight.grad for weight in parameters.values() if weight.grad is not None]
    return float(total.detach()), math.sqrt(sum(float(g.double().square().sum()) for g in grads))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"min_snr_gamma": 1.0},
        {"loss": {"kind": "huber", "c": 0.15, "c_end": 0.05, "schedule": "constant"}},
        {"loss": {"kind": "huber", "schedule": "exponential"}, "min_snr_gamma": 5.0},
        {"loss": {"kind": "smooth_l1"}, "batch_size": 3, "accumulation": 2},
        {"noise_offset": 0.2},
        {"noise_offset": 0.1, "adaptive_noise_scale": 0.4, "loss": {"kind": "l1"}},
        {"multires_noise": {"discount": 0.8}, "input_perturbation": 0.3},
        {"debiased": True, "min_snr_gamma": 1.0},
        {"regularization": {"weight": 0.3}, "min_snr_gamma": 1.0, "batch_size": 12},
        {"lr_text": 1e-3, "clip_skip": 2, "captions": {"dropout": 0.5}},
        {"captions": {"shuffle": "clauses"}},
    ],
)
def test_a_step_has_the_loss_and_gradient_of_the_formulas(
    data: dict[str, Path], tmp_path: Path, prediction: str, settings: dict[str, Any]
) -> None:
    settings = STEP | settings
    other = data["other"] if "regularization" in settings else None
    run(data[prediction], tmp_path / "t", settings, data["latents"], regularization=other)
    (row,) = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8"))
    loss, norm = expected(data, prediction, settings)
    assert float(row["loss"]) == pytest.approx(loss, rel=2e-4)
    assert float(row["grad_norm"]) == pytest.approx(norm, rel=1e-3)


@pytest.mark.parametrize(
    ("of_base", "settings"),
    [
        ("epsilon", {"prediction_type": "v_prediction", "debiased": True}),
        ("v_prediction", {"prediction_type": "epsilon", "v_like_loss": 0.3, "debiased": True}),
        ("v_prediction", {"scale_v_like_epsilon": True, "min_snr_gamma": 5.0}),
        ("v_prediction", {"zero_terminal_snr": True}),
        (
            "epsilon",
            {"prediction_type": "v_prediction", "zero_terminal_snr": True, "batch_size": 12}
            | {"debiased": True, "min_snr_gamma": 5.0, "loss": {"kind": "smooth_l1"}},
        ),
    ],
)
def test_a_step_towards_another_objective_is_that_of_the_formulas(
    data: dict[str, Path], tmp_path: Path, of_base: str, settings: dict[str, Any]
) -> None:
    settings = STEP | settings
    run(data[of_base], tmp_path / "t", settings, data["latents"])
    (row,) = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8"))
    loss, norm = expected(data, of_base, settings)
    assert float(row["loss"]) == pytest.approx(loss, rel=2e-4)
    assert float(row["grad_norm"]) == pytest.approx(norm, rel=1e-3)


@pytest.mark.parametrize(
    ("row", "beside"),
    [
        ({"lr_text": 1e-3}, {}),
        ({"clip_skip": 2}, {}),
        ({"captions": {"shuffle": "clauses"}}, {}),
        ({"captions": {"dropout": 0.5}}, {}),
        ({"loss": {"kind": "huber"}}, {}),
        ({"loss": {"kind": "smooth_l1"}}, {"loss": {"kind": "huber"}}),
        ({"loss": {"kind": "huber", "c_end": 0.01}}, {"loss": {"kind": "huber"}}),
        ({"min_snr_gamma": 5.0}, {}),
        ({"noise_offset": 0.1}, {}),
        ({"precision": "bf16"}, {}),
        ({"schedule": "cosine"}, {}),
        ({"schedule": "linear"}, {"schedule": "cosine"}),
        ({"warmup": 0.5}, {}),
        ({"clip_norm": 1e-4}, {}),
        ({"optimizer": {"weight_decay": 0.5}}, {}),
        ({"optimizer": {"betas": [0.9, 0.9]}}, {}),
        ({"accumulation": 2}, {}),
        ({"repeats": 2}, {}),
        ({"alpha": 4.0}, {}),
        ({"exclude_words": ["4"]}, {}),
    ],
)
def test_each_row_of_the_table_trains_by_itself(
    data: dict[str, Path], tmp_path: Path, row: dict[str, Any], beside: dict[str, Any]
) -> None:
    """One setting at a time, against the same run without it."""
    short = {"steps": 4, "rank": 2, "lr": 1e-2, "log_every": 2, "batch_size": 4}
    for name, settings in (("plain", beside), ("row", row)):
        run(data["epsilon"], tmp_path / name, short | settings, data["latents"])
    plain, changed = weights(tmp_path / "plain"), weights(tmp_path / "row")
    assert plain.keys() <= changed.keys()
    assert any(not torch.equal(plain[name], changed[name]) for name in plain)
    text = [changed[name] for name in changed if name.startswith("text_encoder.") and "_B" in name]
    assert bool(text) == ("lr_text" in row) and all(weight.abs().max() > 0 for weight in text[:-6])
