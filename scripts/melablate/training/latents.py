"""Images → latents, with SpecAugmented variants; shared by the latents stage and the loop."""

import hashlib
from typing import Any

import torch
from torch.nn import functional as F

from ..models.pixels import to_model
from .buckets import fit
from .latents_settings import Bucketing, SpecAugment


def specaugment(
    image: torch.Tensor, key: str, settings: SpecAugment, silence: float
) -> torch.Tensor:
    """The image [planes, height, width] with bands and stretches blanked; equal keys, equal masks.

    Park et al. 2019: widths uniform in 0 … the most, positions uniform where they fit.
    """
    digest = hashlib.blake2b(f"specaugment/{key}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
    filled = image.clone()
    value = image.float().mean().item() if settings.fill == "mean" else silence
    if not image.is_floating_point():
        value = round(value)
    for axis, masks, share in (
        (1, settings.frequency_masks, settings.frequency_width),
        (2, settings.time_masks, settings.time_width),
    ):
        size = image.shape[axis]
        widest = max(1, round(share * size)) if share else 0
        for _ in range(masks):
            width = int(torch.randint(widest + 1, (), generator=generator))
            start = int(torch.randint(size - width + 1, (), generator=generator))
            filled.narrow(axis, start, width).fill_(value)
    return filled


def variant(
    image: torch.Tensor, clip_id: str, number: int, settings: SpecAugment, silence: float
) -> torch.Tensor:
    """Variant 0 is the image itself, the others are augmented, each in its own way."""
    return image if number == 0 else specaugment(image, f"{clip_id}/{number}", settings, silence)


def bucketed(images: torch.Tensor, settings: Bucketing | None) -> torch.Tensor:
    """Images [n, planes, height, width] as their bucket shows them."""
    if settings is None:
        return images
    found = fit((images.shape[2], images.shape[3]), settings)
    if found.resized != found.original:
        resized = F.interpolate(images.float(), found.resized, mode="bicubic", antialias=True)
        if not images.is_floating_point():
            resized = resized.round().clamp(0, 255)
        images = resized.to(images.dtype)
    (top, left), (height, width) = found.corner, found.bucket
    return images[..., top : top + height, left : left + width]


@torch.no_grad()
def encode(
    vae: Any,
    images: torch.Tensor,
    span: tuple[float, float],
    bucketing: Bucketing | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Posterior mean and std [n, channels, height, width] of images [n, planes, height, width].

    In the scale in which the UNet works: multiplied by the autoencoder's scaling factor. One image
    at a time: kernels round differently in batches of other sizes, and the latents of the stage
    and those of the loop are to be the same.
    """
    weight = next(vae.parameters())
    images = bucketed(images, bucketing)
    pixels = to_model(images.to(weight.device), vae.config.in_channels, span).to(weight.dtype)
    posteriors = [vae.encode(image).latent_dist for image in pixels.split(1)]
    scale = vae.config.scaling_factor
    mean = torch.cat([posterior.mean for posterior in posteriors]) * scale
    std = torch.cat([posterior.std for posterior in posteriors]) * scale
    return mean.float(), std.float()
