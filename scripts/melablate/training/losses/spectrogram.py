"""Spectrogram-aware loss: the error of the mel image, on a crop that the autoencoder decodes."""

from collections.abc import Callable

import torch

from ...models.base import Base, load_base
from ..batches import Batch
from ..draws import Draws
from ..image_error import image_error
from ..noise import guessed
from ..objective_settings import SpectrogramLoss

Loss = Callable[[Batch, torch.Tensor], torch.Tensor]
"""From a batch and the error of its predictions to a value for each sample."""


def make(settings: SpectrogramLoss, base: Base, draws: Draws, device: torch.device) -> Loss:
    """weight · ᾱ · E(D(x̂) − D(x)), with the decoder D and the error E of `image_error`."""
    # In float32 whatever the trainer's precision: SDXL's overflows in fp16.
    vae = load_base(base.folder, ("vae",)).vae.to(device)
    alphas, scale = base.alphas.to(device), vae.config.scaling_factor
    side = max(1, settings.crop // base.pixels)

    def loss(batch: Batch, error: torch.Tensor) -> torch.Tensor:
        signal = alphas[batch.timesteps]
        latents = guessed(base.prediction_type, batch.latents, error, signal)
        places = [_place(draws, key, latents, side) for key in batch.keys]
        seen = vae.decode(cropped(latents, places, side) / scale).sample
        with torch.no_grad():
            real = vae.decode(cropped(batch.latents, places, side) / scale).sample
        found = image_error(seen - real, settings.slopes, settings.scales)
        return settings.weight * signal * found

    return loss


def cropped(latents: torch.Tensor, places: list[tuple[int, int]], side: int) -> torch.Tensor:
    """Each sample's square, or what there is of it, with its corner at its place."""
    crops = [
        sample[:, row : row + side, column : column + side]
        for sample, (row, column) in zip(latents, places, strict=True)
    ]
    return torch.stack(crops)


def _place(
    draws: Draws, key: tuple[int | str, ...], latents: torch.Tensor, side: int
) -> tuple[int, int]:
    height, width = (
        draws.integer(max(1, size - side + 1), f"spectrogram {name}", *key)
        for name, size in zip(("row", "column"), latents.shape[2:], strict=True)
    )
    return height, width
