"""Pseudo-Huber loss: squared error near zero, 2c·|d| far from it."""

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
    """2c(√(d² + c²) − c) for every element."""
    c = thresholds(settings, timesteps, alphas, progress)
    return 2 * c * (((prediction - target).square() + c.square()).sqrt() - c)
