"""Peak, silence, clipping and loudness of a stream of blocks, each block looked at once."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .loudness_meter import LoudnessMeter

Float32 = NDArray[np.float32]
FULL_SCALE = 0.999
"""A sample this near to full scale may be a clipped one, whatever the word length."""
SHORTEST_RUN = 3
"""So many such samples in a row are no peak but a cut one."""


@dataclass(frozen=True)
class Levels:
    """What a whole track is like."""

    finite: bool
    peak: float
    """Largest absolute sample, 1 at full scale."""
    loudness_lufs: float | None
    silence_share: float
    """Share of its tenths of a second whose peak is below the level of silence."""
    clipped_share: float
    """Share of its samples that stand in runs at full scale."""

    @property
    def peak_db(self) -> float:
        """The peak in dB of full scale."""
        return 20 * math.log10(self.peak) if self.peak > 0 else -math.inf


class LevelMeter:
    """`add` blocks [frames, channels]: all but the last are whole hops of the loudness meter."""

    def __init__(self, sample_rate: int, channels: int, silence_db: float) -> None:
        self.loudness = LoudnessMeter(sample_rate, channels)
        self.silence = 10 ** (silence_db / 20)
        self.hop, self.finite, self.peak = self.loudness.hop, True, 0.0
        self.hops = self.silent = self.samples = self.clipped = 0
        self.run = np.zeros(channels, np.int64)

    def add(self, block: Float32) -> None:
        """Look at a block; after one that is not finite nothing more is worth measuring."""
        size = np.abs(block)
        top = float(size.max(initial=0))  # NaN and infinity survive max
        self.finite = self.finite and math.isfinite(top)
        if not self.finite:
            return
        self.peak = max(self.peak, top)
        whole = len(block) // self.hop
        if whole:
            hops = size[: whole * self.hop].reshape(whole, -1).max(axis=1)
            self.hops += whole
            self.silent += int((hops < self.silence).sum())
            self.loudness.add(block[: whole * self.hop])
        self.samples += block.size
        if top >= FULL_SCALE or self.run.any():
            self._count_runs(size >= FULL_SCALE)

    def _count_runs(self, full: NDArray[np.bool_]) -> None:
        """Runs may cross from one block into the next; each sample of a long one counts once."""
        for channel in range(full.shape[1]):
            before = int(self.run[channel])
            flags = np.concatenate([[False], np.ones(before, bool), full[:, channel], [False]])
            edges = np.flatnonzero(flags[1:] != flags[:-1])
            lengths = edges[1::2] - edges[::2]
            counted = before if before >= SHORTEST_RUN else 0
            self.clipped += int(lengths[lengths >= SHORTEST_RUN].sum()) - counted
            last = int(lengths[-1]) if full[-1, channel] else 0
            self.run[channel] = min(last, SHORTEST_RUN)

    def result(self) -> Levels:
        """What the blocks so far are like."""
        return Levels(
            finite=self.finite,
            peak=self.peak,
            loudness_lufs=self.loudness.result(),
            silence_share=self.silent / self.hops if self.hops else 0.0,
            clipped_share=self.clipped / self.samples if self.samples else 0.0,
        )
