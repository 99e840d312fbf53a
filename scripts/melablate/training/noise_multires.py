"""Multi-resolution (pyramid) noise (Whitaker 2023): white noise with coarser noise added to it."""

from collections.abc import Iterable, Sequence

import torch
from torch.nn import functional as F

from .draws import Draws
from .settings import Train
from .stream import Sample


def sizes(height: int, width: int, ratios: Iterable[float]) -> list[tuple[int, int]]:
    """Of level i: the image's over r_i^i, not below 1; a level that reaches 1 is the last."""
    found: list[tuple[int, int]] = []
    for level, ratio in enumerate(ratios):
        shrunk = [max(1, int(side / ratio**level)) for side in (height, width)]
        found.append((shrunk[0], shrunk[1]))
        if 1 in shrunk:
            break
    return found


def multires_noise(
    noise: torch.Tensor, levels: Sequence[torch.Tensor], discount: float
) -> torch.Tensor:
    """(ε + Σ discount^i · level i, enlarged) of one sample [channels, height, width], at std 1.

    As in kohya's trainer, but each sample is brought to std 1 by itself, not the batch as a whole:
    a sample's noise must not depend on what stands beside it.
    """
    total = noise
    for number, level in enumerate(levels):
        enlarged = F.interpolate(level[None], size=noise.shape[1:], mode="bilinear")[0]
        total = total + discount**number * enlarged
    return total / total.std()


def changed(
    noise: torch.Tensor,
    _latents: torch.Tensor,
    samples: Sequence[Sample],
    draws: Draws,
    settings: Train,
) -> torch.Tensor:
    """Every sample draws its own ratios between the levels, 2 … 4, and their noise."""
    multires = settings.multires_noise
    assert multires is not None
    channels, height, width = noise.shape[1:]
    made = []
    for own, sample in zip(noise, samples, strict=True):
        ratios = [
            2 + 2 * draws.uniform("multires ratio", *sample.key, i)
            for i in range(multires.iterations)
        ]
        levels = [
            draws.normal((channels, *size), "multires noise", *sample.key, i).to(noise.device)
            for i, size in enumerate(sizes(height, width, ratios))
        ]
        made.append(multires_noise(own, levels, multires.discount))
    return torch.stack(made)
