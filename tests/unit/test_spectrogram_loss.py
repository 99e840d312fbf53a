"""The spectrogram-aware loss against its formula, written out apart from the code."""

import csv
import itertools
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from melablate.models.base import load_base
from melablate.models.conditioning import encode, unet_arguments
from melablate.training.batches import collate
from melablate.training.draws import Draws
from melablate.training.image_error import image_error
from melablate.training.images import cached_images
from melablate.training.lora import add_lora
from melablate.training.losses.spectrogram import cropped, make
from melablate.training.objective_settings import SpectrogramLoss
from melablate.training.plugins import plugins
from melablate.training.settings import Train
from melablate.training.stream import Stream
from pydantic import ValidationError
from training_runs import run, weights, write_latents

STEP = {"steps": 1, "rank": 2, "log_every": 1, "batch_size": 5, "clip_norm": None}
OWN = {"weight": 3.0, "slopes": 0.5, "scales": [1, 2], "crop": 12}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("data") / "latents.safetensors", clips=12)


def alpha_bar(timestep: int) -> float:
    product = 1.0
    for step in range(timestep + 1):
        root = 0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * step / 999
        product *= 1 - root * root
    return product


def written_out(image: list[list[float]], slopes: float, scales: list[int]) -> float:
    """Of one channel, in plain Python."""
    height, width = len(image), len(image[0])
    total = sum(value**2 for row in image for value in row) / (height * width)
    for s in scales:
        blocks = [
            [
                sum(image[s * i + a][s * j + b] for a in range(s) for b in range(s)) / s**2
                for j in range(width // s)
            ]
            for i in range(height // s)
        ]
        down = [
            (b - a) ** 2
            for one, two in itertools.pairwise(blocks)
            for a, b in zip(one, two, strict=True)
        ]
        along = [(b - a) ** 2 for row in blocks for a, b in itertools.pairwise(row)]
        total += slopes / len(scales) * (sum(down) / len(down) + sum(along) / len(along))
    return total


@pytest.mark.parametrize(("slopes", "scales"), [(0.0, [1]), (1.0, [1]), (2.0, [1, 2, 4])])
def test_the_error_of_an_image_and_its_gradient(slopes: float, scales: list[int]) -> None:
    image = torch.randn(2, 1, 9, 12, generator=torch.Generator().manual_seed(0)).double()
    image.requires_grad_()
    found = image_error(image, slopes, scales)
    wanted = [written_out(one[0].tolist(), slopes, scales) for one in image]
    assert found.tolist() == pytest.approx(wanted, rel=1e-9)
    found[0].backward()
    assert image.grad is not None and not image.grad[1].any()
    nudged = [[row[:] for row in image[0, 0].tolist()] for _ in range(2)]
    nudged[0][3][5] += 1e-5
    nudged[1][3][5] -= 1e-5
    up, down = (written_out(one, slopes, scales) for one in nudged)
    assert float(image.grad[0, 0, 3, 5]) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_a_shift_of_level_has_no_slope_and_a_stripe_has() -> None:
    level, stripe = torch.full((1, 1, 8, 8), 0.3), torch.zeros(1, 1, 8, 8)
    stripe[..., 3, :] = 0.3
    assert float(image_error(level, 5.0, [1, 2])) == pytest.approx(0.09)
    assert float(image_error(stripe, 5.0, [1])) > 5 * float(image_error(stripe, 0.0, [1]))


def test_crops_are_squares_or_what_there_is() -> None:
    latents = torch.arange(2 * 4 * 6).view(2, 1, 4, 6)
    made = cropped(latents, [(0, 2), (1, 3)], 3)
    assert made[0, 0].tolist() == [[2, 3, 4], [8, 9, 10], [14, 15, 16]]
    assert made[1, 0, 0].tolist() == [33, 34, 35]
    assert cropped(latents, [(0, 0), (0, 1)], 5).shape == (2, 1, 4, 5)


def expected(
    base_folder: Path, latents: Path, settings: dict[str, Any]
) -> tuple[float, float, float]:
    """Loss, its part from the image, and the gradient's norm, each sample by itself."""
    train = Train.model_validate(settings)
    draws, base = Draws(0), load_base(base_folder)
    kind, own = train.prediction_type or "epsilon", train.spectrogram_loss
    assert own is not None
    stream = Stream(train, draws, cached_images(latents))
    parameters, losses, images = add_lora(base, train, draws), [], []
    for sample in stream.samples(0, train.effective_batch):
        one = collate([sample], draws, 1000, train, CPU)
        t = int(one.timesteps)
        a = alpha_bar(t)
        x = math.sqrt(a) * one.latents + math.sqrt(1 - a) * one.mixed
        text = encode(base, one.captions)
        predicted = base.unet(x, one.timesteps, **unet_arguments(base, text, x)).sample
        unshaken = math.sqrt(a) * one.latents + math.sqrt(1 - a) * one.noise
        if kind == "epsilon":
            wanted = one.noise
            guess = (unshaken - math.sqrt(1 - a) * predicted) / math.sqrt(a)
        else:
            wanted = math.sqrt(a) * one.noise - math.sqrt(1 - a) * one.latents
            guess = math.sqrt(a) * unshaken - math.sqrt(1 - a) * predicted
        row = draws.integer(4 - 3 + 1, "spectrogram row", *sample.key)  # 12 pixels of 4 a latent
        column = draws.integer(8 - 3 + 1, "spectrogram column", *sample.key)
        where = (..., slice(row, row + 3), slice(column, column + 3))
        seen, real = (base.vae.decode(z[where] / 0.5).sample for z in (guess, one.latents))
        channels = (seen - real)[0]
        each = []
        for s in own.scales:
            size = channels.shape[1] // s * s
            blocks = channels[:, :size, :size].unfold(1, s, s).unfold(2, s, s).mean(dim=(3, 4))
            each.append(
                (blocks[:, 1:] - blocks[:, :-1]).square().mean()
                + (blocks[:, :, 1:] - blocks[:, :, :-1]).square().mean()
            )
        image = channels.square().mean() + own.slopes * sum(each) / len(each)
        images.append(own.weight * a * image)
        losses.append((predicted - wanted).square().mean() + images[-1])
    total = torch.stack(losses).mean()
    total.backward()
    grads = [weight.grad for weight in parameters.values() if weight.grad is not None]
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in grads))
    return float(total.detach()), float(torch.stack(images).mean().detach()), norm


