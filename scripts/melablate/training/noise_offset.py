"""Offset noise: each channel of a sample is shifted as a whole (Guttenberg 2023)."""

from collections.abc import Sequence

import torch

from ..models.moving import moved
from .draws import Draws
from .settings import Train
from .stream import Sample


def offset_noise(noise: torch.Tensor, shifts: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """ε + o·N with one normal number N [batch, channels, 1, 1] to a sample and channel."""
    return noise + offset * shifts


def offsets(latents: torch.Tensor, offset: float, adaptive: float) -> torch.Tensor:
    """o = max(0, offset + adaptive · |mean of the latents|) [batch, channels, 1, 1] (kohya's)."""
    level = latents.mean(dim=(2, 3), keepdim=True).abs()
    return (offset + adaptive * level).clamp(min=0)


def changed(
    noise: torch.Tensor,
    latents: torch.Tensor,
    samples: Sequence[Sample],
    draws: Draws,
    settings: Train,
) -> torch.Tensor:
    """Every sample draws a shift for each of its channels."""
    shape = (noise.shape[1], 1, 1)
    shifts = torch.stack([draws.normal(shape, "noise offset", *sample.key) for sample in samples])
    found = offsets(latents, settings.noise_offset, settings.adaptive_noise_scale)
    return offset_noise(noise, moved(shifts, noise.device), found)
