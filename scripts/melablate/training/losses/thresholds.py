"""The threshold c of the Huber losses, for every sample."""

import torch

from ..settings import Loss


def thresholds(
    settings: Loss, timesteps: torch.Tensor, alphas: torch.Tensor, progress: float
) -> torch.Tensor:
    """c(t) [batch, 1, 1, 1] (kohya's schedules), with the base value c moved along the run.

    `progress` is the share of the run that is done: c + (c_end − c)·progress, 'dynamic Huber'.
    """
    c = settings.c
    if settings.c_end is not None:
        c += (settings.c_end - settings.c) * progress
    if settings.schedule == "constant":
        values = torch.full_like(alphas[timesteps], c)
    elif settings.schedule == "exponential":
        values = c ** (timesteps.to(alphas.dtype) / len(alphas))  # exp(t·ln c / T)
    else:
        sigma = ((1 - alphas) / alphas).sqrt()[timesteps]
        values = (1 - c) / (1 + sigma).square() + c
    return values.view(-1, 1, 1, 1)
