"""AdamW with moments of 8 bits (Dettmers et al. 2022)."""

import logging
from typing import Any

import torch

from ..optimizer_settings import AdamW8bit


def make(groups: list[dict[str, Any]], settings: AdamW8bit, warmup: int) -> torch.optim.Optimizer:
    """The optimizer of parameter groups that carry their own learning rate."""
    # It warns of a kernel for 4-bit matrices, which nothing here has.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    from bitsandbytes.optim import AdamW8bit as Implementation

    optimizer: torch.optim.Optimizer = Implementation(
        groups,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        eps=settings.eps,
        min_8bit_size=settings.min_8bit_size,
    )
    return optimizer
