"""The forecast of a study: jobs, GPU-hours, wall time, disk, and what each line rests on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..plan import Plan
from .costs import Costs
from .counts import Counts
from .disk import Sizes, corrections
from .gpus import Gpu
from .jobs import STAGES, Job
from .measured import Guess, Measured
from .records import Ran
from .schedule import Slots, wall_time
from .trainings import Trained

GPU_COUNTS = (1, 2, 4, 8, 16, 32, 64)


@dataclass
class Line:
    """One stage."""

    stage: str
    done: int = 0
    to_do: int = 0
    seconds: float = 0.0
    """Of all its jobs, one after the other."""
    gpu_seconds: float = 0.0
    bytes: int = 0
    basis: dict[str, int] = field(default_factory=dict)
    """Jobs by what their time rests on."""
    disk_basis: str = "formula"


@dataclass
class Forecast:
    """What is kept, too."""

    study: str
    made: float
    lines: list[Line]
    walls: list[dict[str, Any]]
    """Seconds with so many GPUs and cores; none: no limit."""
    jobs: dict[str, dict[str, Any]]
    """Jobs to do, by log: their stage, seconds and bytes."""
    assumptions: list[str]

    def as_json(self) -> dict[str, Any]:
        """For the file."""
        return asdict(self)


def make_forecast(
    plan: Plan,
    jobs: Sequence[Job],
    records: Mapping[str, Ran],
    trained: Sequence[Trained],
    gpu: Gpu,
    slots: Slots,
) -> Forecast:
    """From the jobs that would run now."""
    measured = Measured(Costs(Counts(plan), gpu), records.values(), trained)
    sizes = Sizes(plan)
    corrected = corrections(jobs, sizes)
    guesses = [Guess(0.0, "measured") if job.done else measured.guess(job.said) for job in jobs]
    lines: dict[str, Line] = {stage: Line(stage) for stage in STAGES.values()}
    kept: dict[str, dict[str, Any]] = {}
    for job, guess in zip(jobs, guesses, strict=True):
        line = lines.setdefault(job.stage, Line(job.stage))
        if job.done:
            line.done += 1
            continue
        size = round(sizes.of(job.rule, job.wildcards) * corrected.get(job.rule, 1.0))
        line.to_do += 1
        line.seconds += guess.seconds
        line.gpu_seconds += job.gpus * guess.seconds
        line.bytes += size
        line.basis[guess.basis] = line.basis.get(guess.basis, 0) + 1
        if job.rule in corrected:
            line.disk_basis = "measured"
        kept[job.log] = {"stage": job.stage, "seconds": round(guess.seconds, 2), "bytes": size}
    return Forecast(
        study=plan.study.study,
        made=time.time(),
        lines=[line for line in lines.values() if line.done or line.to_do],
        walls=walls(jobs, [guess.seconds for guess in guesses], slots),
        jobs=kept,
        assumptions=assumptions(jobs, guesses, measured, gpu, sizes),
    )


def walls(jobs: Sequence[Job], seconds: Sequence[float], slots: Slots) -> list[dict[str, Any]]:
    """Wall times by number of GPUs: those asked for, else as many as can be of use."""
    wanted = max((job.gpus for job in jobs if not job.done), default=0)

    def with_gpus(count: int | None) -> dict[str, Any]:
        taken = Slots(count, slots.cores, slots.jobs)
        return {**asdict(taken), "seconds": round(wall_time(jobs, seconds, taken), 1)}

    found = [with_gpus(slots.gpus)]
    if slots.gpus is None and wanted:
        for count in dict.fromkeys(max(count, wanted) for count in GPU_COUNTS):
            found.append(with_gpus(count))
            if found[-1]["seconds"] < 1.02 * found[0]["seconds"]:
                break  # more would be of no use
    return found


def assumptions(
    jobs: Sequence[Job],
    guesses: Sequence[Guess],
    measured: Measured,
    gpu: Gpu,
    sizes: Sizes,
) -> list[str]:
    """What a reader must know to judge it."""
    to_do = [(job, guess) for job, guess in zip(jobs, guesses, strict=True) if not job.done]
    bases = {guess.basis for _, guess in to_do}
    said = []
    if "built-in" in bases:
        families = {measured.family(job.said) for job, g in to_do if g.basis == "built-in"}
        if families & {"sd15", "sdxl"}:
            said.append(
                f"built-in times of SD 1.5 and SDXL are of an {gpu.name}, from diffusers' published"
                " figures; expect a factor of two either way until a first training is measured"
            )
        said.append(
            f"{'other ' if said else ''}built-in times are of two cores of an AMD EPYC "
            "(benchmarks/demo_full_times.md)"
        )
    said += [f"trainings of {f} were measured on {d}" for f, d in measured.devices().items()]
    unknown = {job.rule for job, guess in to_do if guess.basis == "unknown"}
    if unknown:
        said.append(f"a minute each was taken for {', '.join(sorted(unknown))}, not known here")
    rows = {job.wildcards["row"] for job, _ in to_do if job.rule == "train_arm"}
    if rows:
        state = max(sizes.state(row) for row in rows)
        said.append(f"beside it, while it runs, a training keeps a state of up to {told(state)}")
    counted = [sizes.counts.clips(images) for images in sizes.plan.spectrograms]
    if any(clips and not clips.known for clips in counted):
        said.append("clips are not made yet: their number is what the config lets expect")
    return [*said, "no waiting in a queue, no second tries, no downloads"]


def told(size: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
