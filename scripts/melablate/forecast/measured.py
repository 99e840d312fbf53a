"""Seconds of a job to come, from jobs that are done: of its like, or scaled from its kin."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pydantic import ValidationError

from ..training.settings import Train
from .costs import Cost, Costs
from .jobs import Command
from .records import Ran
from .trainings import Trained

Basis = Literal["measured", "scaled", "built-in", "unknown"]
UNKNOWN = 60.0
"""Seconds of a job that no table knows: one of another workflow's, around this one."""
ALIKE = 0.01
"""Work that differs by less is the same."""


@dataclass(frozen=True)
class Guess:
    """Seconds, and what they rest on."""

    seconds: float
    basis: Basis


class Measured:
    """What was seen, by kind of job."""

    def __init__(self, costs: Costs, records: Iterable[Ran], trained: Sequence[Trained]) -> None:
        self.costs = costs
        self.seen: dict[tuple[str, str], list[tuple[Cost, Ran]]] = defaultdict(list)
        for ran in records:
            cost = costs.of_past(ran.command)
            if cost and ran.command.rule != "train_arm":
                self.seen[ran.command.script, cost.family].append((cost, ran))
        self.trained: dict[str, list[Trained]] = defaultdict(list)
        for run in trained:
            newest = self.trained[run.family][:1]  # one kind of device: the one that was used last
            if not newest or newest[0].device == run.device:
                self.trained[run.family].append(run)

    def guess(self, command: Command) -> Guess:
        """For one job."""
        cost = self.costs.of(command)
        if cost is None:
            return Guess(UNKNOWN, "unknown")
        if command.rule == "train_arm":
            return self._training(command, cost)
        seen = self.seen.get((command.script, cost.family), [])
        like = [ran.seconds for known, ran in seen if _alike(known, cost, ran.command, command)]
        if like:
            return Guess(median(like), "measured")
        if seen:
            return Guess(scaled(cost, [(known, ran.seconds) for known, ran in seen]), "scaled")
        return Guess(cost.seconds, "built-in")

    def family(self, command: Command) -> str:
        """The base that a job's time depends on, if any."""
        cost = self.costs.of(command)
        return cost.family if cost else ""

    def devices(self) -> dict[str, str]:
        """On which device each family was trained."""
        return {family: runs[0].device for family, runs in self.trained.items() if runs}

    def _training(self, command: Command, cost: Cost) -> Guess:
        runs = self.trained.get(cost.family, [])
        if not runs:
            return Guess(cost.seconds, "built-in")
        starts = [run.start for run in runs if run.start is not None]
        start = median(starts) if starts else cost.start
        try:
            train = Train.model_validate(command.settings)
        except ValidationError:
            return Guess(cost.seconds, "built-in")
        like = [run for run in runs if run.settings == train and _near(run.built_in, cost.work)]
        ratio = median(run.ratio for run in like or runs)
        return Guess(start + ratio * cost.work, "measured" if like else "scaled")


def scaled(cost: Cost, seen: Sequence[tuple[Cost, float]]) -> float:
    """From jobs of other amounts of work.

    Where these differ enough, a line through them: a start, and seconds per work. Else the
    built-in figures, all too small or too large by one factor.
    """
    by_work: dict[float, list[float]] = defaultdict(list)
    for known, seconds in seen:
        by_work[round(known.work, 6)].append(seconds)
    points = [(work, median(times)) for work, times in sorted(by_work.items())]
    if len(points) > 1 and points[-1][0] > 1.5 * points[0][0]:
        start, slope = _line(points)
        if start >= 0 and slope >= 0:
            return start + slope * cost.work
    return cost.seconds * median(seconds / known.seconds for known, seconds in seen)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares: start and slope."""
    mean = [sum(values) / len(points) for values in zip(*points, strict=True)]
    above = sum((x - mean[0]) * (y - mean[1]) for x, y in points)
    slope = above / sum((x - mean[0]) ** 2 for x, _ in points)
    return mean[1] - slope * mean[0], slope


def _alike(known: Cost, cost: Cost, before: Command, now: Command) -> bool:
    same = before.path("settings") == now.path("settings")
    return same and _near(known.work, cost.work) and _near(known.start, cost.start)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= ALIKE * max(one, other)
