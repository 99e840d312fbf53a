"""Samples → the tensors of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .draws import Draws
from .noise import offset_noise
from .stream import Sample


@dataclass(frozen=True)
class Batch:
    """Clean latents and what is drawn for them, on the training device."""

    latents: torch.Tensor
    noise: torch.Tensor
    timesteps: torch.Tensor
    weights: torch.Tensor
    captions: list[str]


def collate(
    samples: Sequence[Sample],
    draws: Draws,
    timesteps: int,
    noise_offset: float,
    device: torch.device,
) -> Batch:
    """Sample latents from their posteriors (at every step anew), draw noise and timesteps."""
    mean, std = _posteriors(samples)
    shape = tuple(mean.shape[1:])

    def normal(purpose: str, size: tuple[int, ...]) -> torch.Tensor:
        drawn = torch.stack([draws.normal(size, purpose, *sample.key) for sample in samples])
        return drawn.to(device)

    noise = normal("noise", shape)
    if noise_offset:
        noise = offset_noise(noise, normal("noise offset", (shape[0], 1, 1)), noise_offset)
    drawn = [draws.integer(timesteps, "timestep", *sample.key) for sample in samples]
    return Batch(
        latents=mean.to(device) + std.to(device) * normal("posterior", shape),
        noise=noise,
        timesteps=torch.tensor(drawn, device=device),
        weights=torch.tensor([sample.weight for sample in samples], device=device),
        captions=[sample.caption for sample in samples],
    )


def _posteriors(samples: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and std in the order of the samples, whichever set each of them is from."""
    mean: list[torch.Tensor] = [torch.empty(0)] * len(samples)
    std = list(mean)
    for images in {id(sample.images): sample.images for sample in samples}.values():
        places = [place for place, sample in enumerate(samples) if sample.images is images]
        means, stds = images.source.posterior(
            [samples[place].index for place in places],
            [samples[place].variant for place in places],
        )
        for row, place in enumerate(places):
            mean[place], std[place] = means[row], stds[row]
    return torch.stack(mean), torch.stack(std)
