"""Audio → short-time spectrum as a tensor: MA_DDPM's codec (`audio_splits_to_spectrograms`)."""

import numpy as np
from numpy.typing import NDArray

from ...codec import Encoded, Float
from ...loudness import normalize
from ...stft import Grid, magnitude
from .settings import MaDdpm

LEAST = 1e-5
"""Of librosa's `amplitude_to_db`: anything quieter counts as this."""


def encode(audio: Float, settings: MaDdpm) -> Encoded:
    """Tensor [1, height, width] of a clip [1, samples]; row 0 is the lowest frequency."""
    s = settings
    leveled, levels = normalize(audio, s.sample_rate, s.loudness, s.peak_db)
    grid = Grid(s.n_fft, s.hop, s.n_fft, margin=s.n_fft // 2)
    return Encoded(spectrum_to_tensor(magnitude(leveled[0], grid), s)[None], levels)


def spectrum_to_tensor(spectrum: Float, settings: MaDdpm) -> NDArray[np.float32]:
    """Decibels, at most `range_db` below the maximum, from the clip's least to its most.

    Stretched before the crop, as there. A clip without any difference is all −1 (the original
    divides by zero).
    """
    image = np.full(settings.size, -1, np.float32)
    decibels = 20 * np.log10(np.maximum(spectrum, LEAST))
    decibels = np.maximum(decibels, decibels.max() - settings.range_db)
    low, high = decibels.min(), decibels.max()
    if high > low:
        kept = decibels[: settings.bins, : settings.frames]
        image[: settings.bins, : settings.frames] = (kept - low) / (high - low) * 2 - 1
    return image
