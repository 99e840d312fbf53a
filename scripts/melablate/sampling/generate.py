"""Text → latents → images: classifier-free guidance over any base."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..audio.codec_settings import CodecSettings
from ..models.base import Base
from ..models.conditioning import Conditioning, encode, unet_arguments
from ..models.pixels import from_model
from ..progress import Progress
from .prompts import Prompt
from .settings import Sample
from .solvers import make_solver


def start_noise(seed: int, prompt: Prompt, number: int, shape: tuple[int, ...]) -> torch.Tensor:
    """The noise of a (seed, prompt, sample): the same in every arm, whatever else is asked for."""
    key = hashlib.blake2b(f"{seed}/{prompt.prompt_id}/{number}".encode(), digest_size=7).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key, "little"))
    return torch.randn(shape, generator=generator)


@torch.inference_mode()
def generate_latents(
    base: Base,
    jobs: Sequence[tuple[Prompt, int]],
    size: tuple[int, int],
    settings: Sample,
    seed: int,
    clip_skip: int = 1,
) -> torch.Tensor:
    """Scaled latents of every (prompt, sample number), in that order."""
    progress = Progress("sampling", len(jobs))
    parts = []
    for start in range(0, len(jobs), settings.batch_size):
        batch = jobs[start : start + settings.batch_size]
        latents = _denoise(base, batch, size, settings, seed, clip_skip)
        check_finite(latents, names_of(batch), "latents")
        parts.append(latents)
        progress.step(start + len(batch))
    return torch.cat(parts)


def _denoise(
    base: Base,
    jobs: Sequence[tuple[Prompt, int]],
    size: tuple[int, int],
    settings: Sample,
    seed: int,
    clip_skip: int,
) -> torch.Tensor:
    """One batch through all steps of the solver; Ho & Salimans 2022, eq. 6."""
    device, dtype = base.unet.device, base.unet.dtype
    shape = (base.unet.config.in_channels, *size)
    noise = torch.stack([start_noise(seed, prompt, number, shape) for prompt, number in jobs])
    solver = make_solver(settings.sampler, base.scheduler)
    solver.set_timesteps(settings.steps, device=device)
    latents = noise.to(device) * solver.init_noise_sigma
    texts = [prompt.text for prompt, _ in jobs]
    guided = settings.guidance > 1
    if guided:
        texts = [settings.negative_prompt] * len(jobs) + texts
    # As in training: adapters are float32 beside frozen weights of fewer bits.
    mixed = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
    with mixed:
        condition = _cast(encode(base, texts, clip_skip), dtype)
    for time in solver.timesteps:
        doubled = torch.cat([latents, latents]) if guided else latents
        scaled = solver.scale_model_input(doubled, time).to(dtype)
        with mixed:
            prediction = base.unet(scaled, time, **unet_arguments(base, condition, scaled)).sample
        prediction = prediction.float()
        if guided:
            negative, positive = prediction.chunk(2)
            prediction = negative + settings.guidance * (positive - negative)
        latents = solver.step(prediction, time, latents).prev_sample
    final: torch.Tensor = latents
    return final


@torch.inference_mode()
def decode_latents(
    vae: Any,
    latents: torch.Tensor,
    codec: CodecSettings,
    names: Sequence[str],
    batch_size: int = 16,
) -> np.ndarray:
    """Scaled latents → images [n, planes, height, width] of the codec.

    The autoencoder must be in float32: SDXL's overflows in fp16, and what is compared with the
    ceilings must be decoded as they are.
    """
    if vae.dtype != torch.float32:
        raise ValueError(f"the autoencoder is in {vae.dtype}, not in float32")
    images = []
    for start in range(0, len(latents), batch_size):
        batch = latents[start : start + batch_size]
        decoded = vae.decode(batch / vae.config.scaling_factor).sample
        check_finite(decoded, names[start : start + batch_size], "decoded image")
        images.append(from_model(decoded, codec.channels, codec.span).cpu().numpy())
    return np.concatenate(images)


def check_finite(values: torch.Tensor, names: Sequence[str], what: str) -> None:
    """Stop where a sample is not of numbers: as bytes it would pass for black."""
    finite = values.isfinite().flatten(1).all(dim=1).tolist()
    odd = [name for name, good in zip(names, finite, strict=True) if not good]
    if odd:
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
        raise SystemExit(
            f"{what} of {', '.join(odd[:3])}{more}: not finite. The weights are broken, or the "
            "precision is too low for this base: set train.precision to bf16 or no"
        )


def names_of(jobs: Sequence[tuple[Prompt, int]]) -> list[str]:
    """How samples are called in messages."""
    return [f"prompt {prompt.text!r} (sample {number})" for prompt, number in jobs]


def _cast(condition: Conditioning, dtype: torch.dtype) -> Conditioning:
    pooled = None if condition.pooled is None else condition.pooled.to(dtype)
    return Conditioning(condition.hidden.to(dtype), pooled)
