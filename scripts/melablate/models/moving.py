"""Tensors on their way to a device."""

import torch


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """On a device, without waiting until a GPU has done all that it was told before."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
