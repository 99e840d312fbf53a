"""The moving average of the trained weights."""

from typing import Annotated

from pydantic import Field, model_validator

from ..settings import Neutral, Settings

Rate = Annotated[float, Field(gt=0)]


class Ema(Settings):
    """Exponential moving average of the trained weights, as diffusers' EMAModel has it.

    After step t = 1, 2 … it becomes d·average + (1 − d)·weights with, for s = t − 1 −
    update_after_step, d = 0 where s ≤ 0, else min(decay, (1 + s)/(10 + s)) or, with a power,
    min(decay, 1 − (1 + s/inv_gamma)^−power). The average is validated, sampled from and saved.
    """

    decay: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    """Largest decay d."""
    power: Rate | None = None
    """Exponent of the warm-up of d; 2/3 for a million steps, 3/4 for fewer, 1 is the plain mean.
    None: d rises as (1 + s)/(10 + s)."""
    inv_gamma: Annotated[Rate, Neutral(1.0)] = 1.0
    """Steps are counted in units of this (with `power`)."""
    update_after_step: Annotated[int, Field(ge=0)] = 0
    """Steps before the average begins."""

    @model_validator(mode="after")
    def _uses_inv_gamma(self) -> "Ema":
        if self.power is None and self.inv_gamma != 1:
            raise ValueError("inv_gamma has no effect without power: set power too, or take it out")
        return self
