"""Multi-resolution (pyramid) noise (Whitaker 2023): white noise with coarser noise added to it."""

from collections.abc import Iterable, Sequence

import torch
from torch.nn import functional as F


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
