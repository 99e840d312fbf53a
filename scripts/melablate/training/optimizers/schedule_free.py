"""Schedule-free AdamW: an average of weights in place of a schedule (Defazio et al. 2024)."""

from typing import Any

import torch

from ..optimizer_settings import ScheduleFree


def make(
    groups: list[dict[str, Any]], settings: ScheduleFree, warmup: int
) -> torch.optim.Optimizer:
    """The optimizer of parameter groups, whose learning rate it warms up by itself."""
    from schedulefree import AdamWScheduleFree

    optimizer: torch.optim.Optimizer = AdamWScheduleFree(
        groups,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        eps=settings.eps,
        r=settings.r,
        warmup_steps=warmup,
    )
    return optimizer
