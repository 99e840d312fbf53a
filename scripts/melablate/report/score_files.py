"""The scores of one row: every metric as an array over seeds (and prompts)."""

import csv
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class RowScores:
    """Scores of one row over its seeds."""

    seeds: tuple[int, ...]
    prompts: tuple[str, ...]
    """Prompt ids, sorted."""
    samples: int
    """Clips a seed."""
    by_prompt: dict[str, Float] = field(default_factory=dict)
    """Metrics of samples: [seeds, prompts], a prompt's samples averaged."""
    by_set: dict[str, Float] = field(default_factory=dict)
    """Metrics of whole sets: [seeds]."""

    @property
    def metrics(self) -> set[str]:
        """Names of all metrics."""
        return {*self.by_prompt, *self.by_set}

    def of(self, metric: str, prompts: Sequence[str]) -> Float:
        """[seeds, prompts] of the given prompts; [seeds, 1] of a metric of whole sets."""
        if metric in self.by_set:
            return self.by_set[metric][:, None]
        return self.by_prompt[metric][:, [self.prompts.index(prompt) for prompt in prompts]]


@dataclass
class _Run:
    """One file: metric → prompt → values (prompt '' for whole sets)."""

    name: str
    values: dict[str, dict[str, list[float]]]


def read_row(root: Path, name: str, seeds: Sequence[int]) -> RowScores:
    """The scores of a row; whatever is missing or not a number is named and stops the table."""
    runs = [_read(root / name / f"seed-{seed}" / "scores.csv", name, seed) for seed in seeds]
    first = runs[0]
    for run in runs[1:]:
        _refuse_difference(first, run)
    by_prompt, by_set = {}, {}
    prompts: set[str] = set()
    samples = 0
    for metric, values in first.values.items():
        if "" in values:
            by_set[metric] = np.array([run.values[metric][""][0] for run in runs])
            continue
        prompts |= set(values)
        samples = sum(map(len, values.values()))
        by_prompt[metric] = np.array(
            [[np.mean(run.values[metric][prompt]) for prompt in sorted(values)] for run in runs]
        )
    for metric, table in by_prompt.items():
        if table.shape[1] != len(prompts):
            missing = sorted(prompts - set(first.values[metric]))[0]
            raise SystemExit(f"{first.name}: no {metric} for prompt {missing}; {_mend(root)}")
    return RowScores(tuple(seeds), tuple(sorted(prompts)), samples, by_prompt, by_set)


def _read(path: Path, name: str, seed: int) -> _Run:
    run = _Run(f"arm {name}, seed {seed}", defaultdict(lambda: defaultdict(list)))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                value = _number(line["value"])
                if not math.isfinite(value):
                    prompt = f", prompt {line['prompt_id']}" if line["prompt_id"] else ""
                    raise SystemExit(
                        f"{run.name}{prompt}: {line['metric']} is {line['value']!r}, not a finite "
                        f"number ({path}); delete the file and run again"
                    )
                run.values[line["metric"]][line["prompt_id"]].append(value)
    except FileNotFoundError:
        raise SystemExit(f"{run.name}: no scores ({path} is missing); run it first") from None
    except (KeyError, TypeError):
        raise SystemExit(f"{run.name}: {path} is not a file of scores; delete it") from None
    if not run.values:
        raise SystemExit(f"{run.name}: {path} holds no scores; delete it and run again")
    return run


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _refuse_difference(first: _Run, run: _Run) -> None:
    """Seeds of a row must have the same metrics, prompts, and samples of each."""
    for one, other in ((first, run), (run, first)):
        for metric, values in one.values.items():
            if metric not in other.values:
                raise SystemExit(f"{other.name}: no {metric}, which {one.name} has; score it again")
            missing = sorted(set(values) - set(other.values[metric]))
            if missing:
                where = f"for prompt {missing[0]}" if missing[0] else "for the whole set"
                raise SystemExit(
                    f"{other.name}: no {metric} {where}, which {one.name} has; score it again"
                )
            for prompt, taken in values.items():
                count = len(other.values[metric][prompt])
                if count != len(taken):
                    where = f"for prompt {prompt}" if prompt else "for the whole set"
                    raise SystemExit(
                        f"{other.name}: {count} of {metric} {where}, but {one.name} has "
                        f"{len(taken)}; sample it again"
                    )


def _mend(root: Path) -> str:
    return f"delete its scores.csv below {root} and run again"
