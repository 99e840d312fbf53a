"""Offset noise: each channel of a sample is shifted as a whole (Guttenberg 2023)."""

import torch


def offset_noise(noise: torch.Tensor, shifts: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """ε + o·N with one normal number N [batch, channels, 1, 1] to a sample and channel."""
    return noise + offset * shifts


def offsets(latents: torch.Tensor, offset: float, adaptive: float) -> torch.Tensor:
    """o = max(0, offset + adaptive · |mean of the latents|) [batch, channels, 1, 1] (kohya's)."""
    level = latents.mean(dim=(2, 3), keepdim=True).abs()
    return (offset + adaptive * level).clamp(min=0)
