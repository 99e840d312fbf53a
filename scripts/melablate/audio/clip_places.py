"""Where in a track its clips start, in samples."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from .clip_settings import Clips


def region(length: int, wanted: int, offset: int) -> tuple[int, int]:
    """First sample and number of samples of what clips may be of; at least one clip if any is."""
    first = min(offset, max(0, length - wanted))
    return first, length - first


def places(first: int, samples: int, wanted: int, clips: Clips, track_id: str) -> list[int]:
    """Starts of clips of `wanted` samples in a region, ascending, without overlap."""
    count = min(clips.count, max(1, samples // wanted))
    free = max(0, samples - count * wanted)
    if clips.choose == "fixed":
        gaps = [0.0] * count
    elif clips.choose == "spread":
        gaps = [free * i / (count - 1) for i in range(count)] if count > 1 else [free / 2]
    elif clips.choose == "random":
        # Sorted places in what is left over, each moved by the clips before it: every choice
        # without overlap is equally likely.
        gaps = sorted(free * _draw(clips.seed, track_id, i) for i in range(count))
    else:
        raise ValueError(f"where clips are {clips.choose} depends on the sound")
    return [first + int(gap) + i * wanted for i, gap in enumerate(gaps)]


def loudest(
    energies: NDArray[np.float64], hop: int, samples: int, wanted: int, count: int
) -> list[int]:
    """The same by energy: `energies` are the sums of squares of each `hop` samples of a region."""
    last = max(0, samples - wanted)
    window = min(len(energies), max(1, wanted // hop))
    sums = np.convolve(energies, np.ones(window), mode="valid")
    sums = sums[: last // hop + 1]
    chosen: list[int] = []
    while len(chosen) < count and (best := int(sums.argmax())) >= 0 and sums[best] > -np.inf:
        chosen.append(best * hop)
        apart = -(-wanted // hop)
        sums[max(0, best - apart + 1) : best + apart] = -np.inf
    return sorted(chosen)


def energies_of(mono: NDArray[np.float32], hop: int) -> NDArray[np.float64]:
    """Sum of squares of each `hop` samples; the last may be of fewer."""
    squares = np.square(mono, dtype=np.float64)
    sums: NDArray[np.float64] = np.add.reduceat(squares, np.arange(0, len(mono), hop))
    return sums


def _draw(seed: int, track_id: str, index: int) -> float:
    """A number in [0, 1) that depends on nothing else."""
    digest = hashlib.sha256(f"{seed}/{track_id}/{index}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
