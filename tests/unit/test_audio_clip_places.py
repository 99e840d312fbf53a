"""Where clips lie: in the track, in order, apart; drawn the same every time; the loudest first."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from melablate.audio.clip_places import energies_of, loudest, places, region
from melablate.audio.clip_settings import Clips

LENGTHS = st.integers(1, 200_000)


def clips(**values: Any) -> Clips:
    return Clips.model_validate(values)


@given(
    LENGTHS,
    st.integers(1, 50_000),
    st.integers(0, 100_000),
    st.integers(1, 12),
    st.sampled_from(["fixed", "spread", "random"]),
    st.text(max_size=8),
)
def test_clips_are_inside_and_apart(
    length: int, wanted: int, offset: int, count: int, choose: str, track: str
) -> None:
    first, samples = region(length, wanted, offset)
    starts = places(first, samples, wanted, clips(choose=choose, count=count), track)
    assert len(starts) == min(count, max(1, (length - first) // wanted))
    assert starts == sorted(starts) and starts[0] >= first
    assert all(b - a >= wanted for a, b in pairwise(starts))
    assert starts[-1] + wanted <= length or starts == [0]
    assert first == offset or first == max(0, length - wanted)


def test_fixed_clips_follow_one_another_from_the_offset() -> None:
    assert places(15, 105, 15, clips(count=9), "a") == [15, 30, 45, 60, 75, 90, 105]


@pytest.mark.parametrize(("count", "starts"), [(1, [60]), (2, [15, 105]), (3, [15, 60, 105])])
def test_spread_clips_reach_from_the_offset_to_the_end(count: int, starts: list[int]) -> None:
    assert places(15, 105, 15, clips(choose="spread", count=count), "a") == starts


def test_random_places_depend_on_seed_and_track_alone() -> None:
    def draw(seed: int, track: str) -> list[int]:
        return places(0, 10**6, 1000, clips(choose="random", seed=seed, count=3), track)

    assert draw(0, "17") == [390, 704726, 773062]  # the same on every machine, for ever
    assert len({tuple(draw(seed, track)) for seed in (0, 1) for track in ("17", "18")}) == 4


def test_random_places_are_spread_evenly() -> None:
    starts = [places(0, 1100, 100, clips(choose="random"), str(i))[0] for i in range(2000)]
    counts, _ = np.histogram(starts, 10, (0, 1000))
    assert counts.min() > 150 and counts.max() < 250


@given(st.integers(0, 2**32), st.integers(20, 400), st.integers(2, 60), st.integers(1, 4))
def test_the_loudest_part_is_the_loudest(seed: int, hops: int, window: int, count: int) -> None:
    sound = np.random.default_rng(seed).normal(0, 1, hops * 10).astype(np.float32)
    sound *= np.repeat(np.random.default_rng(seed + 1).uniform(0, 1, hops), 10)
    wanted = window * 10
    starts = loudest(energies_of(sound, 10), 10, len(sound), wanted, count)
    power = [
        float(np.square(sound[at : at + wanted], dtype=np.float64).sum())
        for at in range(0, max(1, len(sound) - wanted + 1), 10)
    ]
    assert max(power) == pytest.approx(max(power[start // 10] for start in starts))
    assert starts == sorted(starts) and len(starts) <= count
    assert all(b - a >= wanted for a, b in pairwise(starts))
    assert all(start + wanted <= max(len(sound), wanted) for start in starts)
