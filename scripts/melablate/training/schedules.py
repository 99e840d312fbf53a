"""Learning rate as a function of the step: nothing to save, nothing to resume."""

import math


def factor(step: int, steps: int, kind: str, warmup: float) -> float:
    """Share of the peak learning rate at step 0 … steps − 1."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    return {
        "constant": 1.0,
        "linear": 1.0 - done,
        "cosine": 0.5 * (1.0 + math.cos(math.pi * done)),
    }[kind]
