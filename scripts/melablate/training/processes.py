"""The processes that train one run together: one, or one a GPU.

`accelerate launch`, torchrun and `train_lora.py --processes` tell each its rank. Every one takes
its share of each batch and gradients are added up, so that their number changes a result in its
last bits only.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import torch
from accelerate import PartialState
from torch import distributed

BUCKET = 2**23
"""Numbers that are added up in one go."""


class Processes:
    """This process among those of its run, and what they do in step."""

    def __init__(self) -> None:
        state = PartialState(cpu=not torch.cuda.is_available())
        self.rank: int = state.process_index
        self.count: int = state.num_processes
        self.device: torch.device = state.device
        self.local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        """How many of them are on this machine."""
        # Decisions go over the CPU, beside the gradients: no GPU waits for them.
        self._beside: Any = distributed.new_group(backend="gloo") if self.count > 1 else None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, numbers: range) -> range:
        """This process's part of a batch."""
        return numbers[
            len(numbers) * self.rank // self.count : len(numbers) * (self.rank + 1) // self.count
        ]

    def any(self, *flags: bool) -> list[bool]:
        """For each flag, whether it is set in any process; all take the same way from there."""
        if self.count == 1:
            return list(flags)
        told = torch.tensor(flags, dtype=torch.int32)
        _together(distributed.all_reduce, told, distributed.ReduceOp.MAX, self._beside)
        return [bool(flag) for flag in told.tolist()]

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count == 1:
            return
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.flatten() for tensor in bucket])
            _together(distributed.all_reduce, flat)
            parts = flat.split([tensor.numel() for tensor in bucket])
            for tensor, part in zip(bucket, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def leave(self, reason: str | int) -> NoReturn:
        """End this process as all others end; the first one says why."""
        raise SystemExit(reason if self.first or isinstance(reason, int) else 1)


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Tensors of one type that are few numbers together: adapters are hundreds of small ones."""
    bucket: list[torch.Tensor] = []
    for tensor in tensors:
        size = sum(inner.numel() for inner in bucket)
        if bucket and (size + tensor.numel() > BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _together(collective: Any, *arguments: Any) -> None:
    try:
        collective(*arguments)
    except RuntimeError as error:
        raise SystemExit(
            f"another process of this run has ended ({str(error).splitlines()[0]}); its reason "
            "stands above. Run the same command again to go on from the last saved state"
        ) from None
