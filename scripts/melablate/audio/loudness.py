"""Loudness (ITU-R BS.1770) to a target, then a limit of the peak.

A clip that cannot be measured (shorter than one block of 0.4 s, or nowhere above the gate of
−70 LUFS) keeps its level, for a gain on noise alone would invent music; the peak limit holds
for it too. Channels share one gain.

The filters are pyloudnorm's, the numbers its `Meter`'s, in a third of its time: both filters run
in one pass, and the four blocks that share a tenth of a second share its sum.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyloudnorm
import soxr
from numpy.typing import NDArray
from scipy.signal import sosfilt

Float = NDArray[np.floating]
"""[samples], or [channels, samples]."""
BLOCK_SECONDS = 0.4
STEP = 0.25
"""Blocks overlap by three quarters."""
GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
OFFSET_LUFS = -0.691
"""So that a full-scale sine of 997 Hz has −3.01 LUFS."""


@dataclass(frozen=True)
class Levels:
    """What was measured before, and the gain that was applied."""

    loudness: float | None
    """LUFS before; None if it cannot be measured."""
    peak_db: float
    """Peak at twice the sample rate before, dB of full scale (−inf for silence)."""
    gain_db: float
    """Gain in all, the limiter's share included."""


def measure(audio: Float, sample_rate: int) -> float | None:
    """Integrated loudness in LUFS; None if the clip is too short or too quiet to tell."""
    if audio.shape[-1] < BLOCK_SECONDS * sample_rate or not audio.any():
        return None
    power = _block_power(np.atleast_2d(audio), sample_rate)
    with np.errstate(divide="ignore"):
        loudness = OFFSET_LUFS + 10 * np.log10(power)
    loud = loudness >= GATE_LUFS
    if not loud.any():
        return None
    gate = OFFSET_LUFS + 10 * math.log10(power[loud].mean()) + RELATIVE_GATE_LU
    return OFFSET_LUFS + 10 * math.log10(power[loud & (loudness > gate)].mean())


def silent(levels: Levels, seconds: float) -> bool:
    """Nowhere above the gate; a clip too short to be measured is silent if its level is 0."""
    return levels.peak_db == -math.inf if seconds < BLOCK_SECONDS else levels.loudness is None


def _block_power(audio: Float, sample_rate: int) -> NDArray[np.float64]:
    """Mean square of each block of the K-weighted channels [channels, samples], summed."""
    squares = (sosfilt(_k_weighting(sample_rate), audio.astype(np.float64)) ** 2).sum(axis=0)
    seconds = len(squares) / sample_rate
    blocks = round((seconds - BLOCK_SECONDS) / (BLOCK_SECONDS * STEP)) + 1
    per_block = round(1 / STEP)
    edges = [int(BLOCK_SECONDS * (k * STEP) * sample_rate) for k in range(blocks + per_block)]
    whole = np.pad(squares[: edges[-1]], (0, max(0, edges[-1] - len(squares))))
    steps = np.add.reduceat(whole, edges[:-1])
    sums: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(steps, per_block).sum(1)
    return sums / (BLOCK_SECONDS * sample_rate)


@lru_cache(maxsize=8)
def _k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """The two filters of BS.1770 as second-order sections."""
    shelf = pyloudnorm.IIRfilter(4.0, math.sqrt(0.5), 1500.0, sample_rate, "high_shelf")
    high_pass = pyloudnorm.IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass")
    return np.array([[*f.b, *f.a] for f in (shelf, high_pass)])


def oversampled_peak(audio: Float) -> float:
    """Largest absolute value of the clip at twice its sample rate."""
    if audio.size == 0:
        return 0.0
    between = soxr.resample(audio.T.astype(np.float32), 1, 2, quality="HQ")
    return float(max(np.abs(between).max(initial=0), np.abs(audio).max()))


def normalize(
    audio: Float, sample_rate: int, target: float | None, peak_db: float
) -> tuple[Float, Levels]:
    """Bring the clip to `target` LUFS, then scale it down if its peak is above `peak_db`."""
    loudness, peak = measure(audio, sample_rate), oversampled_peak(audio)
    gain = 0.0 if loudness is None or target is None else target - loudness
    peak_before = 20 * math.log10(peak) if peak > 0 else -math.inf
    # Scaling keeps the waveform; a limiter with a time constant would change the spectrum.
    gain = min(gain, peak_db - peak_before)
    return audio * audio.dtype.type(10 ** (gain / 20)), Levels(loudness, peak_before, gain)
