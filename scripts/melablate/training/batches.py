"""Samples → the tensors of a batch."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..models.moving import moved
from .draws import Draws
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
    for kind in settings.noise_kinds:
        changed = importlib.import_module(f"{__package__}.noise_{kind}").changed
        noise = changed(noise, latents, samples, draws, settings)
    mixed = noise
    if settings.input_perturbation:
        perturbation = importlib.import_module(f"{__package__}.noise_perturbation")
        more = normal("input perturbation", shape)
        mixed = perturbation.perturbed(noise, more, settings.input_perturbation)
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
