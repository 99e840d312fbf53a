"""Smooth L1 loss: like Huber's, scaled to slope 2 far from zero."""

import torch

from ..settings import Loss
from .thresholds import thresholds


def loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    *,
    settings: Loss,
    timesteps: torch.Tensor,
    alphas: torch.Tensor,
    progress: float,
) -> torch.Tensor:
    """2(√(d² + c²) − c) for every element."""
    c = thresholds(settings, timesteps, alphas, progress)
    return 2 * (((prediction - target).square() + c.square()).sqrt() - c)
