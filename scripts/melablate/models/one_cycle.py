"""Learning rate of the small models: a short line up, a half cosine down to zero."""

import math

import torch


def one_cycle(
    optimizer: torch.optim.Optimizer, steps: int, warmup: float = 0.1
) -> torch.optim.lr_scheduler.LambdaLR:
    """Scale the optimizer's peak rate; any number of steps will do."""
    rising = max(1, round(warmup * steps))

    def scale(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / max(1, steps - rising))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, scale)
