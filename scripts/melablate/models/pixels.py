"""Between a codec's image planes and the pixels that an autoencoder sees."""

import torch

BYTES = (0.0, 255.0)


def to_model(images: torch.Tensor, channels: int, span: tuple[float, float]) -> torch.Tensor:
    """Images [n, planes, height, width] as [n, channels, …], the span's ends at −1 and 1.

    One plane is shown to all channels; two, of stereo, follow an empty one, as riffusion has it.
    """
    low, high = span
    pixels = (images.float() - low) / ((high - low) / 2) - 1
    planes = pixels.shape[1]
    if planes == 1:
        return pixels.expand(-1, channels, -1, -1)
    if planes > channels:
        raise ValueError(
            f"images of {planes} planes (stereo) do not fit an autoencoder of {channels} channel"
        )
    empty = pixels.new_full((len(pixels), channels - planes, *pixels.shape[2:]), -1.0)
    return torch.cat([empty, pixels], dim=1)


def from_model(decoded: torch.Tensor, planes: int, span: tuple[float, float]) -> torch.Tensor:
    """The way back: bytes, or floats of the span; one plane is the mean of all channels."""
    low, high = span
    one = decoded.mean(dim=1, keepdim=True) if planes == 1 else decoded[:, -planes:]
    if span == BYTES:
        return ((one.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return (one + 1) * ((high - low) / 2) + low
