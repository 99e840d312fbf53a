"""Audio → mel magnitudes as a tensor: dualdiffusion's codec (`SpectrogramConverter`)."""

import numpy as np

from ...codec import Encoded, Float
from ...loudness import normalize
from ...mel import MelBands, apply_filterbank
from ...stft import Grid, magnitude
from .settings import DualDiffusion


def encode(audio: Float, settings: DualDiffusion) -> Encoded:
    """Tensor [channels, n_mels, width] of a clip [channels, samples]; row 0 is the lowest band."""
    s = settings
    leveled, levels = normalize(audio, s.sample_rate, s.loudness, s.peak_db)
    image = np.zeros((s.channels, *s.size), np.float32)
    for plane, channel in zip(image, leveled, strict=True):
        plane[:, : s.frames] = mel_magnitude(channel, s) ** s.power
    return Encoded(image, levels)


def bands_of(settings: DualDiffusion) -> MelBands:
    """HTK's scale, triangles of height 1."""
    s = settings
    return MelBands(s.sample_rate, s.n_fft, s.n_mels, s.fmin, s.fmax, "htk", equal_area=False)


def mel_magnitude(audio: Float, settings: DualDiffusion) -> Float:
    """Mel spectrogram of magnitudes [n_mels, frames]."""
    s = settings
    grid = Grid(s.n_fft, s.hop, s.n_fft, s.n_fft // 2, "reflect", s.window_exponent)
    return apply_filterbank(bands_of(s), magnitude(audio, grid))
