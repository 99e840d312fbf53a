"""Log-mel tensor → audio, by Griffin-Lim like the others (BigVGAN itself is not needed)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...mel import filterbank
from ...sound import decode_batches, sound_of_mel
from ...transform import Transform
from .encode import bands_of
from .settings import BigVgan

MOST = 10.0
"""Far beyond any sound; what a model makes is cut off here, lest its power overflow."""
ROUNDING = 1e-4


def decode(images: NDArray[np.float32], settings: BigVgan, device: str) -> NDArray[np.float32]:
    """Audio [n, 1, samples] of tensors [n, 1, n_mels, width]."""
    s = settings
    stft = Transform(s.n_fft, s.hop, s.samples, margin=s.margin)

    def inverse(part: Tensor) -> Tensor:
        return sound_of_mel(tensor_to_mel(part, s), filterbank(bands_of(s)), stft, s)

    return decode_batches(images, s, device, inverse)


def tensor_to_mel(images: Tensor, settings: BigVgan) -> Tensor:
    """Magnitudes [n, 1, n_mels, frames]; what is at the floor is silence."""
    logarithm = images[..., : settings.frames].clamp(max=MOST)
    return torch.where(logarithm > settings.silence + ROUNDING, logarithm.exp(), 0.0)
