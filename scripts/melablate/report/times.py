"""Training times beside the baseline's.

They stay out of the table's files, which are the same whenever a study is run again; the page
and the terminal read them from the runs' records.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..metrics.effects import estimate
from .claim_settings import Claim
from .claims import agreement
from .judging import NO_DIFFERENCE, ONE_SEED


def with_times(table: Mapping[str, Any], arms: Path) -> dict[str, Any]:
    """`table.json` with each arm's time as a multiple of the baseline's, and such claims judged.

    The interval is the paired t interval of the logarithm over seeds.
    """
    base = _seconds(arms / table["baseline"], table["seeds"])
    rows = []
    for row in table["rows"]:
        row = {**row, "time": None}
        ours = _seconds(arms / row["name"], table["seeds"])
        if row["kind"] == "arm" and ours and base:
            row["time"] = _ratio(ours, base, table["confidence"])
            if row["claimed"] and row["claimed"]["metric"] == "seconds":
                row["claimed"] = _judged(row)
        rows.append(row)
    return {**table, "rows": rows}


def _ratio(ours: list[float], base: list[float], confidence: float) -> dict[str, float | None]:
    found = estimate(np.log(np.array(ours) / np.array(base))[:, None])
    low, high = found.interval(confidence) or (None, None)
    return {
        "ratio": float(np.exp(found.mean)),
        "low": None if low is None else float(np.exp(low)),
        "high": None if high is None else float(np.exp(high)),
    }


def _judged(row: Mapping[str, Any]) -> dict[str, Any]:
    time = row["time"]
    if time["low"] is None:
        verdict = ONE_SEED
    else:
        verdict = NO_DIFFERENCE if time["low"] <= 1 <= time["high"] else "shown"
    said = agreement(Claim.model_validate(row["claim"]), time["ratio"] - 1, verdict)
    return {**row["claimed"], "agreement": said}


def _seconds(arm: Path, seeds: list[int]) -> list[float]:
    """Seconds in the loop by seed; empty unless every seed has told them."""
    found = []
    for seed in seeds:
        path = arm / f"seed-{seed}" / "train.json"
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if not (seconds := record.get("loop_seconds")):
            return []
        found.append(float(seconds))
    return found
