"""What the page shows, read from the table, the prompts and the training runs."""

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .times import with_times
from .wording import blind, claim_outcome, gap


@dataclass(frozen=True)
class Figure:
    """One metric of one row: its level and, for what is compared, the effect and its verdict."""

    level: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    smallest: float | None = None
    """The smallest effect that the study would have shown."""
    blind: bool = False
    """Whether that is more than the whole way from the baseline to real audio."""
    p: float | None = None
    """After Holm's correction."""
    verdict: str = ""
    """In the table's words; empty where nothing is judged."""


@dataclass(frozen=True)
class Run:
    """One training: its seed, the loss by step, and what it recorded of itself."""

    seed: int
    steps: tuple[float, ...]
    losses: tuple[float, ...]
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    label: str
    kind: str
    """`fixed`, `baseline` or `arm`."""
    claim: str = "none"
    words: str = ""
    outcome: str = ""
    """What became of the claim, by the figure that it is about."""
    steps: int | None = None
    images_seen: int | None = None
    steps_before: int = 0
    """Of the arms that it started from."""
    time: Mapping[str, float | None] = field(default_factory=dict)
    """Of training, as a multiple of the baseline's: ratio, low, high."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()

    @property
    def seeded(self) -> bool:
        """Whether the row was made once with every seed."""
        return self.kind != "fixed" or self.name == "untuned-base"

    def figure(self, metric: str) -> Figure:
        """The figure of a metric, empty where it was not measured."""
        return self.figures.get(metric, Figure())


@dataclass(frozen=True)
class Prompt:
    """A prompt of the study."""

    prompt_id: str
    text: str
    clip_id: str


@dataclass(frozen=True)
class Page:
    """All that the page is made from, but for images and sounds."""

    study: str
    seeds: tuple[int, ...]
    primary: str
    confidence: float
    table: Mapping[str, Any]
    """The table as it was written."""
    rows: tuple[Row, ...]
    prompts: tuple[Prompt, ...]

    def seeds_of(self, row: Row) -> tuple[int, ...]:
        """The seeds that a row was made with; what draws nothing was made once, as seed 0."""
        return self.seeds if row.seeded else (0,)


def read_page(table: Path, prompts: Path, arms: Path) -> Page:
    """Read everything; `arms` holds a folder a row with a folder `seed-<n>` a seed."""
    found = with_times(json.loads(table.read_text(encoding="utf-8")), arms)
    ways = {metric["name"]: gap(found, metric["name"]) for metric in found["metrics"]}
    seeds = tuple(found["seeds"])
    return Page(
        study=found["study"],
        seeds=seeds,
        primary=found["primary"],
        confidence=found["confidence"],
        table=found,
        rows=tuple(_row(entry, arms, seeds, ways) for entry in found["rows"]),
        prompts=_prompts(prompts),
    )


def flatten(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{train: {rank: 4}}` → `{"train.rank": 4}`."""
    flat: dict[str, Any] = {}
    for key, value in changes.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _row(
    entry: Mapping[str, Any],
    arms: Path,
    seeds: tuple[int, ...],
    ways: Mapping[str, float | None],
) -> Row:
    training = entry["training"]
    return Row(
        name=entry["name"],
        label=entry["label"],
        kind=entry["kind"],
        claim=entry["claim"]["verdict"],
        words=entry["claim"]["words"],
        outcome=claim_outcome(entry),
        **{key: training[key] for key in ("steps", "images_seen", "steps_before") if training},
        time=entry["time"] or {},
        changes=flatten(entry["changes"]),
        figures={name: _figure(value, ways[name]) for name, value in entry["metrics"].items()},
        runs=tuple(run for seed in seeds if (run := _run(arms / entry["name"], seed))),
    )


def _figure(entry: Mapping[str, Any], way: float | None) -> Figure:
    return Figure(
        level=entry["level"],
        effect=entry["effect"],
        low=entry["low"],
        high=entry["high"],
        smallest=entry["smallest_effect"],
        blind=blind(entry, way),
        p=entry["p_holm"],
        verdict=entry["verdict"],
    )


def _run(folder: Path, seed: int) -> Run | None:
    log = folder / f"seed-{seed}" / "train.csv"
    if not log.is_file():
        return None
    with log.open(newline="", encoding="utf-8") as file:
        points = [(_number(line["step"]), _number(line["loss"])) for line in csv.DictReader(file)]
    kept = [(step, loss) for step, loss in points if step is not None and loss is not None]
    record = log.with_suffix(".json")
    return Run(
        seed,
        tuple(step for step, _ in kept),
        tuple(loss for _, loss in kept),
        json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {},
    )


def _prompts(path: Path) -> tuple[Prompt, ...]:
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            Prompt(line["prompt_id"], line["prompt"], line["clip_id"])
            for line in csv.DictReader(file)
        )


def _number(text: str) -> float | None:
    """A finite number, or None: a log may end in the loss that stopped the run."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
