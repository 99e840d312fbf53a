"""Audio → grey mel image: audio-diffusion's codec (its `Mel.audio_slice_to_image`)."""

import numpy as np
from numpy.typing import NDArray

from ...codec import Encoded, Float
from ...loudness import normalize
from ...mel import MelBands, apply_filterbank
from ...stft import Grid, power
from .settings import AudioDiffusion

GREYS = 255
LEAST_POWER = 1e-10
"""Of librosa's `power_to_db`: anything quieter counts as this."""


def encode(audio: Float, settings: AudioDiffusion) -> Encoded:
    """Grey image [1, n_mels, width] of a clip [1, samples]; row 0 is the lowest frequency."""
    leveled, levels = normalize(audio, settings.sample_rate, settings.loudness, settings.peak_db)
    return Encoded(mel_to_image(mel_power(leveled[0], settings), settings)[None], levels)


def bands_of(settings: AudioDiffusion) -> MelBands:
    """librosa's default bands."""
    s = settings
    return MelBands(s.sample_rate, s.n_fft, s.n_mels, 0.0, s.sample_rate / 2)


def mel_power(audio: Float, settings: AudioDiffusion) -> Float:
    """Power mel spectrogram [n_mels, frames]."""
    s = settings
    grid = Grid(s.n_fft, s.hop, s.n_fft, margin=s.n_fft // 2)
    return apply_filterbank(bands_of(s), power(audio, grid))


def mel_to_image(mel: Float, settings: AudioDiffusion) -> NDArray[np.uint8]:
    """Decibels below the maximum; a silent clip is all black (the original makes it white)."""
    image = np.zeros((settings.n_mels, settings.width), np.uint8)
    if mel.max(initial=0) > 0:
        decibels = 10 * np.log10(np.maximum(mel, LEAST_POWER))
        relative = 1 + (decibels - decibels.max()) / settings.range_db
        image[:, : mel.shape[1]] = np.clip(relative * GREYS, 0, GREYS) + 0.5
    return image
