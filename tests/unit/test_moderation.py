"""Verdicts that borrow the other arms' seeds: as often false as is said, and more often found."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from melablate.metrics.effects import Estimate, estimate, holm
from melablate.metrics.moderation import PRIOR, corrected, moderated, smallest_effects
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from verdict_errors import SPREADS, errors, family, verdicts


def drawn(seed: int, arms: int = 5, seeds: int = 3, prompts: int = 6) -> list[Estimate]:
    rng = np.random.default_rng(seed)
    return [
        estimate(rng.normal(0.3, 1, (seeds, 1)) + rng.normal(0, 1, (seeds, prompts)))
        for _ in range(arms)
    ]


def test_a_variance_over_seeds_is_drawn_to_the_mean_of_the_others() -> None:
    """For sets the whole rule is a t-test that can be written down."""
    values = np.random.default_rng(0).normal(0.5, 1, (4, 3))  # arms, seeds
    found = moderated([estimate(arm[:, None]) for arm in values])
    for number, one in enumerate(found):
        own = values[number].var(ddof=1)
        others = np.delete(values, number, axis=0).var(axis=1, ddof=1).mean()
        variance = (2 * own + PRIOR * others) / (2 + PRIOR)
        t = values[number].mean() / np.sqrt(variance / 3)
        assert one.p_value() == pytest.approx(2 * stats.t.sf(abs(t), 2 + PRIOR), rel=1e-6)


def test_what_varies_over_prompts_is_left() -> None:
    plain = drawn(1)
    for one, other in zip(plain, moderated(plain), strict=True):
        assert one.mean == other.mean
        assert [part.over for part in one.components] == [part.over for part in other.components]
        assert one.components[1] == other.components[1]
        assert one.components[0].df + PRIOR == other.components[0].df


def test_others_count_for_no_more_than_they_know() -> None:
    assert moderated(drawn(2, arms=2))[0].components[0].df == 2 + 2
    assert moderated(drawn(2, arms=2, seeds=2))[0].components[0].df == 1 + 1
    assert moderated(drawn(2, arms=1)) == drawn(2, arms=1)
    alone = [estimate(np.random.default_rng(3).normal(0, 1, (1, 8))) for _ in range(3)]
    assert moderated(alone) == alone


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_a_verdict_needs_holm_and_the_arms_own_interval(seed: int, arms: int) -> None:
    plain = drawn(seed, arms)
    adjusted = corrected(plain)
    of_holm = holm([part.p_value() for part in moderated(plain)])
    for p, p_holm, own in zip(adjusted, of_holm, plain, strict=True):
        low, high = own.interval(0.95)
        assert (p < 0.05) == (p_holm < 0.05 and (low > 0 or high < 0))
    any_ = verdicts(*([_stack(part) for part in some] for some in (moderated(plain), plain)))
    assert bool(any_[0]) == (min(adjusted) < 0.05)


def _stack(part: Estimate) -> Estimate:
    """As the benchmark has them: an array of studies, here of one."""
    parts = tuple(type(c)(np.atleast_1d(c.variance), c.df, c.over) for c in part.components)
    return Estimate(np.atleast_1d(part.mean), parts)


def false_verdicts(law: str, mix: str, spread: str, arms: int, seeds: int) -> float:
    made = family(np.random.default_rng(4), law, mix, spread, (2000, arms, seeds))
    plain = [estimate(differences) for differences in made]
    return float(verdicts(moderated(plain), plain).mean())


CHANCE = 3 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize("spread", SPREADS)
def test_false_verdicts_are_no_more_than_is_said(spread: str) -> None:
    assert false_verdicts("normal", "sets", spread, 8, 3) <= 0.05 + CHANCE


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 4, 7, 16])
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("spread", SPREADS)
def test_nor_for_other_sizes_and_laws(spread: str, seeds: int, arms: int) -> None:
    for law in ("normal", "heavy"):
        for mix in ("samples", "sets"):
            assert false_verdicts(law, mix, spread, arms, seeds) <= 0.05 + CHANCE, (law, mix)


def test_an_estimated_prior_would_give_too_many() -> None:
    made = family(np.random.default_rng(5), "normal", "sets", SPREADS[2], (2000, 16, 3))
    found = errors(made)
    assert found["prior estimated"][0] > 0.08
    # And Holm on each arm alone finds only what is several times as large.
    assert found["Holm"][1] > 2 * found["the table's"][1]


@pytest.mark.parametrize(("arms", "seeds"), [(3, 3), (16, 3), (7, 5)])
def test_the_smallest_effect_is_found_with_the_stated_power(arms: int, seeds: int) -> None:
    made = family(np.random.default_rng(6), "normal", "samples", "alike", (2000, arms, seeds))
    plain = [estimate(differences) for differences in made]
    # The components' true variances stand in for their estimates.
    true = [
        Estimate(
            np.array(0.0),
            tuple(type(c)(np.array(c.variance.mean()), c.df, c.over) for c in part.components),
        )
        for part in plain
    ]
    effect = smallest_effects(true, 0.05, 0.8)[0]
    judged, own = moderated(plain)[0], plain[0]
    size = np.abs(own.mean + effect)
    power = np.mean((size > judged.half_width(0.05 / arms)) & (size > own.half_width(0.05)))
    assert 0.72 < power < 0.92
