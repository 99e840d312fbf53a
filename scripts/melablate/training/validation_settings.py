"""The loss on clips that are not trained on."""

from typing import Annotated

from pydantic import Field

from ..settings import Settings

Positive = Annotated[int, Field(ge=1)]


class Validation(Settings):
    """Error of the predicted noise on held-out clips, whatever an arm trains with.

    Clips, noise and timesteps are the same for all arms, seeds and steps, so that the figures can
    be compared; timesteps are spread evenly over the schedule. They are of the clips that prompts
    are taken from too: choosing a checkpoint by it (`sample.checkpoint: best`) sees those clips.
    """

    every: Positive = 100
    """Optimizer steps between two; there is one before the first step and one after the last."""
    clips: Positive = 32
    """Held-out clips at most."""
    draws: Positive = 4
    """Times that each clip is noised."""
