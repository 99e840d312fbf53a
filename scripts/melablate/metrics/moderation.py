"""What the other arms' seeds say of an arm's: three seeds alone say next to nothing.

With 3 seeds a variance has 2 degrees of freedom, and the t quantile at the first step of Holm
over 16 arms is 18. So verdicts, not intervals, take the variance over seeds as the mean of the
arm's own (d degrees of freedom) and that of the other arms (taken for PRIOR of them), the
moderated t of Smyth (2004, Stat. Appl. Genet. Mol. Biol. 3, 3). Two things differ from his:

- The prior's degrees of freedom are fixed and few. Estimated from so few seeds they come out far
  too many, and arms do not vary alike: those that change much vary much, and all share the
  baseline's own variation. Error rates of 6 to 17 % came of it, and of 5 % that was asked for.
- A verdict also needs the arm's own interval, with nothing borrowed, to be clear of zero. So an
  arm that varies far more than the others is no more often wrong than its interval.

benchmarks/verdict_errors.md has the error rates, for arms that vary alike and up to 100 times.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .effects import Component, Estimate, holm

PRIOR = 4
"""Degrees of freedom that the other arms' seeds count for, at most as many as they have."""


def moderated(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Each with its variance over seeds drawn halfway to the mean of the others'."""
    own = [_of_seeds(estimate) for estimate in estimates]
    known = [part for part in own if part]
    found = []
    for estimate, part in zip(estimates, own, strict=True):
        others = [other for other in known if other is not part]
        if part is None or not others:
            found.append(estimate)
            continue
        prior = min(PRIOR, sum(other.df for other in others))
        shared = np.mean([other.variance for other in others], axis=0)
        variance = (part.df * part.variance + prior * shared) / (part.df + prior)
        drawn = replace(part, variance=variance, df=part.df + prior)
        parts = tuple(drawn if each is part else each for each in estimate.components)
        found.append(replace(estimate, components=parts))
    return found


def corrected(estimates: Sequence[Estimate]) -> list[float]:
    """The family's p-values after Holm: of the moderated estimates, and no less than their own."""
    pairs = zip(moderated(estimates), estimates, strict=True)
    p_values = [(drawn.p_value() or 0.0, own.p_value() or 0.0) for drawn, own in pairs]
    adjusted = holm([drawn for drawn, _ in p_values])
    return [max(both, own) for both, (_, own) in zip(adjusted, p_values, strict=True)]


def smallest_effects(estimates: Sequence[Estimate], error: float, power: float) -> list[float]:
    """By arm, the true effect that gets a verdict with the given power, all others being none."""
    found = []
    for drawn, own in zip(moderated(estimates), estimates, strict=True):
        ends = (
            drawn.smallest_effect(error / len(estimates), power),
            own.smallest_effect(error, power),
        )
        found.append(max(end or 0.0 for end in ends))
    return found


def _of_seeds(estimate: Estimate) -> Component | None:
    return next((part for part in estimate.components if part.over == "seeds"), None)
