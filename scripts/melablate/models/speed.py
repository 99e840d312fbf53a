"""What makes steps faster; what was tried and what it gave: benchmarks/train.md."""

import torch

from .base import Base


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """On a device, without waiting until a GPU has done all that it was told before."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def compile_blocks(base: Base) -> None:
    """Compile the UNet's transformer blocks; they are alike, so each width is compiled once."""
    base.unet.compile_repeated_blocks()
