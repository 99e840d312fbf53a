"""Grey mel image → audio."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from ...mel import filterbank
from ...sound import decode_batches, sound_of_mel
from ...transform import Transform
from .encode import GREYS, bands_of
from .settings import MelDb


def decode(images: NDArray[np.uint8], settings: MelDb, device: str) -> NDArray[np.float32]:
    """Audio [n, 1, samples] of images [n, 1, n_mels, width]; equal images sound the same."""
    s = settings
    stft, bands = Transform(s.n_fft, s.hop, s.samples), filterbank(bands_of(s))

    def inverse(part: Tensor) -> Tensor:
        audio = sound_of_mel(image_to_mel(part, s), bands, stft, s, 2.0)
        return torch.from_numpy(de_emphasize(audio.cpu().numpy(), s.pre_emphasis))

    return decode_batches(images, s, device, inverse)


def image_to_mel(images: Tensor, settings: MelDb) -> Tensor:
    """Powers [n, 1, n_mels, frames] relative to the clip's maximum; black is silence."""
    grey = images[..., : settings.frames]
    return torch.where(grey > 0, 10 ** ((grey / GREYS - 1) * settings.range_db / 10), 0.0)


def de_emphasize(audio: NDArray[np.float32], coefficient: float) -> NDArray[np.float64]:
    """`y[i] = x[i] + c·y[i−1]`: what pre-emphasis took from the low frequencies."""
    natural: NDArray[np.float64] = lfilter([1.0], [1.0, -coefficient], audio.astype(np.float64))
    return natural
