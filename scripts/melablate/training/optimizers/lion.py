"""Lion: steps of one size, by the sign of an average (Chen et al. 2023)."""

from typing import Any

import torch

from ..optimizer_settings import Lion


def make(groups: list[dict[str, Any]], settings: Lion, warmup: int) -> torch.optim.Optimizer:
    """The optimizer of parameter groups that carry their own learning rate."""
    from lion_pytorch import Lion as Implementation

    optimizer: torch.optim.Optimizer = Implementation(
        groups, betas=settings.betas, weight_decay=settings.weight_decay
    )
    return optimizer
