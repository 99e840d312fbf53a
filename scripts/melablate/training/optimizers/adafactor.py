"""Adafactor: second moments as rows and columns (Shazeer and Stern 2018)."""

from typing import Any

import torch

from ..optimizer_settings import Adafactor


def make(groups: list[dict[str, Any]], settings: Adafactor, warmup: int) -> torch.optim.Optimizer:
    """The optimizer of parameter groups that carry their own learning rate."""
    # Not torch.optim's: that one always scales steps by the weights' size, and B starts as zero.
    from transformers.optimization import Adafactor as Implementation

    optimizer: torch.optim.Optimizer = Implementation(
        groups,
        lr=groups[0]["lr"],
        eps=settings.eps,
        clip_threshold=settings.clip_threshold,
        decay_rate=settings.decay_rate,
        weight_decay=settings.weight_decay,
        scale_parameter=settings.scale_parameter,
        relative_step=False,
    )
    return optimizer
