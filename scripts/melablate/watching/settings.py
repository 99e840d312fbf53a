"""What is shown of a training run while it runs. It changes no weights, so no identity."""

from typing import Annotated

from pydantic import Field

from ..settings import Settings

Positive = Annotated[int, Field(ge=1)]


class Watch(Settings):
    """Event files for TensorBoard and, if wanted, samples, in `logs/<study>/train_arm/…/`."""

    tensorboard: bool = True
    """Write event files (`tensorboard --logdir logs/<study>/train_arm`)."""
    every: Positive | None = None
    """Steps between two looks at samples and their spectral entropy; none: never."""
    samples: Positive = 4
    """Samples at a time: captions of held-out clips, from the same noise every time."""
    steps: Positive = 16
    """Steps of the sampler (DPM-Solver++)."""
    guidance: Annotated[float, Field(ge=1)] = 4.0
    """Classifier-free guidance scale."""

    @property
    def options(self) -> str:
        """As an option of `train_lora.py`: one word without spaces."""
        return f"--watch {self.model_dump_json(exclude_none=True)}"
