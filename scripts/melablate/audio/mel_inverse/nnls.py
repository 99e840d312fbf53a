"""Non-negative least squares by accelerated projected gradients (Beck and Teboulle 2009).

Each bin has the step that its own bands allow (BᵀB is below the diagonal of BᵀB·1, as all are
non-negative), and a frame whose error grew forgets its momentum (O'Donoghue and Candès 2015).
"""

import torch
from torch import Tensor

from . import pseudo_inverse
from .bands import Bands, inverse

MOST_ITERATIONS = 5000
CHECK_EVERY = 25
# Share of a frame's mel that a step of plain descent still moves when the frame is settled.
SETTLED = 1e-7


def linear(mel: Tensor, bands: Bands, iterations: int | None) -> Tensor:
    """Power [bins, columns] of mel bands [n_mels, columns], until no bin wants to move.

    `iterations` is the most that are made; in double precision, as the last ones are small.
    """
    if mel.dtype != torch.float64:
        exact = Bands(bands.dense.double(), mel.double())
        return linear(mel.double(), exact, iterations).to(mel)
    curvature = bands.spread(bands.of_bands)
    step = inverse(curvature)
    power = ahead = pseudo_inverse.linear(mel, bands, None)
    age = mel.new_ones(1, mel.shape[1])
    for done in range(1, 1 + (MOST_ITERATIONS if iterations is None else iterations)):
        moved = (ahead + bands.spread(mel - bands.mel(ahead)) * step).clamp(min=0)
        way = moved - power
        older, age = age, (1 + (1 + 4 * age**2).sqrt()) / 2
        # A way that goes up the error: start again from here without momentum.
        wrong = ((ahead - moved) * curvature * way).sum(0, keepdim=True) > 0
        age = torch.where(wrong, 1.0, age)
        ahead = moved + torch.where(wrong, 0.0, (older - 1) / age) * way
        power = moved
        if done % CHECK_EVERY == 0 and _settled(power, mel, bands, step):
            break
    return power


def _settled(power: Tensor, mel: Tensor, bands: Bands, step: Tensor) -> bool:
    """Whether a step of plain descent would move the mel of no frame."""
    moved = (power + bands.spread(mel - bands.mel(power)) * step).clamp(min=0)
    change = bands.mel((moved - power).abs()).norm(dim=0)
    return bool((change <= SETTLED * mel.norm(dim=0)).all())
