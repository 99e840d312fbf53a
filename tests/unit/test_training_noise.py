"""Offset, multi-resolution and perturbed noise, against their formulas in plain Python."""

import math
import statistics
from pathlib import Path

import pytest
import torch
from melablate.identity import LIBRARY, SCRIPTS, _closure
from melablate.training.batches import Batch, collate
from melablate.training.draws import Draws
from melablate.training.images import cached_images
from melablate.training.noise_multires import multires_noise, sizes
from melablate.training.noise_offset import offset_noise, offsets
from melablate.training.noise_perturbation import perturbed
from melablate.training.plugins import plugins
from melablate.training.settings import Train
from melablate.training.stream import Sample, Stream
from pydantic import ValidationError
from training_runs import write_latents

CPU = torch.device("cpu")


def batch(path: Path, settings: Train, count: int = 3) -> Batch:
    stream = Stream(settings, Draws(0), cached_images(path))
    return collate(stream.samples(0, count), Draws(0), 1000, settings, CPU)


@pytest.fixture
def latents(tmp_path: Path) -> Path:
    return write_latents(tmp_path / "latents.safetensors", clips=6)


@pytest.mark.parametrize(("offset", "adaptive"), [(0.05, 0.0), (0.05, 0.2), (0.1, -0.5), (0.0, 1)])
def test_the_offset_follows_the_channels_mean(offset: float, adaptive: float) -> None:
    latents = torch.tensor([[[[0.5, -0.1]], [[-3.0, 1.0]]]])  # means 0.2 and −1
    found = offsets(latents, offset, adaptive).flatten().tolist()
    assert found == pytest.approx([max(0.0, offset + adaptive * mean) for mean in (0.2, 1.0)])
    shifts = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1)
    made = offset_noise(torch.zeros_like(latents), shifts, offsets(latents, offset, adaptive))
    assert made[0, 0].tolist() == [pytest.approx([2 * found[0]] * 2)]
    assert made[0, 1].tolist() == [pytest.approx([-found[1]] * 2)]


def test_levels_shrink_by_a_power_of_their_ratio_and_end_at_one() -> None:
    assert sizes(32, 64, [2.5, 2.5, 3.0, 2.0]) == [(32, 64), (12, 25), (3, 7), (4, 8)]
    assert sizes(4, 8, [2.0, 4.0, 2.0, 2.0]) == [(4, 8), (1, 2)]
    assert sizes(16, 16, [3.9]) == [(16, 16)]


def doubled(row: list[float]) -> list[float]:
    """Bilinear enlargement by two with aligned edges, from its definition."""
    found = []
    for place in range(2 * len(row)):
        at = min(max((place + 0.5) / 2 - 0.5, 0.0), len(row) - 1.0)
        low, share = int(at), at - int(at)
        high = min(low + 1, len(row) - 1)
        found.append(row[low] * (1 - share) + row[high] * share)
    return found


def test_levels_are_enlarged_discounted_and_the_sum_brought_to_std_one() -> None:
    noise = [0.3, -1.2, 0.7, 2.0]
    first, second = [1.0, 0.0, -1.0, 0.5], [2.0, -4.0]
    total = [a + b + 0.3 * c for a, b, c in zip(noise, first, doubled(second), strict=True)]
    wanted = [value / statistics.stdev(total) for value in total]
    levels = [torch.tensor(row).view(1, 1, -1) for row in (first, second)]
    made = multires_noise(torch.tensor(noise).view(1, 1, 4), levels, 0.3)
    assert made.flatten().tolist() == pytest.approx(wanted, rel=1e-5)


def test_multires_noise_is_coarser_than_white_noise_at_std_one(latents: Path) -> None:
    white, coarse = (
        torch.stack([_multires(seed, settings) for seed in range(40)])
        for settings in (Train(), Train(multires_noise={"discount": 0.9}))
    )

    def neighbours(noise: torch.Tensor) -> float:
        return float((noise[..., 1:] * noise[..., :-1]).mean())

    assert torch.allclose(coarse.std(dim=(2, 3, 4)), torch.ones(40, 1), atol=1e-5)
    assert abs(neighbours(white)) < 0.05 < 0.2 < neighbours(coarse)


