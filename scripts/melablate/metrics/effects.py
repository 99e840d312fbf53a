"""Effect of an arm against the baseline: interval, p-value, verdict's threshold.

Differences d[s, p] are paired by seed and prompt and follow a crossed random-effects model,
d = μ + seed_s + prompt_p + residual_sp. With a two-way table's mean squares,

    v_seed   = MS_seed / (S·P)                          with the residual's share
    v_prompt = max(0, MS_prompt − MS_residual) / (S·P)    without it

(the other way about where prompts are fewer than seeds), the variance of the mean is
v_seed + v_prompt, and the interval is that of Banerjee (1960, Sankhyā 22, 357), each
component with the t quantile of its own degrees of freedom:

    half² = t²(S − 1)·v_seed + t²(P − 1)·v_prompt

A bootstrap that resamples 3 seeds knows only 10 samples of them and covers far too seldom;
Satterthwaite's degrees of freedom are themselves guessed from 3 seeds. For normal
differences Banerjee's interval covers at least as often as it says at any level, so also at
those of Holm, if both mean squares are left whole; taking the residual from the one of more
degrees of freedom costs at most half a percent of coverage, from the other up to seven.
benchmarks/interval_coverage.md has the figures. One factor alone gives the paired t interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtrinc, stdtrit

Float = NDArray[np.float64]
TINY = 1e-12
"""Differences that rounding alone can make, in units of the metrics (which are of order 1)."""
SMALLEST_P = 1e-16


@dataclass(frozen=True)
class Component:
    """A part of the mean's variance, and the degrees of freedom of its estimate."""

    variance: Float
    df: int
    over: Literal["seeds", "prompts"]


@dataclass(frozen=True)
class Estimate:
    """A mean with what is known of its error; arrays where many are estimated at once."""

    mean: Float
    components: tuple[Component, ...]

    def half_width(self, level: float) -> Float:
        """Half the width of the two-sided interval of confidence 1 − level."""
        return np.sqrt(_combined(self.components, lambda df: -stdtrit(df, level / 2)))

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Its ends; None if nothing is replicated."""
        if not self.components:
            return None
        half = float(self.half_width(1 - confidence))
        return float(self.mean) - half, float(self.mean) + half

    def p_value(self) -> float | None:
        """The p at which the interval of confidence 1 − p ends at zero; at least 10⁻¹⁶."""
        if not self.components:
            return None
        if abs(float(self.mean)) <= TINY:
            return 1.0
        low, high = np.log(SMALLEST_P), 0.0
        for _ in range(60):
            middle = (low + high) / 2
            excluded = abs(float(self.mean)) > float(self.half_width(np.exp(middle)))
            low, high = (low, middle) if excluded else (middle, high)
        return float(np.exp(high))

    def smallest_effect(self, level: float, power: float) -> float | None:
        """True effect that is found at `level` (two-sided) with the given power.

        √(Σ λ²·v), λ the noncentrality at which a t-test with the component's degrees of
        freedom has that power: exact for one component, slightly too large for two.
        """
        if not self.components:
            return None

        def noncentrality(df: int) -> float:
            return float(nctdtrinc(df, 1 - power, -stdtrit(df, level / 2)))

        return float(np.sqrt(_combined(self.components, noncentrality)))


def estimate(differences: Float) -> Estimate:
    """Of [..., seeds, prompts]; a factor of length 1 is not replicated and gives no component."""
    seeds, prompts = differences.shape[-2:]
    mean = differences.mean(axis=(-2, -1))
    by_seed, by_prompt = differences.mean(axis=-1), differences.mean(axis=-2)
    if seeds == 1 and prompts == 1:
        return Estimate(mean, ())
    if seeds == 1 or prompts == 1:
        values = by_prompt if seeds == 1 else by_seed
        count = values.shape[-1]
        variance = values.var(axis=-1, ddof=1) / count
        over: Literal["seeds", "prompts"] = "prompts" if seeds == 1 else "seeds"
        return Estimate(mean, (Component(variance, count - 1, over),))
    residual = differences - by_seed[..., :, None] - by_prompt[..., None, :]
    residual += mean[..., None, None]
    of_residual = (residual**2).sum(axis=(-2, -1)) / ((seeds - 1) * (prompts - 1))
    v_seed = by_seed.var(axis=-1, ddof=1) / seeds
    v_prompt = by_prompt.var(axis=-1, ddof=1) / prompts
    twice = of_residual / (seeds * prompts)  # both hold it, but it counts once
    if prompts < seeds:
        v_seed = np.maximum(0, v_seed - twice)
    else:
        v_prompt = np.maximum(0, v_prompt - twice)
    of_seeds = Component(v_seed, seeds - 1, "seeds")
    return Estimate(mean, (of_seeds, Component(v_prompt, prompts - 1, "prompts")))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the given order."""
    count = len(p_values)
    adjusted, running = [1.0] * count, 0.0
    for rank, place in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (count - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted


def _combined(components: Sequence[Component], factor: Callable[[int], float]) -> Float:
    total: Float = np.sum([factor(part.df) ** 2 * part.variance for part in components], axis=0)
    return total
