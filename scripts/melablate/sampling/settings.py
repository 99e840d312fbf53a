"""How audio is generated from a trained arm."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Neutral, Settings

Count = Annotated[int, Field(ge=1)]
Sampler = Literal["dpmsolver++", "ddim", "euler"]


class Prompts(Settings):
    """What every arm is asked for: the same for all, and never an input of training."""

    heldout: Count = 16
    """How many held-out clips give their first caption as a prompt. A corpus with fewer stops the
    run as soon as its images are there, before most of the training."""
    extra: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Further prompts."""
    per_prompt: Count = 1
    """Clips a prompt and seed."""


class Sample(Settings):
    """Sampler and guidance; never an input of training."""

    sampler: Sampler = "dpmsolver++"
    """Solver of the reverse process (diffusers' implementations)."""
    steps: Count = 32
    """Steps of the solver."""
    guidance: Annotated[float, Field(ge=1)] = 4.0
    """Classifier-free guidance scale (Ho & Salimans 2022); 1 is none."""
    negative_prompt: str = ""
    """What guidance leads away from."""
    batch_size: Count = 32
    """Clips generated at once."""
    checkpoint: Annotated[Literal["last", "best"], Neutral("last")] = "last"
    """Weights that are sampled with: the last ones, or those of the smallest validation loss."""
