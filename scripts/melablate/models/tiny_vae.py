"""The embedded autoencoder: Stable Diffusion's AutoencoderKL, small, trained on mel images."""

import math

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch.nn import functional as F

from ..progress import Progress
from .one_cycle import one_cycle
from .pixels import BYTES
from .settings import TinyVae

Images = np.ndarray
"""[clips, planes, height, width] of bytes, or of floats where the codec makes tensors."""
Span = tuple[float, float]
"""Values of the images that are −1 and 1 here."""


def build(settings: TinyVae, planes: int = 1) -> AutoencoderKL:
    """An untrained autoencoder with an input channel for each plane and four latent ones."""
    torch.manual_seed(settings.seed)
    levels = len(settings.channels)
    vae = AutoencoderKL(
        in_channels=planes,
        out_channels=planes,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=settings.channels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
    )
    # Start with a narrow posterior: wide noise on untrained latents would only slow learning.
    with torch.no_grad():
        vae.quant_conv.weight[4:] *= 0.1
        vae.quant_conv.bias[4:] = -5.0
    return vae


def to_input(images: Images, span: Span = BYTES) -> torch.Tensor:
    """The span's ends → −1 and 1; a channel for each plane."""
    low, high = span
    return torch.from_numpy(images).float().sub_(low).div_((high - low) / 2).sub_(1)


def train(images: Images, settings: TinyVae, span: Span = BYTES) -> AutoencoderKL:
    """Minimise squared error plus a small KL term on random crops in time."""
    vae = build(settings, images.shape[1]).train()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=settings.lr, weight_decay=0.0)
    schedule = one_cycle(optimizer, settings.steps)
    draw = np.random.default_rng(settings.seed)
    noise = torch.Generator().manual_seed(settings.seed)
    data, crop = to_input(images, span), min(settings.crop, images.shape[3])
    progress = Progress("autoencoder", settings.steps)
    for step in range(settings.steps):
        rows = draw.integers(len(data), size=settings.batch_size)
        starts = draw.integers(data.shape[3] - crop + 1, size=settings.batch_size)
        batch = torch.stack(
            [data[r, :, :, s : s + crop] for r, s in zip(rows, starts, strict=True)]
        )
        posterior = vae.encode(batch).latent_dist
        decoded = vae.decode(posterior.sample(generator=noise)).sample
        error = F.mse_loss(decoded, batch)
        loss = error + settings.kl_weight * posterior.kl().mean() / posterior.mean[0].numel()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress.step(step + 1, psnr=10 * math.log10(4 / error.item()))
    vae.eval()
    # Rombach et al. (2022, §D.1) scale latents to unit variance.
    vae.register_to_config(scaling_factor=1.0)
    mean, _ = encode(vae, images[:256], span)
    vae.register_to_config(scaling_factor=round(1 / mean.std().item(), 6))
    return vae


@torch.no_grad()
def psnr(vae: AutoencoderKL, images: Images, span: Span = BYTES) -> float:
    """Peak signal-to-noise ratio of the round trip through the posterior's mean, in dB."""
    vae.eval()
    total = 0.0
    for start in range(0, len(images), 16):
        batch = to_input(images[start : start + 16], span)
        decoded = vae.decode(vae.encode(batch).latent_dist.mean).sample.clamp(-1, 1)
        total += F.mse_loss(decoded, batch, reduction="sum").item()
    return 10 * math.log10(4 * images.size / total)


@torch.no_grad()
def encode(
    vae: AutoencoderKL, images: Images, span: Span = BYTES
) -> tuple[torch.Tensor, torch.Tensor]:
    """Posterior mean and std of the scaled latents."""
    posteriors = [
        vae.encode(to_input(images[start : start + 16], span)).latent_dist
        for start in range(0, len(images), 16)
    ]
    scale = vae.config.scaling_factor
    mean, std = (torch.cat([getattr(p, name) for p in posteriors]) for name in ("mean", "std"))
    return mean * scale, std * scale
