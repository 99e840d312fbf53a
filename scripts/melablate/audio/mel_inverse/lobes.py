"""Multiplicative updates of a spectrum that is made of the window's lobes.

A spectrum under a window is smooth: a tone fills the bins of the window's main lobe and never
one alone. So the unknown is the power of a tone in each bin, whose spectrum is its lobe; a
few updates of that spectrum itself then mend what lobes cannot make. Against updates of the
spectrum alone this finds tones better where bands are wider than a lobe, and leaves noise as
smooth (benchmarks/inversion.md).
"""

import torch
from torch import Tensor
from torch.nn import functional

from .bands import Bands

UPDATES = 60
MENDING = 10
# Longer steps than Lee and Seung's, which are slow and on the safe side (up to 2 converges).
STEP = 1.7
LEAST_GAIN = 0.05


def linear(mel: Tensor, bands: Bands, iterations: int | None) -> Tensor:
    """Power [bins, columns] of mel bands [n_mels, columns]."""
    lobe = bands.lobe.tolist()
    of_tones = Bands(_spread(bands.dense, lobe), mel)
    least = torch.finfo(mel.dtype).eps ** 2
    tones = of_tones.average(mel / of_tones.of_bands.clamp(min=least))
    for _ in range(UPDATES if iterations is None else iterations):
        gain = of_tones.average(mel / of_tones.mel(tones).clamp_(min=least))
        tones *= gain.sub_(1).mul_(STEP).add_(1).clamp_(min=LEAST_GAIN)
    power = _spread(tones.T, lobe).T.contiguous() * (bands.of_bins > 0)
    for _ in range(MENDING):
        power *= bands.average(mel / bands.mel(power).clamp_(min=least))
    return power


def _spread(rows: Tensor, lobe: list[float]) -> Tensor:
    """Each row [n, bins] with every bin spread over its neighbours."""
    side, bins = len(lobe) // 2, rows.shape[1]
    wide = functional.pad(rows, (side, side))
    total = torch.zeros_like(rows)
    for tap, weight in enumerate(lobe):
        total += weight * wide[:, tap : tap + bins]
    return total
