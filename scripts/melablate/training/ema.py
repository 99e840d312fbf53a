"""Exponential moving average of the trained weights."""

import math
from collections.abc import Mapping

import torch

from .average_settings import Ema


def decay_at(step: int, settings: Ema) -> float:
    """Share of the old average after step 0, 1, …; of diffusers' EMAModel."""
    since = step - settings.update_after_step
    if since <= 0:
        return 0.0
    if settings.power is None:
        return min(settings.decay, (1 + since) / (10 + since))
    return min(settings.decay, 1 - math.pow(1 + since / settings.inv_gamma, -settings.power))


class Average:
    """The average, in float32 beside the weights; it starts as they are."""

    def __init__(self, parameters: Mapping[str, torch.Tensor], settings: Ema) -> None:
        self.parameters, self.settings = parameters, settings
        self.tensors = {name: weight.detach().clone() for name, weight in parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After the optimizer's step 0, 1, …"""
        weights = list(self.parameters.values())
        torch._foreach_lerp_(
            list(self.tensors.values()), weights, 1 - decay_at(step, self.settings)
        )
