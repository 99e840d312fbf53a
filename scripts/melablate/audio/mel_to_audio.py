"""Mel bands → sound, in the way that benchmarks/inversion.md found best for its time.

A linear spectrum of lobes, a first phase from its peaks, fast Griffin-Lim, and last some
iterations that hold the mel alone: a bin's magnitude is what the transform makes of it, times
what its bands lack. Those let the magnitudes go where no sound has the ones that were guessed.
"""

import torch
from torch import Tensor

from .clipwise import clipwise, one_thread_a_step, peak
from .griffin_lim import MOMENTUM, recover, squares
from .mel_inverse.bands import Bands, columns, frames
from .mel_inverse.lobes import linear
from .phase_start import peak_phase
from .transform import Transform
from .window_lobe import window_lobe

ITERATIONS = 32
# Iterations of all that hold the mel alone (or half of them, if they are few), and the power
# of what the bands lack by which the magnitudes grow (.5 would be just enough for one frame).
LAST = 4
GAIN_POWER = 0.8
MOST_GAIN = 100.0


def mel_to_audio(
    mel: Tensor,
    bands: Tensor,
    stft: Transform,
    iterations: int = ITERATIONS,
    momentum: float = MOMENTUM,
    exponent: float = 2.0,
) -> Tensor:
    """Clips [n, samples] of mel bands [n, frames, n_mels]; the same mel always sounds the same.

    `exponent` is that of the magnitude which the bands [n_mels, bins] add up: 2 is power.
    """
    with one_thread_a_step():
        sparse = Bands(bands, mel, window_lobe(stft) ** (exponent / 2))
    last = min(LAST, iterations // 2)

    def work(part: Tensor) -> Tensor:
        scale = peak(part)
        wanted = columns(part / scale)
        magnitude = frames(linear(wanted, sparse, None), part) ** (1 / exponent)
        spectrum = magnitude * peak_phase(magnitude, stft)
        spectrum = recover(spectrum, lambda _: magnitude, stft, iterations - last, momentum)
        for _ in range(last):
            spectrum = _hold_mel(stft.spectra(stft.signals(spectrum)), wanted, sparse, exponent)
        return stft.inverse(spectrum) * scale[:, 0] ** (1 / exponent)

    return clipwise(work, mel)


def _hold_mel(spectrum: Tensor, wanted: Tensor, bands: Bands, exponent: float) -> Tensor:
    """The spectrum with each bin times what its bands [n_mels, columns] lack."""
    found = bands.mel(columns(squares(spectrum) ** (exponent / 2)))
    least = torch.finfo(wanted.dtype).eps ** 2
    lacking = bands.average(wanted / found.clamp(min=least)).clamp(max=MOST_GAIN)
    return spectrum * frames(lacking ** (2 * GAIN_POWER / exponent), spectrum)
