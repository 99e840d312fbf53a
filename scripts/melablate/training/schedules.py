"""Learning rate as a function of the step, as diffusers and kohya's trainer have it.

Nothing to save, nothing to resume.
"""

import math

from .settings import Train

END = 1e-7
"""Where the polynomial schedule ends."""


def warmup_steps(settings: Train, steps: int) -> int:
    """Steps in which the learning rate rises; a share of all is rounded down (kohya)."""
    warmup = settings.warmup
    rising = int(warmup * steps) if warmup < 1 else int(warmup)
    if rising > steps:
        raise SystemExit(
            f"train.warmup: a warm-up of {rising} steps is longer than the run of {steps}: give "
            "fewer steps, or a share below 1"
        )
    return rising


def factor(step: int, steps: int, settings: Train) -> float:
    """Share of the peak learning rate at step 0 … steps − 1; the first of a warm-up has none."""
    if settings.optimizer.kind == "schedule_free":  # it warms up by itself
        return 1.0
    rising = warmup_steps(settings, steps)
    if step < rising:
        return step / rising
    done = (step - rising) / max(1, steps - rising)
    if settings.schedule == "linear":
        return 1.0 - done
    if settings.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    if settings.schedule == "cosine_with_restarts":
        return 0.5 * (1.0 + math.cos(math.pi * (settings.schedule_cycles * done % 1.0)))
    if settings.schedule == "polynomial":
        end = END / settings.lr
        return (1.0 - end) * math.pow(1.0 - done, settings.schedule_power) + end
    return 1.0
