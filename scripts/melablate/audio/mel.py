"""Mel bands: Slaney's, as librosa has them by default, or HTK's."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Float = NDArray[np.floating]
GROUP = 16
"""Bands that are multiplied together."""
FRAMES = 64
"""Frames that are transformed together: they stay in the processor's cache."""


@dataclass(frozen=True)
class MelBands:
    """What decides a filter bank."""

    sample_rate: int
    n_fft: int
    n_mels: int
    fmin: float
    fmax: float
    scale: Literal["slaney", "htk"] = "slaney"
    equal_area: bool = True
    """Whether every triangle has the area of 1 Hz, rather than the height of 1."""


@lru_cache(maxsize=8)
def filterbank(bands: MelBands) -> NDArray[np.float64]:
    """Triangular bands [n_mels, n_fft / 2 + 1], evenly spaced in mel."""
    bins = np.fft.rfftfreq(bands.n_fft, 1 / bands.sample_rate)
    to_mel, to_hz = SCALES[bands.scale]
    edges = to_hz(np.linspace(to_mel(bands.fmin), to_mel(bands.fmax), bands.n_mels + 2))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    return triangles * 2 / (high - low) if bands.equal_area else triangles


def apply_filterbank(bands: MelBands, power: Float) -> Float:
    """Mel power [n_mels, frames] of a power spectrum [bins, frames].

    A band covers few of the bins, so rows of the matrix go in groups, each over its own bins:
    a tenth of the whole matrix product's work.
    """
    mel = np.empty((bands.n_mels, power.shape[1]), power.dtype)
    for rows, bins, part in _groups(bands, power.dtype):
        np.matmul(part, power[bins], out=mel[rows])
    return mel


@lru_cache(maxsize=8)
def _groups(bands: MelBands, dtype: np.dtype[Any]) -> list[tuple[slice, slice, Float]]:
    """Rows, bins and the part of the matrix between them."""
    matrix = filterbank(bands).astype(dtype)
    groups = []
    for first in range(0, bands.n_mels, GROUP):
        rows = slice(first, min(first + GROUP, bands.n_mels))
        used = np.flatnonzero(matrix[rows].any(axis=0))
        bins = slice(used[0], used[-1] + 1) if used.size else slice(0, 1)
        groups.append((rows, bins, np.ascontiguousarray(matrix[rows, bins])))
    return groups


def power_spectrum(audio: Float, n_fft: int, hop: int) -> Float:
    """Power [n_fft / 2 + 1, frames]: centred Hann windows, silence beyond the ends."""
    padded = np.pad(audio, n_fft // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    hann = _hann(n_fft).astype(audio.dtype)
    power = np.empty((len(windows), n_fft // 2 + 1), audio.dtype)
    for first in range(0, len(windows), FRAMES):
        part = slice(first, first + FRAMES)
        spectrum = scipy.fft.rfft(windows[part] * hann)
        np.add(spectrum.real**2, spectrum.imag**2, out=power[part])
    return power.T


# Slaney's scale: linear below 1 kHz (15 mel), then 27 steps a factor of 6.4.
_LINEAR_HZ, _LINEAR_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    if hz < _LINEAR_HZ:
        return hz * _LINEAR_MEL / _LINEAR_HZ
    return float(_LINEAR_MEL + np.log(hz / _LINEAR_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_MEL))
    return np.where(mel < _LINEAR_MEL, mel * _LINEAR_HZ / _LINEAR_MEL, logarithmic)


# HTK's scale (O'Shaughnessy): logarithmic above 700 Hz or so.
def _htk_to_mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _htk_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)


SCALES = {"slaney": (_hz_to_mel, _mel_to_hz), "htk": (_htk_to_mel, _htk_to_hz)}


@lru_cache(maxsize=8)
def _hann(n_fft: int) -> NDArray[np.float64]:
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return window
