"""First phases for Griffin-Lim, as complex numbers of magnitude 1."""

import math

import torch
from torch import Tensor

from .transform import Transform


def random_phase(stft: Transform, like: Tensor, seed: int = 0) -> Tensor:
    """Random phases [1, frames, bins]: one for all clips, so that none depends on another."""
    generator = torch.Generator().manual_seed(seed)
    turns = torch.rand(1, stft.frames, stft.bins, generator=generator).to(like)
    return torch.polar(torch.ones_like(turns), 2 * math.pi * turns)
