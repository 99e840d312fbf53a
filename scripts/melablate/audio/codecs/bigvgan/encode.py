"""Audio → log-mel tensor: what BigVGAN-v2 reads (`meldataset.mel_spectrogram`)."""

import numpy as np

from ...codec import Encoded, Float
from ...loudness import normalize
from ...mel import MelBands, apply_filterbank
from ...stft import Grid, power
from .settings import FLOOR, BigVgan

SMALL = 1e-9
"""Added to the power before the root, as there."""


def encode(audio: Float, settings: BigVgan) -> Encoded:
    """Tensor [1, n_mels, width] of a clip [1, samples]; row 0 is the lowest band."""
    s = settings
    leveled, levels = normalize(audio, s.sample_rate, s.loudness, s.peak_db)
    image = np.full((1, *s.size), s.silence, np.float32)
    image[0, :, : s.frames] = log_mel(leveled[0], s)
    return Encoded(image, levels)


def bands_of(settings: BigVgan) -> MelBands:
    """librosa's default bands."""
    s = settings
    return MelBands(s.sample_rate, s.n_fft, s.n_mels, s.fmin, s.fmax)


def log_mel(audio: Float, settings: BigVgan) -> Float:
    """Natural logarithm of the mel spectrogram of magnitudes [n_mels, frames]."""
    s = settings
    grid = Grid(s.n_fft, s.hop, s.n_fft, s.margin, "reflect")
    root = np.sqrt(power(audio, grid) + audio.dtype.type(SMALL))
    mel = apply_filterbank(bands_of(s), root)
    logarithm: Float = np.log(np.maximum(mel, FLOOR))
    return logarithm
