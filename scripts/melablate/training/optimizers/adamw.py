"""AdamW (Loshchilov and Hutter 2019)."""

from typing import Any

import torch

from ..optimizer_settings import AdamW


def make(groups: list[dict[str, Any]], settings: AdamW, warmup: int) -> torch.optim.Optimizer:
    """The optimizer of parameter groups that carry their own learning rate."""
    # Fused: one kernel for hundreds of small adapters, where a loop would cost milliseconds.
    return torch.optim.AdamW(
        groups,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        eps=settings.eps,
        fused=True,
    )
