"""Magnitudes of short-time spectra, with the windows and margins of several projects."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Float = NDArray[np.floating]


@dataclass(frozen=True)
class Grid:
    """Where the windows are and what they look like."""

    n_fft: int
    hop: int
    win_length: int
    """Samples of the Hann window, in the middle of `n_fft`."""
    margin: int
    """Samples before and after the clip that windows see too."""
    margins: Literal["constant", "reflect"] = "constant"
    """Silence, or the clip's ends mirrored."""
    exponent: float = 1.0
    """Power that the Hann window is raised to."""


def power(audio: Float, grid: Grid) -> Float:
    """Squared magnitudes [n_fft / 2 + 1, frames] of a clip [samples]."""
    padded = np.pad(audio, grid.margin, mode=grid.margins)
    frames = np.lib.stride_tricks.sliding_window_view(padded, grid.n_fft)[:: grid.hop]
    # Magnitudes do not care where within `n_fft` the window stands.
    first = (grid.n_fft - grid.win_length) // 2
    inside = frames[:, first : first + grid.win_length]
    window = _window(grid.win_length, grid.exponent).astype(audio.dtype)
    spectrum = scipy.fft.rfft(inside * window, grid.n_fft)
    squares: Float = (spectrum.real**2 + spectrum.imag**2).T
    return squares


def magnitude(audio: Float, grid: Grid) -> Float:
    """Magnitudes [n_fft / 2 + 1, frames] of a clip [samples]."""
    root: Float = np.sqrt(power(audio, grid))
    return root


@lru_cache(maxsize=8)
def _window(length: int, exponent: float) -> NDArray[np.float64]:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    raised: NDArray[np.float64] = hann**exponent
    return raised
