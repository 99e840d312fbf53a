"""Which samples a forward pass is of: what is dropped of adapters depends on them."""

import importlib
from collections.abc import Sequence

from ..models.base import Base
from .adapter_settings import AdapterDropout
from .draws import Draws
from .settings import Train
from .stream import Sample


class Dropouts:
    """Says so to the masks of the adapters, where there are any (`adapter_masks`)."""

    def __init__(self, base: Base, settings: Train, draws: Draws) -> None:
        self.step, self.samples = 0, list[Sample]()
        if settings.adapter_dropout != AdapterDropout():
            importlib.import_module(f"{__package__}.adapter_masks").Masks(
                base, settings, draws, now=self
            )

    def at(self, step: int, samples: Sequence[Sample]) -> None:
        """What follows is the forward and backward pass of these samples."""
        self.step, self.samples = step, list(samples)

    def off(self) -> None:
        """What follows is no training."""
        self.samples = []
