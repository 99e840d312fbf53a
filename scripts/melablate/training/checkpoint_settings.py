"""When a training run saves what it has come to, and on how many GPUs. It changes no result.

Apart from the other settings, so that neither a study's cadence nor its defaults retrain an arm.
"""

from typing import Annotated

from pydantic import Field

from ..settings import Settings


class Checkpoint(Settings):
    """When a training run saves a state from which it can go on."""

    seconds: Annotated[float, Field(gt=0)] | None = 120.0
    """Save a resumable state every so many seconds; none: not by time."""
    steps: Annotated[int, Field(ge=1)] | None = None
    """Save a resumable state every so many steps; none: not by steps."""

    budget: Annotated[float, Field(gt=0)] | None = None
    """Save, stop and exit with 75 so that a job takes at most so many seconds; run again, it goes
    on (`--retries` does so by itself). Inside a Slurm job its end is minded without this too."""

    @property
    def options(self) -> str:
        """As options of `train_lora.py`."""
        given = {"seconds": self.seconds, "steps": self.steps, "budget": self.budget}
        return " ".join(f"--checkpoint-{k} {v}" for k, v in given.items() if v is not None)