def _multires(seed: int, settings: Train) -> torch.Tensor:
    from melablate.training.images import Cached, Images

    zero = torch.zeros(1, 1, 4, 16, 16)
    images = Images(["0"], [["a"]], Cached(zero, zero))
    sample = Sample(images, 0, ("own", "0", 0), 0, "a", 1.0)
    return collate([sample], Draws(seed), 1000, settings, CPU).noise


def test_input_perturbation_leaves_the_target_alone(latents: Path) -> None:
    plain, shaken = batch(latents, Train()), batch(latents, Train(input_perturbation=0.1))
    assert torch.equal(plain.mixed, plain.noise) and torch.equal(plain.noise, shaken.noise)
    more = (shaken.mixed - shaken.noise) / 0.1
    assert abs(float(more.std()) - 1) < 0.1 and not torch.allclose(more, plain.noise, atol=0.1)
    assert torch.equal(
        perturbed(plain.noise, plain.latents, 0.5), plain.noise + 0.5 * plain.latents
    )


@pytest.mark.parametrize(
    "change",
    [
        {"noise_offset": 0.1},
        {"noise_offset": 0.1, "adaptive_noise_scale": 0.3},
        {"multires_noise": {}},
        {"input_perturbation": 0.1},
    ],
)
def test_noise_of_any_kind_leaves_every_other_draw_alone(
    latents: Path, change: dict[str, object]
) -> None:
    plain, changed = batch(latents, Train()), batch(latents, Train.model_validate(change))
    assert torch.equal(plain.latents, changed.latents)
    assert torch.equal(plain.timesteps, changed.timesteps) and plain.captions == changed.captions
    assert not torch.allclose(plain.mixed, changed.mixed)
    # And a sample's noise does not depend on what stands beside it.
    alone = batch(latents, Train.model_validate(change), count=1)
    assert torch.equal(alone.mixed[0], changed.mixed[0])


def test_adaptive_offset_adds_what_the_latents_say(latents: Path) -> None:
    plain = batch(latents, Train())
    small, large = (
        batch(latents, Train(noise_offset=0.1, adaptive_noise_scale=scale)) for scale in (0.0, 0.5)
    )
    ratio = (large.noise - plain.noise) / (small.noise - plain.noise)
    mean = plain.latents.mean(dim=(2, 3), keepdim=True).abs()
    assert torch.allclose(ratio, ((0.1 + 0.5 * mean) / 0.1).expand_as(ratio), rtol=1e-2)


@pytest.mark.parametrize(
    ("change", "module"),
    [
        ({"noise_offset": 0.1}, "noise_offset"),
        ({"adaptive_noise_scale": 0.1}, "noise_offset"),
        ({"multires_noise": {}}, "noise_multires"),
        ({"input_perturbation": 0.1}, "noise_perturbation"),
    ],
)
def test_the_code_of_a_kind_of_noise_is_that_of_the_arms_that_use_it(
    change: dict[str, object], module: str
) -> None:
    file = f"training/{module}.py"
    added = set(plugins(Train.model_validate(change))) - set(plugins(Train()))
    assert added == {file}
    assert LIBRARY / file not in _closure((SCRIPTS / "train_lora.py",))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"adaptive_noise_scale": -0.1}, "noise_offset"),
        ({"adaptive_noise_scale": math.nan}, "adaptive_noise_scale"),
        ({"multires_noise": {"discount": 0}}, "discount"),
        ({"multires_noise": {"iterations": 0}}, "iterations"),
        ({"input_perturbation": -0.1}, "input_perturbation"),
        ({"loss": {"kind": "l1", "c_end": 0.1}}, "c_end has no effect on kind l1"),
    ],
)
def test_noise_that_makes_no_sense_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Train.model_validate(settings)
