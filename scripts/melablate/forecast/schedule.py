"""How long jobs take side by side: Snakemake's way, a job that fits starts as soon as it may."""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .jobs import Job


@dataclass(frozen=True)
class Slots:
    """What there is; none: no limit."""

    gpus: int | None = None
    cores: int | None = None
    jobs: int | None = None


Shape = tuple[int, int, int]
"""Priority (negative), GPUs, threads: jobs of one shape wait in one queue."""


class _Free:
    """What is not taken."""

    def __init__(self, slots: Slots) -> None:
        self.slots, self.gpus, self.cores, self.jobs = slots, 0, 0, 0

    def size(self, job: Job) -> tuple[int, int]:
        """A job that wants more than there is gets all of it, as Snakemake has it with threads."""
        gpus = job.gpus if self.slots.gpus is None else min(job.gpus, self.slots.gpus)
        cores = job.threads if self.slots.cores is None else min(job.threads, self.slots.cores)
        return gpus, cores

    def fits(self, gpus: int, cores: int) -> bool:
        wanted = (
            (self.gpus + gpus, self.slots.gpus),
            (self.cores + cores, self.slots.cores),
            (self.jobs + 1, self.slots.jobs),
        )
        return all(limit is None or taken <= limit for taken, limit in wanted)

    def take(self, gpus: int, cores: int, sign: int = 1) -> None:
        self.gpus += sign * gpus
        self.cores += sign * cores
        self.jobs += sign


def wall_time(jobs: Sequence[Job], seconds: Sequence[float], slots: Slots) -> float:
    """From the first job's start to the last one's end; jobs that are done take no time.

    List scheduling over the true graph: among those that may start and fit, the highest priority
    first, then the one that has waited longest. Never longer than twice the best there is, where
    every job takes one slot (Graham 1966).
    """
    waits = [sum(not jobs[need].done for need in job.needs) for job in jobs]
    leads = _leads(jobs)
    free, queues = _Free(slots), {}  # type: tuple[_Free, dict[Shape, deque[tuple[int, int]]]]
    running: list[tuple[float, int]] = []
    now, turn = 0.0, 0

    def ready(number: int) -> None:
        nonlocal turn
        shape = (-jobs[number].priority, *free.size(jobs[number]))
        queues.setdefault(shape, deque()).append((turn, number))
        turn += 1

    def start() -> None:
        while True:
            shape = _next(queues, free)
            if shape is None:
                return
            number = queues[shape].popleft()[1]
            free.take(*shape[1:])
            heapq.heappush(running, (now + seconds[number], number))

    for number, job in enumerate(jobs):
        if not job.done and not waits[number]:
            ready(number)
    start()
    while running:
        now, number = heapq.heappop(running)
        ended = [number]
        while running and running[0][0] == now:
            ended.append(heapq.heappop(running)[1])
        for number in ended:
            free.take(*free.size(jobs[number]), sign=-1)
            for lead in leads[number]:
                waits[lead] -= 1
                if not waits[lead] and not jobs[lead].done:
                    ready(lead)
        start()
    return now


def _next(queues: dict[Shape, deque[tuple[int, int]]], free: _Free) -> Shape | None:
    """The shape of the job that starts now."""
    fitting = [
        (shape[0], queue[0][0], shape)
        for shape, queue in queues.items()
        if queue and free.fits(*shape[1:])
    ]
    return min(fitting)[2] if fitting else None


def _leads(jobs: Sequence[Job]) -> list[list[int]]:
    """Of each job those that need it."""
    leads: list[list[int]] = [[] for _ in jobs]
    for number, job in enumerate(jobs):
        for need in job.needs:
            leads[need].append(number)
    return leads
