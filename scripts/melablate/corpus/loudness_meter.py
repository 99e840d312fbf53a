"""Integrated loudness (ITU-R BS.1770-4) of a stream, in memory that does not grow with it.

The K filter is applied by overlap-save: its memory is a few ms, so windows of 0.1 s with what
came before them give its output exactly enough, at any sample rate in single precision, at half
the time of running the recursion. Gating needs all blocks of 0.4 s at the end; they are kept as
a histogram in steps of 0.01 LU (as libebur128 does in steps of 0.1).
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
HOP_SECONDS = 0.1
HOPS_PER_BLOCK = 4
MEMORY_SECONDS = 0.04
"""The high-pass decays with 1/(2π·38 Hz) = 4.2 ms."""
LOWEST_LUFS, HIGHEST_LUFS, STEP_LU = -70.0, 70.0, 0.01
OFFSET = -0.691
SURROUND = 1.41
WEIGHTS = {6: (1, 1, 1, 0, SURROUND, SURROUND), 8: (1, 1, 1, 0, *(SURROUND,) * 4)}
"""Left, right, centre, LFE, surrounds; other numbers of channels have no LFE."""


def hop_frames(sample_rate: int) -> int:
    """Frames in 0.1 s, what `add` wants multiples of."""
    return round(HOP_SECONDS * sample_rate)


class LoudnessMeter:
    """`add` each block of the stream, whole hops of 0.1 s each; `result` is its loudness.

    Two channels are filtered at once as the real and the imaginary part of one.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.hop = hop_frames(sample_rate)
        self.size = fft.next_fast_len(self.hop + round(MEMORY_SECONDS * sample_rate))
        self.response = _k_response(sample_rate, self.size)
        usual = [1.0] * min(channels, 3) + [SURROUND] * max(channels - 3, 0)
        self.odd = channels % 2
        self.weights = np.array([*WEIGHTS.get(channels, usual), *[0.0] * self.odd], np.float32)
        self.before = np.zeros((self.size - self.hop, channels + self.odd), np.float32)
        self.hops = np.zeros(0)
        bins = round((HIGHEST_LUFS - LOWEST_LUFS) / STEP_LU)
        self.counts, self.energies = np.zeros(bins, np.int64), np.zeros(bins)

    def add(self, block: Float32) -> None:
        """A block [frames, channels] of whole hops."""
        if self.odd:
            block = np.pad(block, ((0, 0), (0, 1)))
        stream = np.concatenate([self.before, block])
        self.before = stream[len(stream) - len(self.before) :].copy()
        energy = np.zeros(len(block) // self.hop)
        for pair in range(stream.shape[1] // 2):
            both = stream.view(np.complex64)[:, pair]
            spectra = fft.fft(sliding_window_view(both, self.size)[:: self.hop], axis=1)
            spectra *= self.response
            heard = fft.ifft(spectra, axis=1, overwrite_x=True)[:, self.size - self.hop :]
            for part, weight in zip(
                (heard.real, heard.imag), self.weights[2 * pair :], strict=False
            ):
                energy += weight * np.einsum("ij,ij->i", part, part) / self.hop
        hops = np.concatenate([self.hops, energy])
        if len(hops) >= HOPS_PER_BLOCK:
            self._count(sliding_window_view(hops, HOPS_PER_BLOCK).mean(axis=1))
        self.hops = hops[-(HOPS_PER_BLOCK - 1) :]

    def _count(self, blocks: Float64) -> None:
        blocks = blocks[blocks > 0]
        level = (OFFSET + 10 * np.log10(blocks) - LOWEST_LUFS) / STEP_LU
        heard = level >= 0  # the absolute gate
        index = np.minimum(level[heard].astype(np.int64), len(self.counts) - 1)
        self.counts += np.bincount(index, minlength=len(self.counts))
        self.energies += np.bincount(index, blocks[heard], minlength=len(self.counts))

    def result(self) -> float | None:
        """LUFS; None if the stream is shorter than a block or nowhere above −70 LUFS."""
        if not self.counts.any():
            return None
        ungated = OFFSET + 10 * math.log10(self.energies.sum() / self.counts.sum())
        first = max(0, round((ungated - 10 - LOWEST_LUFS) / STEP_LU))
        return OFFSET + 10 * math.log10(self.energies[first:].sum() / self.counts[first:].sum())


def _k_response(sample_rate: int, size: int) -> NDArray[np.complex64]:
    """High shelf of 4 dB at 1.5 kHz and high-pass at 38 Hz, as pyloudnorm designs them."""
    z = np.exp(-2j * np.pi * np.fft.fftfreq(size))
    shelf, highpass = _shelf(sample_rate), _highpass(sample_rate)
    ratio = [np.polyval(b[::-1], z) / np.polyval(a[::-1], z) for b, a in (shelf, highpass)]
    return (ratio[0] * ratio[1]).astype(np.complex64)


Biquad = tuple[list[float], list[float]]


def _shelf(sample_rate: int) -> Biquad:
    """R. Bristow-Johnson, Cookbook formulae for audio EQ, highShelf."""
    a, w = 10 ** (4 / 40), 2 * math.pi * min(1500 / sample_rate, 0.49)
    alpha, cos = math.sin(w) / (2 / math.sqrt(2)), math.cos(w)
    root = 2 * math.sqrt(a) * alpha
    over = [
        a * ((a + 1) + (a - 1) * cos + root),
        -2 * a * ((a - 1) + (a + 1) * cos),
        a * ((a + 1) + (a - 1) * cos - root),
    ]
    under = [
        (a + 1) - (a - 1) * cos + root,
        2 * ((a - 1) - (a + 1) * cos),
        (a + 1) - (a - 1) * cos - root,
    ]
    return over, under


def _highpass(sample_rate: int) -> Biquad:
    """The same, HPF, with Q = 0.5."""
    w = 2 * math.pi * 38 / sample_rate
    alpha, cos = math.sin(w), math.cos(w)
    over = [(1 + cos) / 2, -(1 + cos), (1 + cos) / 2]
    return over, [1 + alpha, -2 * cos, 1 - alpha]
