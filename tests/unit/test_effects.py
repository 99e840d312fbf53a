"""Intervals and verdict thresholds against scipy in the cases that have a textbook answer."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from melablate.metrics.effects import SMALLEST_P, estimate, holm
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from interval_coverage import LAWS, MIXES, bootstrap_covers, covers, studies

SYMMETRIC = [law for law in LAWS if law != "skewed"]


@pytest.mark.parametrize("shape", [(1, 12), (5, 1)])
def test_one_factor_is_the_paired_t_test(shape):
    values = np.random.default_rng(0).normal(0.4, 1, shape)
    expected = stats.ttest_1samp(values.ravel(), 0)
    found = estimate(values)
    assert found.interval(0.95) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.p_value() == pytest.approx(expected.pvalue, rel=1e-9)


def test_seeds_alone_when_prompts_do_not_differ_and_the_reverse():
    by_seed = np.random.default_rng(1).normal(0.4, 1, 4)
    found = estimate(np.repeat(by_seed[:, None], 9, axis=1))
    assert found.p_value() == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue, rel=1e-9)
    by_prompt = np.random.default_rng(2).normal(0.4, 1, 9)
    found = estimate(np.repeat(by_prompt[None], 4, axis=0))
    assert found.p_value() == pytest.approx(stats.ttest_1samp(by_prompt, 0).pvalue, rel=1e-9)


def test_nothing_replicated_has_no_interval():
    found = estimate(np.array([[0.3]]))
    assert found.interval(0.95) is None
    assert found.p_value() is None
    assert found.smallest_effect(0.05, 0.8) is None


def test_no_difference_at_all_is_no_difference():
    found = estimate(np.zeros((3, 8)))
    assert found.p_value() == 1
    assert found.interval(0.95) == (0, 0)
    assert estimate(np.full((3, 8), 0.2)).p_value() == pytest.approx(SMALLEST_P)


@given(st.integers(0, 2**32 - 1), st.floats(0.8, 0.999))
def test_p_is_below_one_minus_confidence_exactly_where_the_interval_excludes_zero(seed, confidence):
    rng = np.random.default_rng(seed)
    found = estimate(rng.normal(0.5, 1, (3, 1)) + rng.normal(0, 1, (3, 6)))
    low, high = found.interval(confidence)
    assert (found.p_value() < 1 - confidence) == (low > 0 or high < 0)


def test_order_and_sign_of_differences():
    values = np.random.default_rng(3).normal(0.5, 1, (3, 7))
    found = estimate(values)
    shuffled = estimate(values[[2, 0, 1]][:, ::-1])
    assert shuffled.p_value() == pytest.approx(found.p_value())
    low, high = found.interval(0.9)
    assert estimate(-values).interval(0.9) == pytest.approx((-high, -low))


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES.keys())
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_cover_as_often_as_they_say(seeds, mix):
    for law in SYMMETRIC:
        made = studies(np.random.default_rng(5), law, mix, (6000, seeds, 12))
        assert covers(made) >= 0.935, law
        assert covers(made, 0.003) >= 0.995, law


def test_the_plain_bootstrap_would_not():
    made = studies(np.random.default_rng(6), "normal", MIXES["mostly seed"], (300, 3, 12))
    assert bootstrap_covers(np.random.default_rng(7), made) < 0.88


@pytest.mark.parametrize("shape", [(8, 2), (10, 2), (8, 4)])
def test_few_prompts_are_as_safe_as_few_seeds(shape):
    made = studies(np.random.default_rng(10), "normal", (0, 1, 1), (20_000, *shape))
    assert covers(made) >= 0.945


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
@pytest.mark.parametrize("prompts", [2, 4, 12, 40])
def test_coverage_for_other_sizes(seeds, prompts):
    rng = np.random.default_rng(8)
    for mix in MIXES.values():
        for law in LAWS:
            made = studies(rng, law, mix, (20_000, seeds, prompts))
            assert covers(made) >= (0.935 if law != "skewed" else 0.88), (law, mix)


@pytest.mark.parametrize(("shape", "sd"), [((1, 10), (0, 0, 1)), ((3, 12), (1, 0.1, 0.1))])
def test_the_smallest_effect_is_found_with_the_stated_power(shape, sd):
    # The components' true variances stand in for their estimates.
    rng = np.random.default_rng(9)
    made = studies(rng, "normal", sd, (20_000, *shape))
    found = estimate(made)
    variances = [float(part.variance.mean()) for part in found.components]
    assumed = estimate(np.zeros(shape))
    parts = [
        type(p)(np.array(v), p.df, p.over)
        for p, v in zip(assumed.components, variances, strict=True)
    ]
    effect = type(found)(np.array(0.0), tuple(parts)).smallest_effect(0.01, 0.8)
    power = np.mean(np.abs(made.mean(axis=(1, 2)) + effect) > found.half_width(0.01))
    assert power == pytest.approx(0.8, abs=0.03)


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.001, 0.5))
def test_holm_rejects_what_its_step_down_procedure_rejects(p_values, level):
    rejected: set[int] = set()
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, place in enumerate(order):
        if p_values[place] * (len(p_values) - rank) >= level:
            break
        rejected.add(place)
    adjusted = holm(p_values)
    assert {i for i, p in enumerate(adjusted) if p < level} == rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_raw_and_bonferroni_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    for raw, holms in zip(p_values, adjusted, strict=True):
        assert raw <= holms <= min(1, raw * len(p_values) * (1 + 1e-12))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)
    assert adjusted[order[0]] == min(1, p_values[order[0]] * len(p_values))
