"""Grey mel image → audio."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...mel import filterbank
from ...sound import decode_batches, sound_of_mel
from ...transform import Transform
from .encode import GREYS, bands_of
from .settings import AudioDiffusion


def decode(images: NDArray[np.uint8], settings: AudioDiffusion, device: str) -> NDArray[np.float32]:
    """Audio [n, 1, samples] of images [n, 1, n_mels, width]."""
    s = settings
    stft = Transform(s.n_fft, s.hop, s.samples)

    def inverse(part: Tensor) -> Tensor:
        return sound_of_mel(image_to_mel(part, s), filterbank(bands_of(s)), stft, s, 2.0)

    return decode_batches(images, s, device, inverse)


def image_to_mel(images: Tensor, settings: AudioDiffusion) -> Tensor:
    """Powers [n, 1, n_mels, frames] relative to the maximum; black is silence."""
    grey = images[..., : settings.frames]
    return torch.where(grey > 0, 10 ** ((grey / GREYS - 1) * settings.range_db / 10), 0.0)
