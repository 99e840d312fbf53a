"""Figures and marks of the table as people read them, from `table.json`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

MARKS = {"improved": "✅", "worse": "❌", "indeterminate": "?", "none": ""}
NAMES = {
    "text_audio_similarity": "text–audio similarity",
    "diversity": "diversity",
    "diversity_cosine": "diversity (cosine)",
    "frechet_distance": "Fréchet distance",
    "spectral_entropy": "spectral entropy",
}
BETTER = {"higher": "higher is better", "lower": "lower is better", "neutral": "neither is better"}
MINUS = "−"


def name_of(metric: str) -> str:
    """`frechet_distance` → `Fréchet distance`."""
    return NAMES.get(metric, metric.replace("_", " "))


def shown_metrics(table: Mapping[str, Any]) -> list[str]:
    """The primary metric, then the others that have a column of their own."""
    wanted = ("text_audio_similarity", "diversity", "frechet_distance", "spectral_entropy")
    measured = {metric["name"] for metric in table["metrics"]}
    others = [name for name in wanted if name in measured and name != table["primary"]]
    return [table["primary"], *others]


def digits(table: Mapping[str, Any], metric: str) -> int:
    """Decimals that give the largest level four digits, or five if below one."""
    levels = [abs(row["metrics"][metric]["level"]) for row in table["rows"]]
    largest = max([level for level in levels if level > 0], default=1.0)
    return min(8, max(0, 3 - math.floor(math.log10(largest))))


def number(value: float | None, decimals: int, signed: bool = False) -> str:
    """`-0.0124` → `−0.0124`; unknown → empty."""
    if value is None:
        return ""
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    if signed and not text.strip("+-0."):
        text = text[1:]
    return text.replace("-", MINUS)


def effect(cell: Mapping[str, Any], decimals: int) -> str:
    """`+0.0124 [−0.0030, +0.0278]`."""
    shown = number(cell["effect"], decimals, signed=True)
    if cell["low"] is None:
        return shown
    low, high = (number(cell[end], decimals, signed=True) for end in ("low", "high"))
    return f"{shown} [{low}, {high}]"


def percent(share: float) -> str:
    """`.95` → `95 %`."""
    return f"{round(100 * share, 2):g} %"


def notes(table: Mapping[str, Any]) -> list[str]:
    """What a reader must know to read the table."""
    primary, seeds = table["primary"], table["seeds"]
    baseline = next(row for row in table["rows"] if row["kind"] == "baseline")
    prompts = baseline["metrics"][primary]["n_prompts"]
    confidence = percent(table["confidence"])
    sides = "; ".join(
        f"{name_of(metric['name'])}: {BETTER[metric['direction']]}"
        for metric in table["metrics"]
        if metric["name"] in shown_metrics(table)
    )
    lines = [
        f"Seeds {', '.join(map(str, seeds))}; {prompts} prompts; {table['samples']} clips a seed.",
        f"Effects are differences to the baseline, paired by seed and prompt, with {confidence} "
        "intervals over seeds and prompts; those of diversity and Fréchet distance, which are of "
        "whole sets, over seeds alone. The ceilings and real audio are compared by prompt, "
        "with intervals over prompts alone.",
        f"{sides[0].upper()}{sides[1:]}.",
    ]
    if len(seeds) < 2:
        return [*lines, "One seed: no verdict. Intervals are over prompts alone."]
    error = round(1 - table["confidence"], 6)
    lines.append(
        f"Verdicts are corrected over the {_count(table['family'], 'arm')} (Holm, error rate "
        f"{error:g} a metric), so an interval clear of zero alone is not yet one."
    )
    return [*lines, *_smallest(table)]


def _smallest(table: Mapping[str, Any]) -> Sequence[str]:
    primary = table["primary"]
    found = sorted(
        row["metrics"][primary]["smallest_effect"] for row in table["rows"] if row["kind"] == "arm"
    )
    if not found:
        return []
    decimals = digits(table, primary)
    low, high = number(found[0], decimals), number(found[-1], decimals)
    span = low if low == high else f"{low} to {high}, by row"
    return [
        f"The smallest effect on {name_of(primary)} that this study would have shown in "
        f"{percent(table['power'])} of cases: {span}."
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
