"""What jobs took: Snakemake's own records of finished jobs, and the times beside their logs.

Snakemake notes when a job started and ended, but not on a cluster, where the two are one moment:
there the `benchmark:` of a rule tells it, a file beside the job's log, and trainings their records.
"""

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .jobs import Command, rule_of

LEAST = 0.05
"""Seconds between start and end, below which Snakemake did not see the job run."""


@dataclass(frozen=True)
class Ran:
    """One finished job; of each log the last."""

    command: Command
    log: str
    seconds: float
    ended: float


def read_records(folder: Path = Path(".snakemake/metadata")) -> dict[str, Ran]:
    """By log; a file that cannot be read is passed over."""
    found: dict[str, Ran] = {}
    for path in _files(folder):
        for ran in _read(path):
            if ran.log not in found or ran.ended > found[ran.log].ended:
                found[ran.log] = ran
    return found


def times_beside(log: str) -> Path:
    """Where a rule's `benchmark:` writes."""
    return Path(log).with_suffix(".tsv")


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place, name)


def _read(path: Path) -> Iterator[Ran]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        (log, *_), ended = record["log"], float(record["endtime"])
        command = Command(rule_of(record["rule"]), record["shellcmd"])
        seconds = _beside(log) or _told(command) or ended - float(record["starttime"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if seconds > LEAST:
        yield Ran(command, log, seconds, ended)


def _told(command: Command) -> float | None:
    """A training's record, which knows the time of tries before the last, too."""
    if command.rule != "train_arm":
        return None
    try:
        text = Path(command.path("out")).with_suffix(".json").read_text(encoding="utf-8")
        record = json.loads(text)
        return max(float(record["job_seconds"]), float(record["loop_seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _beside(log: str) -> float | None:
    """Of the last run of the job."""
    try:
        with times_beside(log).open(encoding="utf-8", newline="") as file:
            return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    except (OSError, ValueError, KeyError, StopIteration):
        return None
