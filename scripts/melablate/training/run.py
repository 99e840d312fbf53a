"""What a run is made of, and what stays as it is all the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..models.base import Base
from .budget import Budget
from .draws import Draws
from .processes import Processes
from .resume import Cadence, Resume
from .settings import Train
from .signals import Stop
from .stream import Stream

DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

Look = Callable[["Run", Any, Any, int], None]
"""Is given the run, its state, its texts, and how many steps are done."""


class CutShortError(Exception):
    """Asked to stop during a look; the next try looks again."""


@dataclass
class Run:
    """One arm and seed."""

    name: str
    settings: Train
    draws: Draws
    base: Base
    stream: Stream
    resume: Resume
    stop: Stop
    cadence: Cadence
    budget: Budget
    processes: Processes
    warm_start: Path | None = None
    looks: list[Look] = field(default_factory=list)
    """Before every step and after the last: what looks at the weights and changes none."""
    more_captions: set[str] = field(default_factory=set)
    """Captions that looks need, beside those that are trained on."""

    @property
    def steps(self) -> int:
        """Optimizer steps from beginning to end."""
        return self.settings.total_steps(len(self.stream.images))

    def look_on(self) -> None:
        """Asked by a look between its parts, which may take minutes.

        Several processes look to the end: one that left alone would leave the others waiting.
        """
        if self.stop.asked and self.processes.count == 1:
            raise CutShortError
