"""Audio → inverted mel image: riffusion's codec (riffusion-hobby, `SpectrogramImageConverter`)."""

import numpy as np
from numpy.typing import NDArray

from ...codec import Encoded, Float
from ...loudness import normalize
from ...mel import MelBands, apply_filterbank
from ...stft import Grid, magnitude
from .settings import Riffusion

WHITE = 255


def encode(audio: Float, settings: Riffusion) -> Encoded:
    """Image [channels, n_mels, width] of a clip [channels, samples]; row 0 is the highest."""
    leveled, levels = normalize(audio, settings.sample_rate, settings.loudness, settings.peak_db)
    mel = np.stack([mel_magnitude(channel, settings) for channel in leveled])
    return Encoded(mel_to_image(mel, settings), levels)


def bands_of(settings: Riffusion) -> MelBands:
    """HTK's scale, triangles of height 1."""
    s = settings
    return MelBands(s.sample_rate, s.n_fft, s.n_mels, s.fmin, s.fmax, "htk", equal_area=False)


def mel_magnitude(audio: Float, settings: Riffusion) -> Float:
    """Mel spectrogram of magnitudes [n_mels, frames]."""
    s = settings
    grid = Grid(s.n_fft, s.hop, s.win_length, margin=s.n_fft // 2, margins="reflect")
    return apply_filterbank(bands_of(s), magnitude(audio, grid))


def mel_to_image(mel: Float, settings: Riffusion) -> NDArray[np.uint8]:
    """White minus a power of the share of the maximum, cut to whole greys, highest band on top.

    A silent clip is all white (the original divides by zero).
    """
    image = np.full((len(mel), settings.n_mels, settings.width), WHITE, np.uint8)
    peak = mel.max(initial=0)
    if peak > 0:
        dark = (mel / peak) ** settings.power * WHITE
        image[:, :, : mel.shape[2]] = np.clip(WHITE - dark, 0, WHITE)[:, ::-1]
    return image