@pytest.mark.parametrize(
    "settings",
    [{}, {"prediction_type": "v_prediction"}, {"input_perturbation": 0.4}, {"accumulation": 2}],
)
def test_a_step_has_the_loss_and_gradient_of_the_formula(
    bases: dict[str, Path], latents: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    settings = STEP | {"spectrogram_loss": OWN} | settings
    run(bases["sd"], tmp_path / "t", settings, latents)
    (row,) = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8"))
    loss, image, norm = expected(bases["sd"], latents, settings)
    assert image > 0.05 * loss
    assert float(row["loss"]) == pytest.approx(loss, rel=2e-4)
    assert float(row["grad_norm"]) == pytest.approx(norm, rel=1e-3)


def test_weights_of_timesteps_are_for_the_latents_alone(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    settings = STEP | {"spectrogram_loss": OWN}
    found = []
    for name, more in (("plain", {}), ("snr", {"min_snr_gamma": 1e-9})):
        run(bases["sd"], tmp_path / name, settings | more, latents)
        (row,) = csv.DictReader((tmp_path / f"{name}.csv").open(encoding="utf-8"))
        found.append(float(row["loss"]))
    _, image, _ = expected(bases["sd"], latents, settings)
    assert found[1] == pytest.approx(image, rel=1e-3) and found[0] > 1.2 * found[1]


def test_no_other_loss_needs_the_autoencoder(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(bases["sd"], base)
    next((base / "vae").glob("*.safetensors")).unlink()
    run(base, tmp_path / "plain", STEP, latents)
    with pytest.raises(SystemExit, match="vae has no weights"):
        run(base, tmp_path / "seen", STEP | {"spectrogram_loss": {}}, latents)


@pytest.mark.parametrize("base", ["sd", "xl"])
def test_every_base_trains_with_it_in_mixed_precision(
    bases: dict[str, Path], latents: Path, tmp_path: Path, base: str
) -> None:
    short = {
        "steps": 3,
        "rank": 2,
        "lr": 1e-2,
        "batch_size": 4,
        "precision": "bf16",
        "log_every": 1,
    }
    for name, more in (("plain", {}), ("seen", {"spectrogram_loss": {"crop": 8}})):
        run(bases[base], tmp_path / name, short | more, latents)
    plain, seen = weights(tmp_path / "plain"), weights(tmp_path / "seen")
    assert plain.keys() == seen.keys()
    assert any(not torch.equal(plain[name], seen[name]) for name in plain)


def test_the_autoencoder_stays_in_float32_and_frozen(bases: dict[str, Path], latents: Path) -> None:
    base = load_base(bases["xl"], ("unet",), torch.bfloat16)
    settings, draws = Train(), Draws(0)
    batch = collate(
        Stream(settings, draws, cached_images(latents)).samples(0, 2), draws, 1000, settings, CPU
    )
    loss = make(SpectrogramLoss(crop=8), base, draws, CPU)
    error = torch.randn(batch.latents.shape).requires_grad_()
    found = loss(batch, error)
    assert found.dtype == torch.float32 and found.shape == (2,)
    found.sum().backward()
    assert error.grad is not None and error.grad.abs().max() > 0
    assert loss(batch, torch.zeros_like(error)).tolist() == [0.0, 0.0]


def test_it_is_code_of_the_arms_that_use_it_alone() -> None:
    name = "training/losses/spectrogram.py"
    assert name not in plugins(Train()) and name in plugins(Train(spectrogram_loss={}))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weight": 0}, "weight"),
        ({"scales": []}, "there are none"),
        ({"scales": [1, 64]}, "do not fit a crop of 64"),
        ({"crop": 4}, "crop"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SpectrogramLoss.model_validate(settings)
