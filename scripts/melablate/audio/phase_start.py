"""First phases for Griffin-Lim, as complex numbers of magnitude 1."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from .transform import Transform


def random_phase(stft: Transform, like: Tensor, seed: int = 0) -> Tensor:
    """Random phases [1, frames, bins]: one for all clips, so that none depends on another."""
    generator = torch.Generator().manual_seed(seed)
    turns = torch.rand(1, stft.frames, stft.bins, generator=generator).to(like)
    return torch.polar(torch.ones_like(turns), 2 * math.pi * turns)


def peak_phase(magnitude: Tensor, stft: Transform, seed: int = 0) -> Tensor:
    """Phases [n, frames, bins] by a single pass (after Beauregard, Harish and Wyse 2015).

    A bin belongs to the nearest peak of its frame. From frame to frame its phase goes on by the
    frequency of that peak, which a parabola through the logarithms around it tells; the bins of
    a peak share its phase and alternate in sign, as they do under a symmetric window. Where
    tones begin is random, and alike in all clips.
    """
    bins = torch.arange(stft.bins, device=magnitude.device).expand(magnitude.shape)
    nearest = _nearest_peak(magnitude, bins)
    frequency = (bins + _offset(magnitude)).gather(2, nearest)
    # Double precision: the sum over frames grows to many thousand turns.
    turns = frequency.double() * (stft.hop / stft.n_fft)
    steps = torch.cat([torch.zeros_like(turns[:, :1]), (turns[:, 1:] + turns[:, :-1]) / 2], 1)
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(stft.bins, generator=generator, dtype=torch.float64).to(turns.device)
    total = (steps.cumsum(1) + first).gather(2, nearest) + (bins - nearest) / 2
    angles = (2 * math.pi * total.remainder(1)).to(magnitude.dtype)
    return torch.polar(torch.ones_like(angles), angles)


def _nearest_peak(magnitude: Tensor, bins: Tensor) -> Tensor:
    """For each bin the bin of the peak that is nearest in its frame; its own if there is none."""
    middle = magnitude[:, :, 1:-1]
    higher = (middle > magnitude[:, :, :-2]) & (middle >= magnitude[:, :, 2:])
    peaks = functional.pad(higher, (1, 1))
    far = 4 * magnitude.shape[2]
    below = torch.where(peaks, bins, -far).cummax(2).values
    above = torch.where(peaks, bins, far).flip(2).cummin(2).values.flip(2)
    nearest = torch.where(bins - below <= above - bins, below, above)
    return torch.where((nearest >= 0) & (nearest < magnitude.shape[2]), nearest, bins)


def _offset(magnitude: Tensor) -> Tensor:
    """How far from the middle of the bin, in bins, a parabola has its peak (at most a half)."""
    logs = magnitude.clamp(min=torch.finfo(magnitude.dtype).eps ** 2).log()
    below, above = logs[:, :, :-2], logs[:, :, 2:]
    curve = (below - 2 * logs[:, :, 1:-1] + above).clamp(max=-1e-6)
    return functional.pad(((below - above) / (2 * curve)).clamp(-0.5, 0.5), (1, 1))
