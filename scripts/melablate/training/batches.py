"""Samples → the tensors of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..models.moving import moved
from .draws import Draws
from .noise_multires import multires_noise, sizes
from .noise_offset import offset_noise, offsets
from .noise_perturbation import perturbed
from .objective_settings import MultiresNoise
from .settings import Train
from .stream import Sample


@dataclass(frozen=True)
class Batch:
    """Clean latents and what is drawn for them, on the training device."""

    latents: torch.Tensor
    noise: torch.Tensor
    """What the network is to predict, or to predict from."""
    mixed: torch.Tensor
    """What the latents are mixed with: the noise, unless the input is perturbed."""
    timesteps: torch.Tensor
    weights: torch.Tensor
    captions: list[str]
    keys: list[tuple[int | str, ...]]
    """What else is drawn for a sample is keyed by its own."""


def collate(
    samples: Sequence[Sample],
    draws: Draws,
    timesteps: int,
    settings: Train,
    device: torch.device,
) -> Batch:
    """Sample latents from their posteriors (at every step anew), draw noise and timesteps."""
    mean, std = _posteriors(samples)
    shape = tuple(mean.shape[1:])

    def normal(purpose: str, size: tuple[int, ...]) -> torch.Tensor:
        drawn = torch.stack([draws.normal(size, purpose, *sample.key) for sample in samples])
        return moved(drawn, device)

    latents = moved(mean, device) + moved(std, device) * normal("posterior", shape)
    noise = normal("noise", shape)
    # In kohya's order: offset, then resolutions (which brings it to std 1), then perturbation.
    if settings.noise_offset or settings.adaptive_noise_scale:
        found = offsets(latents, settings.noise_offset, settings.adaptive_noise_scale)
        noise = offset_noise(noise, normal("noise offset", (shape[0], 1, 1)), found)
    if settings.multires_noise:
        noise = _multires(noise, samples, draws, settings.multires_noise)
    mixed = noise
    if settings.input_perturbation:
        mixed = perturbed(noise, normal("input perturbation", shape), settings.input_perturbation)
    drawn = [draws.integer(timesteps, "timestep", *sample.key) for sample in samples]
    return Batch(
        latents=latents,
        noise=noise,
        mixed=mixed,
        timesteps=moved(torch.tensor(drawn), device),
        weights=moved(torch.tensor([sample.weight for sample in samples]), device),
        captions=[sample.caption for sample in samples],
        keys=[sample.key for sample in samples],
    )


def _multires(
    noise: torch.Tensor, samples: Sequence[Sample], draws: Draws, settings: MultiresNoise
) -> torch.Tensor:
    """Every sample draws its own ratios between the levels, 2 … 4, and their noise."""
    channels, height, width = noise.shape[1:]
    made = []
    for own, sample in zip(noise, samples, strict=True):
        ratios = [
            2 + 2 * draws.uniform("multires ratio", *sample.key, i)
            for i in range(settings.iterations)
        ]
        levels = [
            draws.normal((channels, *size), "multires noise", *sample.key, i).to(noise.device)
            for i, size in enumerate(sizes(height, width, ratios))
        ]
        made.append(multires_noise(own, levels, settings.discount))
    return torch.stack(made)


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
