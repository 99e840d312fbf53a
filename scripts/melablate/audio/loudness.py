"""Loudness (ITU-R BS.1770) to a target, then a limit of the peak.

A clip that cannot be measured (shorter than one block of 0.4 s, or nowhere above the gate of
−70 LUFS) keeps its level, for a gain on noise alone would invent music; the peak limit holds
for it too. Channels share one gain.
"""

import math
from dataclasses import dataclass

import numpy as np
import pyloudnorm
import soxr
from numpy.typing import NDArray

Float = NDArray[np.floating]
"""[samples], or [channels, samples]."""
BLOCK_SECONDS = 0.4
GATE_LUFS = -70.0


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
    meter = pyloudnorm.Meter(sample_rate, block_size=BLOCK_SECONDS)
    loudness = float(meter.integrated_loudness(audio.T.astype(np.float64)))
    return loudness if loudness >= GATE_LUFS else None


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
