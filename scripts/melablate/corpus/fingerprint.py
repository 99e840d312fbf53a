"""A fingerprint of how a track sounds, which copies in another format share.

After Haitsma and Kalker, A Highly Robust Audio Fingerprinting System (ISMIR 2002): frames of
0.37 s, 33 bands of 300–2000 Hz, and of each frame the 32 signs of how the difference between
neighbouring bands changed since the frame before. Only the first minute is taken, so that a
fingerprint stays at 5 kB.
"""

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

RATE, FRAME, HOP = 5500, 2048, 256
BITS = 32
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0
SECONDS = 60.0
SILENT = 1e-5
"""Root mean square below which a frame says nothing."""
FRAMES_AT_ONCE = 256
Codes = NDArray[np.uint32]


@dataclass(frozen=True)
class Fingerprint:
    """A code of 32 bits a frame, and whether the frame was loud enough to mean anything."""

    codes: Codes
    heard: NDArray[np.bool_]


class FingerprintMaker:
    """`add` the blocks of a stream; `result` is its fingerprint."""

    def __init__(self, sample_rate: int) -> None:
        self.resample = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32", quality="LQ")
        self.parts: list[NDArray[np.float32]] = []
        self.missing = round(SECONDS * RATE)

    def add(self, block: NDArray[np.float32], last: bool = False) -> None:
        """A block [frames, channels]."""
        if self.missing > 0:
            mono = np.ascontiguousarray(block.mean(axis=1, dtype=np.float32))
            part = self.resample.resample_chunk(mono, last=last)[: self.missing]
            self.parts.append(part)
            self.missing -= len(part)

    def result(self) -> Fingerprint:
        """Codes of all frames but the first."""
        mono = np.concatenate([*self.parts, np.zeros(0, np.float32)])
        if len(mono) < FRAME + HOP:
            return Fingerprint(np.zeros(0, np.uint32), np.zeros(0, bool))
        frames = np.lib.stride_tricks.sliding_window_view(mono, FRAME)[::HOP]
        parts = [
            _bands(frames[first : first + FRAMES_AT_ONCE])
            for first in range(0, len(frames), FRAMES_AT_ONCE)
        ]
        bands, power = (np.concatenate(column) for column in zip(*parts, strict=True))
        across = bands[:, :-1] - bands[:, 1:]
        bits = across[1:] - across[:-1] > 0
        codes = np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32)
        return Fingerprint(codes, (power[1:] > SILENT**2) & (power[:-1] > SILENT**2))


def _bands(frames: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Energy of each band of each frame, and its mean square."""
    window = np.hanning(FRAME).astype(np.float32)
    spectra = fft.rfft(frames * window, axis=1)
    power = spectra.real**2 + spectra.imag**2
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BITS + 2) * FRAME / RATE
    sums = np.add.reduceat(power, np.round(edges).astype(int), axis=1)[:, : BITS + 1]
    return sums, np.mean(np.square(frames), axis=1)
