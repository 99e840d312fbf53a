"""How a device computes: the same bits every time, and as fast as that allows.

What changes no setting and is chosen by measurement (`benchmarks/train.md`) is chosen here.
"""

import torch

from ..models.base import Base


def deterministic(threads: int) -> None:
    """Same input, same bits: fixed threads and deterministic kernels where there are any."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would also fill all fresh memory with NaN, which no step here reads.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def compile_blocks(base: Base) -> None:
    """Compile the UNet's transformer blocks; they are alike, so each width is compiled once."""
    base.unet.compile_repeated_blocks()
