"""What an exported pipeline must know to sample as the workflow does."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Settings
from .settings import Sampler

Count = Annotated[int, Field(ge=1)]


class Pipeline(Settings):
    """How a whole pipeline is exported."""

    sampler: Sampler = "dpmsolver++"
    """Solver of the reverse process."""
    clip_skip: Count = 1
    """Layer of the text encoder to read, from the end, as in training."""
    prediction_type: Literal["epsilon", "v_prediction"] | None = None
    """What the arm was trained to predict, where that is not the base's own."""
    zero_terminal_snr: bool = False
    """Whether it was trained on noise without signal at the end."""
    height: Count = 256
    """Rows of the image."""
    width: Count = 512
    """Columns of the image."""
