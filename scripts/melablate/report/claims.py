"""Claims judged by the figure that they are about."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..training.mentions import mentioned
from .claim_settings import Claim
from .judging import NO_DIFFERENCE, ONE_SEED, Cell
from .study_rows import Row

SIDES = {
    "text_audio_similarity": 1,
    "diversity": 1,
    "diversity_cosine": 1,
    "frechet_distance": -1,
    "seconds": -1,
}
"""Which way a claim of 'improved' points: for diversity, that there is no mode collapse."""


@dataclass(frozen=True)
class Claimed:
    """A claim beside what was measured of just that."""

    metric: str
    n_prompts: int = 0
    """0 for a figure that is not of prompts."""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None
    agreement: str = ""
    """Empty where nothing was judged."""


def agreement(claim: Claim, effect: float | None, verdict: str) -> str:
    """What a measured effect says of a claim; not to see a difference confirms nothing."""
    if claim.metric is None or claim.verdict == "none" or verdict in ("", ONE_SEED):
        return ""
    if verdict == NO_DIFFERENCE or effect is None:
        return "not shown either way"
    if claim.verdict == "indeterminate":
        return "claim was open"
    said = SIDES[claim.metric] * (1 if claim.verdict == "improved" else -1)
    return "as claimed" if said * effect > 0 else "against the claim"


def judge_claims(
    rows: Sequence[Row],
    cells: Mapping[str, Mapping[str, Cell]],
    texts: Mapping[str, str],
    judge: Callable[[str, Mapping[str, Sequence[str]]], Mapping[str, Cell]],
) -> dict[str, Claimed]:
    """By row; `judge` judges a metric anew with some rows on some prompts alone."""
    found = {}
    for row in rows:
        metric: str = row.claim.metric or ""
        if metric == "seconds":  # not among the scores: the same study is not as fast twice
            found[row.name] = Claimed(metric)
        if metric not in cells:
            continue
        cell = cells[metric][row.name]
        prompts = cell.n_prompts
        if words := row.claim.prompts_without:
            kept = [prompt for prompt, text in texts.items() if not mentioned([text], words)]
            if not kept:
                continue
            cell, prompts = judge(metric, {row.name: kept})[row.name], len(kept)
        found[row.name] = Claimed(
            metric,
            prompts,
            cell.effect,
            cell.low,
            cell.high,
            cell.p_holm,
            agreement(row.claim, cell.effect, cell.verdict),
        )
    return found


def read_texts(path: Path) -> dict[str, str]:
    """Prompts by id."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {line["prompt_id"]: line["prompt"] for line in csv.DictReader(file)}
    except FileNotFoundError:
        raise SystemExit(f"{path} is missing: the study's prompts; run it first") from None
    except KeyError:
        raise SystemExit(f"{path} is not a file of prompts; delete it and run again") from None
