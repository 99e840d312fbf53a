"""Tensor of a short-time spectrum → audio; what was cropped is silent."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...sound import decode_batches, sound_of_spectrum
from ...transform import Transform
from .settings import MaDdpm


def decode(images: NDArray[np.float32], settings: MaDdpm, device: str) -> NDArray[np.float32]:
    """Audio [n, 1, samples] of tensors [n, 1, height, width]."""
    s = settings
    stft = Transform(s.n_fft, s.hop, s.samples)

    def inverse(part: Tensor) -> Tensor:
        kept = tensor_to_spectrum(part, s)
        missing = (0, stft.frames - s.frames, 0, stft.bins - s.bins)
        return sound_of_spectrum(functional.pad(kept, missing), stft, s)

    return decode_batches(images, s, device, inverse)


def tensor_to_spectrum(images: Tensor, settings: MaDdpm) -> Tensor:
    """Magnitudes [n, 1, bins, frames] relative to the maximum; −1 is silence."""
    kept = images[:, :, : settings.bins, : settings.frames].clamp(-1, 1)
    return torch.where(kept > -1, 10 ** ((kept - 1) / 2 * settings.range_db / 20), 0.0)
