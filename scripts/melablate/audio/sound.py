"""From magnitudes to clips as they are heard: what decoders share."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .codec_settings import CodecSettings
from .griffin_lim import griffin_lim, stereo_griffin_lim
from .loudness import normalize, oversampled_peak
from .mel_to_audio import mel_to_audio
from .mel_to_linear import mel_to_linear
from .phase_start import peak_phase, random_phase
from .transform import Transform

# Clips at a time on a GPU, whose memory holds the spectra of many; on a CPU each thread has one.
GPU_BATCH = 16

Inverse = Callable[[Tensor], Tensor]
"""Images [n, planes, height, width] → audio [n, channels, samples], at any level."""


def decode_batches(
    images: NDArray[np.generic], settings: CodecSettings, device: str, inverse: Inverse
) -> NDArray[np.float32]:
    """Audio [n, channels, samples] at the codec's loudness; no clip depends on another."""
    expected = (settings.channels, *settings.size)
    if images.ndim != 4 or images.shape[1:] != expected:
        raise ValueError(f"images are {images.shape}, but the codec says (n, {expected})")
    audio = np.zeros((len(images), settings.channels, settings.samples), np.float32)
    batch = torch.get_num_threads() if device == "cpu" else GPU_BATCH
    for first in range(0, len(images), batch):
        part = torch.from_numpy(images[first : first + batch].copy()).to(device).float()
        audio[first : first + batch] = inverse(part).cpu().numpy()
    for place, clip in enumerate(audio):
        audio[place] = at_level(clip, settings)
    return audio


def at_level(clip: NDArray[np.float32], settings: CodecSettings) -> NDArray[np.float32]:
    """The clip at the codec's loudness and peak."""
    if not settings.keeps_level and (peak := oversampled_peak(clip)) > 0:
        # As the inversion leaves it, it could be too quiet to be measured.
        clip = clip * np.float32(10 ** (settings.peak_db / 20) / peak)
    leveled, _ = normalize(clip, settings.sample_rate, settings.loudness, settings.peak_db)
    return leveled.astype(np.float32)


def sound_of_mel(
    mel: Tensor,
    bands: NDArray[np.float64],
    stft: Transform,
    settings: CodecSettings,
    exponent: float = 1.0,
) -> Tensor:
    """Audio [n, channels, samples] of mel bands [n, channels, n_mels, frames].

    `exponent` is that of the magnitude which the bands add up: 2 is power.
    """
    rows, matrix = mel.transpose(2, 3), torch.from_numpy(bands)
    chosen = settings.inversion
    if settings.channels == 1 and chosen.method is None:
        audio = mel_to_audio(rows[:, 0], matrix, stft, chosen.iterations, chosen.momentum, exponent)
        return audio[:, None]
    # Left and right are kept together in phase; what helps one channel more would part them.
    method = chosen.method or "multiplicative"
    linear = mel_to_linear(rows.flatten(0, 1), matrix, method, stft=stft, exponent=exponent)
    magnitude = linear.reshape(*rows.shape[:3], -1) ** (1 / exponent)
    if settings.channels == 1:
        return _sound(magnitude[:, 0], stft, settings)
    start = random_phase(stft, magnitude)
    return stereo_griffin_lim(magnitude, stft, chosen.iterations, chosen.momentum, start)


def sound_of_spectrum(magnitude: Tensor, stft: Transform, settings: CodecSettings) -> Tensor:
    """Audio [n, 1, samples] of magnitudes [n, 1, bins, frames]."""
    return _sound(magnitude[:, 0].transpose(1, 2), stft, settings)


def _sound(rows: Tensor, stft: Transform, settings: CodecSettings) -> Tensor:
    """The same of [n, frames, bins]."""
    chosen, start = settings.inversion, peak_phase(rows, stft)
    return griffin_lim(rows, stft, chosen.iterations, chosen.momentum, start)[:, None]
