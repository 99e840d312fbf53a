"""What is trained towards: the parts of an arm's `train` section that are models of their own."""

from typing import Annotated

from pydantic import Field

from ..settings import Settings


class MultiresNoise(Settings):
    """Noise of several resolutions (Whitaker 2023), as kohya's trainer mixes it.

    Coarser noise, enlarged, is added to white noise, and the sum is brought back to std 1. Level i
    is the latent's size over r^i, with r drawn from 2 … 4 for each, and counts discount^i.
    """

    iterations: Annotated[int, Field(ge=1)] = 6
    """Most levels; a level whose height or width is 1 is the last."""
    discount: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share that a level keeps of the one before it."""
