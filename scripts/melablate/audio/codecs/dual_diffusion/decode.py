"""Tensor of mel magnitudes → audio, left and right together in phase."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...mel import filterbank
from ...sound import decode_batches, sound_of_mel
from ...transform import Transform
from .encode import bands_of
from .settings import DualDiffusion

MOST = 100.0
"""Far beyond any sound; what a model makes is cut off here, lest its power overflow."""


def decode(
    images: NDArray[np.float32], settings: DualDiffusion, device: str
) -> NDArray[np.float32]:
    """Audio [n, channels, samples] of tensors [n, channels, n_mels, width]."""
    s = settings
    stft = Transform(s.n_fft, s.hop, s.samples, window_exponent=s.window_exponent)

    def inverse(part: Tensor) -> Tensor:
        mel = part[..., : s.frames].clamp(0, MOST) ** (1 / s.power)
        return sound_of_mel(mel, filterbank(bands_of(s)), stft, s)

    return decode_batches(images, s, device, inverse)
