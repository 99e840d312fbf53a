"""A forecast in words: an aligned table, wall times, and what they rest on."""

from collections.abc import Mapping, Sequence
from typing import Any

from .forecast import Forecast, Line, told

HEAD = ("stage", "done", "to do", "time of jobs", "GPU time", "disk", "rests on")


def in_words(forecast: Forecast) -> str:
    """For a terminal."""
    rows = [_row(line) for line in forecast.lines]
    total = Line("all")
    for line in forecast.lines:
        total.done += line.done
        total.to_do += line.to_do
        total.seconds += line.seconds
        total.gpu_seconds += line.gpu_seconds
        total.bytes += line.bytes
    parts = [f"Forecast of {forecast.study}", "", *aligned([HEAD, *rows, _row(total)])]
    if not total.to_do:
        return "\n".join([*parts, "", "Nothing is to do."])
    parts += ["", *(wall_in_words(wall) for wall in forecast.walls), ""]
    return "\n".join([*parts, *(f"  - {said}" for said in forecast.assumptions)])


def _row(line: Line) -> tuple[str, ...]:
    basis = ", ".join(sorted(line.basis, key=lambda name: -line.basis[name]))
    if not line.to_do:
        return (line.stage, str(line.done), "0", "", "", "", "")
    gpu = duration(line.gpu_seconds) if line.gpu_seconds else "–"
    times = (duration(line.seconds), gpu, told(line.bytes))
    return (line.stage, str(line.done), str(line.to_do), *times, basis)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ends = len(widths) - 1
    return [
        "  ".join(
            word.ljust(width) if place in (0, ends) else word.rjust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def wall_in_words(wall: Mapping[str, Any]) -> str:
    """How long with what."""
    gpus, cores, jobs = wall["gpus"], wall["cores"], wall["jobs"]
    having = [] if gpus is None else [f"{gpus} GPU{'s' * (gpus != 1)}"]
    having += [] if cores is None else [f"{cores} core{'s' * (cores != 1)}"]
    having += [] if jobs is None else [f"{jobs} jobs at a time"]
    if gpus is None:
        having.append("as many GPUs as jobs ask for" if cores is None else "GPUs not counted")
    return f"with {', '.join(having)}: {duration(wall['seconds'])}"


def duration(seconds: float) -> str:
    """Two of days, hours, minutes, seconds."""
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min" if minutes > 9 else f"{seconds / 60:.1f} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24:02d} h"
