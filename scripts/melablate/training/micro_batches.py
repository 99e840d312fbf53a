"""How much of a batch is in memory at a time, and what happens where that is too much.

The micro-batch is halved and the step done again: the batch keeps its samples, and their draws
are keyed by the sample, so that only the last bits of a result can change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from ..progress import say
from .processes import Processes


@dataclass
class MicroBatches:
    """Samples at a time: `batch_size`, until memory runs out."""

    size: int
    events: list[dict[str, int]] = field(default_factory=list)
    """Step at which memory ran out, and the size from there on."""

    def split(self, numbers: range) -> Iterator[range]:
        """A batch in parts."""
        for first in range(0, len(numbers), self.size):
            yield numbers[first : first + self.size]

    def halve(self, run: str, step: int, processes: Processes) -> None:
        """Go on with half as many samples at a time; SystemExit where it is one already."""
        if self.size == 1:
            processes.leave(
                f"{run}: out of memory at step {step + 1} with one image at a time. End other "
                "programs on the device, take a larger one, or need less: precision bf16, a lower "
                "rank, smaller images"
            )
        self.size = (self.size + 1) // 2
        self.events.append({"step": step + 1, "micro_batch": self.size})
        if processes.first:
            said = f"{run}: out of memory at step {step + 1}; from here on {self.size} images at a"
            say(f"{said} time in more parts, the same effective batch")


def fits(work: Callable[[], None]) -> bool:
    """Do the work; False where memory ran out, with all that it held let go."""
    try:
        work()
    except RuntimeError as error:
        if not _lacks_memory(error):
            raise
    else:
        return True
    # Not in the handler above: the traceback still holds the tensors of the failed pass there.
    clear_device_cache(garbage_collection=True)
    return False


@contextmanager
def enough_memory(run: str) -> Iterator[None]:
    """Where smaller micro-batches are no help, memory that runs out ends the run: SystemExit."""
    try:
        yield
    except RuntimeError as error:
        if not _lacks_memory(error):
            raise
        raise SystemExit(
            f"{run}: out of memory for what needs as much at any batch size: weights, their "
            f"optimizer or their average ({str(error).splitlines()[0]}). End other programs on the "
            "device, take a larger one, or need less: optimizer adamw8bit or adafactor, no ema, "
            "weights lora instead of full, a lower rank"
        ) from None


def _lacks_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)
