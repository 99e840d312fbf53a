"""Figures and marks of the table as people read them, from `table.json`."""

import math
from collections.abc import Mapping
from typing import Any

MARKS = {"improved": "✅", "worse": "❌", "indeterminate": "?", "none": ""}
NAMES = {
    "text_audio_similarity": "text–audio similarity",
    "diversity": "diversity",
    "diversity_cosine": "diversity (cosine)",
    "frechet_distance": "Fréchet distance",
    "spectral_entropy": "spectral entropy",
    "seconds": "training time",
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


def gap(table: Mapping[str, Any], metric: str) -> float | None:
    """The whole way from the baseline to real audio: the measure of what is a large effect."""
    for row in table["rows"]:
        found: float | None = row["metrics"][metric]["effect"]
        if row["name"] == "real-audio" and found is not None:
            return abs(found)
    return None


def blind(cell: Mapping[str, Any], whole: float | None) -> bool:
    """Whether even an effect as large as the whole way to real audio could have been missed."""
    smallest = cell["smallest_effect"]
    return whole is not None and smallest is not None and smallest > whole


def claim_outcome(row: Mapping[str, Any]) -> str:
    """`diversity: not shown either way`; empty for a row that makes no claim."""
    claim, found = row["claim"], row["claimed"]
    if claim["verdict"] not in ("improved", "worse"):
        return "" if not found or not found["agreement"] else found["agreement"]
    if claim["metric"] is None:
        return "no metric measures it"
    if not found or not found["agreement"]:
        return ""
    part = f" of {found['n_prompts']} prompts" if claim["prompts_without"] else ""
    return f"{name_of(found['metric'])}{part}: {found['agreement']}"
