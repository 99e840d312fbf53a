"""Which tracks sound the same: candidates by shared codes, then the share of differing bits.

Codes are sorted, not compared pair by pair, so time grows little faster than the number of
tracks. Codes that many tracks share (a drone, a drum loop) tell nothing and are passed over.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .fingerprint import BITS, HOP, RATE, Fingerprint

MOST_SHARED = 12
"""A code that stands more often than this is passed over."""
MOST_DIFFERENT = 0.24
"""Share of bits: copies differ in less, other music in about half, the same loop in a third."""
PART_SECONDS, PART_DIFFERENT, LEAST_ALIKE = 4.0, 0.36, 0.85
"""Nearly every part of it must be alike: two medleys of some of the same pieces are no copies."""
SHORTEST_SECONDS = 2.0
LEAST_OVERLAP = 0.5
"""Of the shorter one's fingerprint."""
LEAST_VOTES = 2
"""Of a pair of tracks; one does where either has few codes to give."""
SHORT_SECONDS = 20.0
PLACES = 1 << 13
"""More than the frames of a fingerprint, so that offsets fit beside pairs in one number."""
OFFSETS_TRIED = 3
Int = NDArray[np.int64]


def same_sound(prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Pairs (earlier, later) of indexes that sound the same."""
    if not prints:
        return []
    pairs, offsets, votes = _candidates(prints)
    found: list[tuple[int, int]] = []
    tried: Counter[int] = Counter()
    for index in np.lexsort((-votes, pairs)):
        pair = int(pairs[index])
        one, other = divmod(pair, len(prints))
        tried[pair] += 1
        if tried[pair] > OFFSETS_TRIED or (found and found[-1] == (one, other)):
            continue
        if _alike(prints[one], prints[other], int(offsets[index])):
            found.append((one, other))
    return found


def _candidates(prints: Sequence[Fingerprint]) -> tuple[Int, Int, Int]:
    """Pairs of tracks (as one number), offset between them, and how many codes say so."""
    heard = [np.flatnonzero(one.heard) for one in prints]
    codes = np.concatenate([p.codes[h] for p, h in zip(prints, heard, strict=True)])
    track = np.repeat(np.arange(len(prints)), [len(h) for h in heard])
    place = np.concatenate(heard)
    # A sound that is held repeats its code; its first frame is enough.
    fresh = np.ones(len(codes), bool)
    fresh[1:] = (codes[1:] != codes[:-1]) | (track[1:] != track[:-1])
    codes, track, place = codes[fresh], track[fresh], place[fresh]
    order = np.argsort(codes, kind="stable")
    codes, track, place = codes[order], track[order], place[order]
    keys: list[Int] = [np.zeros(0, np.int64)]
    rare = _group_sizes(codes) <= MOST_SHARED
    for step in range(1, MOST_SHARED):
        same = np.flatnonzero((codes[step:] == codes[:-step]) & rare[:-step])
        one, other = track[same], track[same + step]
        offset = place[same] - place[same + step] + PLACES
        apart = one != other
        pair = one[apart].astype(np.int64) * len(prints) + other[apart]
        keys.append(pair * 2 * PLACES + offset[apart])
    key, votes = np.unique(np.concatenate(keys), return_counts=True)
    pairs = key // (2 * PLACES)
    short = np.array([len(one.codes) < SHORT_SECONDS * RATE / HOP for one in prints])
    enough = (votes >= LEAST_VOTES) | short[pairs // len(prints)] | short[pairs % len(prints)]
    return pairs[enough], key[enough] % (2 * PLACES) - PLACES, votes[enough]


def _group_sizes(codes: NDArray[np.uint32]) -> Int:
    """Of each of the sorted codes: how often it stands."""
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])[: len(codes)])
    sizes = np.diff(np.append(starts, len(codes)))
    return np.repeat(sizes, sizes)


def _alike(one: Fingerprint, other: Fingerprint, offset: int) -> bool:
    """Whether few bits differ where both sound, `other` moved by `offset` frames."""
    a, b = max(0, offset), max(0, -offset)
    length = min(len(one.codes) - a, len(other.codes) - b)
    shorter = min(len(one.codes), len(other.codes))
    if length < max(SHORTEST_SECONDS * RATE / HOP, LEAST_OVERLAP * shorter):
        return False
    heard = one.heard[a : a + length] & other.heard[b : b + length]
    if heard.sum() < SHORTEST_SECONDS * RATE / HOP:
        return False
    bits = np.bitwise_count(one.codes[a : a + length] ^ other.codes[b : b + length])[heard]
    if bits.mean() >= MOST_DIFFERENT * BITS:
        return False
    parts = np.array_split(bits, max(1, round(len(bits) * HOP / RATE / PART_SECONDS)))
    alike = [part.mean() < PART_DIFFERENT * BITS for part in parts]
    return float(np.mean(alike)) >= LEAST_ALIKE
