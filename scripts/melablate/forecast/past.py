"""What became of a forecast: forecast and actual times and sizes, by stage."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .disk import on_disk
from .forecast import told
from .jobs import Job
from .records import Ran
from .table import aligned, duration, wall_in_words

HEAD = ("stage", "jobs", "forecast", "was", "error", "disk", "was", "error")


@dataclass
class Outcome:
    """Of one stage: sums over the jobs that were forecast and have since run."""

    stage: str
    jobs: int = 0
    seconds: float = 0.0
    was_seconds: float = 0.0
    bytes: int = 0
    was_bytes: int = 0


def outcome(
    kept: Mapping[str, Any], jobs: Sequence[Job], records: Mapping[str, Ran]
) -> dict[str, Any]:
    """Of a kept forecast; jobs that have not run since are left out, and counted."""
    stages: dict[str, Outcome] = {}
    spans, open_jobs = [], 0
    by_log = {job.log: job for job in jobs}
    for log, told_of in kept["jobs"].items():
        ran, job = records.get(log), by_log.get(log)
        if ran is None or job is None or ran.ended < kept["made"]:
            open_jobs += 1
            continue
        found = stages.setdefault(told_of["stage"], Outcome(told_of["stage"]))
        found.jobs += 1
        found.seconds += told_of["seconds"]
        found.was_seconds += ran.seconds
        found.bytes += told_of["bytes"]
        found.was_bytes += on_disk(job.outputs)
        spans.append((ran.ended - ran.seconds, ran.ended))
    wall = max(e for _, e in spans) - min(s for s, _ in spans) if spans else 0.0
    return {
        "stages": [vars(found) for found in stages.values()],
        "not_run": open_jobs,
        "wall_seconds": round(wall, 1),
        "busy": _busy(spans),
    }


def _busy(spans: Sequence[tuple[float, float]]) -> int:
    """Most jobs that ran at one time."""
    changes: dict[float, int] = defaultdict(int)
    for start, end in spans:
        changes[start] += 1
        changes[end] -= 1
    most = now = 0
    for moment in sorted(changes):
        now += changes[moment]
        most = max(most, now)
    return most


def outcome_in_words(kept: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """For a terminal."""
    stages = [Outcome(**stage) for stage in found["stages"]]
    if not stages:
        return ""
    total = Outcome("all")
    for stage in stages:
        for name in ("jobs", "seconds", "was_seconds", "bytes", "was_bytes"):
            setattr(total, name, getattr(total, name) + getattr(stage, name))
    lines = [f"What became of the last forecast of {kept['study']}", ""]
    lines += aligned([HEAD, *map(_row, [*stages, total])])
    took, busy = duration(found["wall_seconds"]), found["busy"]
    lines += ["", f"forecast {wall_in_words(kept['walls'][0])}"]
    lines.append(f"from the first start to the last end {took}, up to {busy} jobs at a time")
    if found["not_run"]:
        lines.append(f"{found['not_run']} jobs of it have not run yet, or left no time")
    return "\n".join(lines)


def _row(found: Outcome) -> tuple[str, ...]:
    return (
        found.stage,
        str(found.jobs),
        duration(found.seconds),
        duration(found.was_seconds),
        error(found.seconds, found.was_seconds),
        told(found.bytes),
        told(found.was_bytes),
        error(found.bytes, found.was_bytes),
    )


def error(forecast: float, was: float) -> str:
    """In percent of what it was; above 0 it was forecast too long."""
    return f"{100 * (forecast / was - 1):+.0f} %" if was else "–"
