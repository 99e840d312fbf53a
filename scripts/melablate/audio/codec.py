"""Audio → grey mel image: the seed's codec, after Slaney's Auditory Toolbox as librosa has it.

The order of steps is the seed's: pre-emphasis, loudness, peak limit, mel. The last three only
scale the clip, and decibels are relative to the clip's maximum, so the image does not depend
on them; what it gains is that silence and noise floors mean the same in every clip.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .loudness import Levels, normalize
from .settings import Spectrogram

Float = NDArray[np.floating]
GREYS = 255


@dataclass(frozen=True)
class Encoded:
    """An image and what was done to the clip's level."""

    image: NDArray[np.uint8]
    levels: Levels


def encode(audio: Float, settings: Spectrogram) -> Encoded:
    """Grey image [n_mels, width] of a clip; row 0 is the lowest frequency."""
    emphasized = pre_emphasize(audio, settings.pre_emphasis)
    leveled, levels = normalize(
        emphasized, settings.sample_rate, settings.loudness, settings.peak_db
    )
    return Encoded(mel_to_image(mel_power(leveled, settings), settings), levels)


def pre_emphasize(audio: Float, coefficient: float) -> Float:
    """`y[i] = x[i] − c·x[i−1]`; the sample before the first is librosa's extrapolation.

    librosa adds 2·x[0] − x[1] to the first sample (unscaled and with this sign); done here
    too, so that the first frames equal the seed's.
    """
    if coefficient == 0 or audio.size < 2:
        return audio.copy()
    emphasized = audio.copy()
    emphasized[1:] -= coefficient * audio[:-1]
    emphasized[0] += 2 * audio[0] - audio[1]
    return emphasized


def mel_power(audio: Float, settings: Spectrogram) -> Float:
    """Power mel spectrogram [n_mels, frames]: centred Hann windows, silence beyond the ends."""
    margin = settings.n_fft // 2
    padded = np.pad(audio, margin)
    windows = np.lib.stride_tricks.sliding_window_view(padded, settings.n_fft)[:: settings.hop]
    spectrum = scipy.fft.rfft(windows * _hann(settings.n_fft).astype(audio.dtype))
    power = spectrum.real**2 + spectrum.imag**2
    mel: Float = filterbank(settings).astype(audio.dtype) @ power.T
    return mel


def mel_to_image(mel: Float, settings: Spectrogram) -> NDArray[np.uint8]:
    """Decibels relative to the maximum, `range_db` below it black; a silent clip is all black."""
    image = np.zeros((settings.n_mels, settings.width), np.uint8)
    peak = float(mel.max(initial=0.0))
    if peak > 0:
        decibels = 10 * np.log10(np.maximum(mel / peak, 10 ** (-settings.range_db / 10)))
        grey = np.rint((1 + decibels / settings.range_db) * GREYS)
        image[:, : mel.shape[1]] = np.clip(grey, 0, GREYS)
    return image


@lru_cache(maxsize=8)
def filterbank(settings: Spectrogram) -> NDArray[np.float64]:
    """Triangular bands [n_mels, n_fft / 2 + 1] of equal area, evenly spaced in Slaney's mel."""
    bins = np.fft.rfftfreq(settings.n_fft, 1 / settings.sample_rate)
    mels = np.linspace(_hz_to_mel(settings.fmin), _hz_to_mel(settings.fmax), settings.n_mels + 2)
    edges = _mel_to_hz(mels)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    bands: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return bands


# Slaney's scale: linear below 1 kHz (15 mel), then 27 steps a factor of 6.4.
_LINEAR_HZ, _LINEAR_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    if hz < _LINEAR_HZ:
        return hz * _LINEAR_MEL / _LINEAR_HZ
    return float(_LINEAR_MEL + np.log(hz / _LINEAR_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_MEL))
    return np.where(mel < _LINEAR_MEL, mel * _LINEAR_HZ / _LINEAR_MEL, logarithmic)


@lru_cache(maxsize=8)
def _hann(n_fft: int) -> NDArray[np.float64]:
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return window
