"""Drawings and words of the report."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st
from melablate.report.page_data import Figure, Run, flatten
from melablate.report.page_svg import effect_domain, interval, loss_ticks, smooth, ticks
from melablate.report.page_words import value

ends = st.floats(-1e4, 1e4).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(ends, st.floats(1e-6, 1e4), st.integers(2, 8))
def test_ticks_are_few_evenly_spaced_and_inside(low: float, span: float, most: int) -> None:
    found = ticks((low, low + span), most)
    assert len(found) <= most
    slack = 1e-9 * span + 4 * math.ulp(max(abs(low), abs(low + span)))
    assert all(low - slack <= tick <= low + span + slack for tick in found)
    if low < 0 < low + span:
        assert 0 in found


@given(st.floats(-6, 3), st.floats(0.05, 6))
def test_a_loss_axis_has_figures_inside(low: float, span: float) -> None:
    found = loss_ticks((low, low + span))
    assert 2 <= len(found) <= 7
    assert all(10**low * 0.99 <= tick <= 10 ** (low + span) * 1.01 for tick in found)


@given(st.lists(st.floats(1e-4, 10), max_size=900))
def test_a_curve_stays_within_its_losses(losses: list[float]) -> None:
    run = Run(0, tuple(map(float, range(len(losses)))), tuple(losses), {})
    points = smooth(run)
    assert len(points) <= 122
    assert all(min(losses) * 0.999 <= loss <= max(losses) * 1.001 for _, loss in points)
    assert all(a[0] < b[0] for a, b in itertools.pairwise(points))
    if losses:
        assert points[-1] == (len(losses) - 1, losses[-1])


def test_an_interval_out_of_the_drawing_gets_an_arrow() -> None:
    near = Figure(effect=0.1, low=0.0, high=0.2, smallest=0.05)
    domain = effect_domain([near])
    assert domain is not None and domain[0] < 0 and domain[1] > 0.2
    inside = interval(near, domain, 100, "none")
    assert inside.count("dot") == 1 and "<circle" in inside and "blind" in inside
    beyond = interval(Figure(effect=5, low=4, high=6), domain, 100, "none")
    assert "<circle" not in beyond and "M100 11l-6-4v8z" in beyond
    assert interval(Figure(level=1), domain, 100, "none") == ""
    assert effect_domain([Figure(level=1)]) is None


def test_settings_are_written_as_the_config_writes_them() -> None:
    assert [value(v) for v in (None, True, 0.5, 2e-5, "a", [1, "b"])] == [
        *("none", "true", "0.5", "2e-05", "a", "1, b")
    ]
    assert flatten({"train": {"rank": 4, "loss": {"kind": "mse"}}, "a.b": {}}) == {
        "train.rank": 4,
        "train.loss.kind": "mse",
        "a.b": {},
    }
