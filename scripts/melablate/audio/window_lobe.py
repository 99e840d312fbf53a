"""What a window makes of a pure tone in a power spectrum."""

import math

import torch
from torch import Tensor

from .transform import Transform

# Offsets of the tone from the bin that are averaged over, and weights that are left out.
OFFSETS = torch.linspace(-0.25, 0.25, 21, dtype=torch.float64)
LEAST = 5e-4


def window_lobe(stft: Transform | None = None) -> Tensor:
    """Power [2 w + 1] in the bins around a tone, 1 at its own.

    Mean over tones a quarter of a bin up and down; of a Hann window that fills the transform
    if none is given.
    """
    width, n_fft, exponent = (64, 64, 1.0) if stft is None else _shape(stft)
    window = torch.hann_window(width, dtype=torch.float64) ** exponent
    times = torch.arange(width, dtype=torch.float64) - width / 2
    taps: list[float] = []
    for bin_ in range(n_fft // 2):
        angles = 2 * math.pi * (bin_ - OFFSETS)[:, None] * times / n_fft
        power = ((window * angles.cos()).sum(1) ** 2 + (window * angles.sin()).sum(1) ** 2).mean()
        if taps and power < LEAST * taps[0]:
            break
        taps.append(float(power))
    side = torch.tensor(taps, dtype=torch.float64) / max(taps[0], torch.finfo(torch.float64).tiny)
    return torch.cat([side.flip(0), side[1:]])


def _shape(stft: Transform) -> tuple[int, int, float]:
    return stft.width, stft.n_fft, stft.window_exponent
