"""Inverted mel image → audio."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...mel import filterbank
from ...sound import decode_batches, sound_of_mel
from ...transform import Transform
from .encode import WHITE, bands_of
from .settings import Riffusion


def decode(images: NDArray[np.uint8], settings: Riffusion, device: str) -> NDArray[np.float32]:
    """Audio [n, channels, samples] of images [n, channels, n_mels, width]."""
    s = settings
    stft = Transform(s.n_fft, s.hop, s.samples, s.win_length)

    def inverse(part: Tensor) -> Tensor:
        return sound_of_mel(image_to_mel(part, s), filterbank(bands_of(s)), stft, s)

    return decode_batches(images, s, device, inverse)


def image_to_mel(images: Tensor, settings: Riffusion) -> Tensor:
    """Magnitudes [n, channels, n_mels, frames] relative to the maximum; white is silence."""
    upright = images[..., : settings.frames].flip(2)
    return (1 - upright / WHITE) ** (1 / settings.power)
