"""Prodigy: finds the step size itself (Mishchenko and Defazio 2023)."""

import io
from contextlib import redirect_stdout
from typing import Any

import torch

from ..optimizer_settings import Prodigy


def make(groups: list[dict[str, Any]], settings: Prodigy, warmup: int) -> torch.optim.Optimizer:
    """The optimizer of parameter groups, which must have one learning rate."""
    from prodigyopt import Prodigy as Implementation

    with redirect_stdout(io.StringIO()):  # it tells that weight decay is decoupled
        optimizer: torch.optim.Optimizer = Implementation(
            groups,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            eps=settings.eps,
            d0=settings.d0,
            d_coef=settings.d_coef,
            use_bias_correction=settings.use_bias_correction,
            safeguard_warmup=settings.safeguard_warmup,
        )
    return optimizer
