"""Rows of scores → levels, effects against the baseline, and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..metrics.effects import Estimate, estimate
from ..metrics.moderation import corrected, smallest_effects
from .score_files import RowScores
from .settings import Table

Direction = Literal["higher", "lower", "neutral"]
NO_DIFFERENCE, ONE_SEED = "no difference shown", "one seed: no verdict"


def direction(metric: str) -> Direction:
    """Where better is. Of entropy nobody knows it, and noise is diverse too (the untuned base
    beats every arm): their verdicts are 'higher' and 'lower'."""
    if metric.startswith(("spectral_entropy", "diversity")):
        return "neutral"
    return "lower" if metric == "frechet_distance" else "higher"


@dataclass(frozen=True)
class Cell:
    """One metric of one row; what cannot be known is None."""

    level: float
    n_seeds: int
    n_prompts: int
    """0 for a metric of whole sets."""
    level_low: float | None = None
    level_high: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = ""
    smallest_effect: float | None = None


def judge(
    metric: str,
    arms: Mapping[str, RowScores],
    fixed: Mapping[str, RowScores],
    baseline: str,
    settings: Table,
    only: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Cell]:
    """Cells of every row for one metric; Holm's family are all arms but the baseline.

    `only`: rows that are compared on these prompts alone.
    """
    reference = arms[baseline]
    every = {**fixed, **arms}
    cells = {name: _level(metric, row, settings) for name, row in every.items()}
    effects: dict[str, Estimate] = {}
    for name, row in every.items():
        prompts = (only or {}).get(name, row.prompts)
        if name != baseline and (effect := _effect(metric, row, reference, prompts)):
            effects[name] = effect
            cells[name] = _with_effect(cells[name], effect, settings)
    family = [name for name in arms if name != baseline]
    if len(reference.seeds) < 2:
        for name in family:
            cells[name] = replace(cells[name], p=None, verdict=ONE_SEED)
        return cells
    error = 1 - settings.confidence
    compared = [effects[name] for name in family]
    smallest = smallest_effects(compared, error, settings.power)
    for name, p_holm, seen in zip(family, corrected(compared), smallest, strict=True):
        cells[name] = replace(
            cells[name],
            p_holm=p_holm,
            verdict=_verdict(cells[name], p_holm < error, direction(metric)),
            smallest_effect=seen,
        )
    return cells


def check_same(
    arms: Mapping[str, RowScores],
    fixed: Mapping[str, RowScores],
    baseline: str,
    metrics: Sequence[str],
) -> None:
    """All rows are measured by the same metrics, all arms asked for the same prompts as often."""
    reference = arms[baseline]
    for name, row in {**fixed, **arms}.items():
        missing = [metric for metric in metrics if metric not in row.metrics]
        if missing:
            raise SystemExit(f"arm {name}: no {missing[0]}, which {baseline} has; score it again")
    for name, row in arms.items():
        other = sorted(set(row.prompts) ^ set(reference.prompts))
        if other:
            raise SystemExit(
                f"arm {name}: prompt {other[0]} is not in both it and {baseline}; sample it again"
            )
        if row.samples != reference.samples:
            raise SystemExit(
                f"arm {name}: {row.samples} samples a seed, but {baseline} has "
                f"{reference.samples}; sample it again"
            )


def _level(metric: str, row: RowScores, settings: Table) -> Cell:
    values = row.of(metric, row.prompts)
    found = estimate(values)
    low, high = found.interval(settings.confidence) or (None, None)
    whole = metric in row.by_set
    return Cell(float(found.mean), len(row.seeds), 0 if whole else len(row.prompts), low, high)


def _effect(
    metric: str, row: RowScores, baseline: RowScores, prompts: Sequence[str]
) -> Estimate | None:
    """Paired by seed and prompt; what was made once stands against every seed of the baseline."""
    if metric in row.by_set and row.samples != baseline.samples:
        return None
    shared = [p for p in row.prompts if p in baseline.prompts and p in prompts]
    if not shared:
        return None
    ours, theirs = row.of(metric, shared), baseline.of(metric, shared)
    if row.seeds != baseline.seeds:
        ours = np.broadcast_to(ours.mean(axis=0), theirs.shape)
    return estimate(ours - theirs)


def _with_effect(cell: Cell, effect: Estimate, settings: Table) -> Cell:
    low, high = effect.interval(settings.confidence) or (None, None)
    return replace(cell, effect=float(effect.mean), low=low, high=high, p=effect.p_value())


def _verdict(cell: Cell, shown: bool, better: Direction) -> str:
    if not shown or cell.effect is None:
        return NO_DIFFERENCE
    side = "higher" if cell.effect > 0 else "lower"
    if better == "neutral":
        return side
    return "improved" if side == better else "worse"
