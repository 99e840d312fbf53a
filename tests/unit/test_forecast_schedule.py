"""Wall time of jobs side by side, against bounds, formulas and a clock that ticks."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from melablate.forecast.jobs import Job
from melablate.forecast.schedule import Slots, wall_time


def chain(*needs: tuple[int, ...], gpus: int = 1, **more: int) -> list[Job]:
    return [Job("train_arm", needs=need, gpus=gpus, **more) for need in needs]


def critical_path(jobs: list[Job], seconds: list[int]) -> float:
    """Of the longest chain: no number of machines is faster."""

    def end(number: int) -> float:
        before = max(map(end, jobs[number].needs), default=0.0)
        return before + (0.0 if jobs[number].done else seconds[number])

    return max(map(end, range(len(jobs))), default=0.0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Job], list[int]]:
    """Jobs that need earlier ones, with whole seconds."""
    count = draw(st.integers(1, 12))
    jobs = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        jobs.append(
            Job(
                "train_arm",
                needs=tuple(sorted(needs)),
                gpus=draw(st.integers(0, 2)),
                threads=draw(st.integers(1, 3)),
                priority=draw(st.integers(0, 1)),
                done=draw(st.booleans()) and all(jobs[need].done for need in needs),
            )
        )
    return jobs, draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))


def ticking(jobs: list[Job], seconds: list[int], slots: Slots) -> int:
    """The same rules by another way: look at every job, every second."""
    left = {n: seconds[n] for n, job in enumerate(jobs) if not job.done}
    since: dict[int, tuple[int, int, int]] = {}
    running: set[int] = set()
    now = turn = 0
    waiting_before: set[int] = set()

    def taken(name: str, limit: int | None) -> int:
        sizes = [getattr(jobs[n], name) for n in running]
        return sum(size if limit is None else min(size, limit) for size in sizes)

    def room(number: int) -> bool:
        for name, limit in (("gpus", slots.gpus), ("threads", slots.cores)):
            if limit is not None:
                wanted = min(getattr(jobs[number], name), limit)
                if taken(name, limit) + wanted > limit:
                    return False
        return slots.jobs is None or len(running) < slots.jobs

    while left:
        for number in sorted(left.keys() - waiting_before):
            if not any(need in left for need in jobs[number].needs):
                since[number] = (-jobs[number].priority, now, turn)
                waiting_before.add(number)
                turn += 1
        for number in sorted(waiting_before - running, key=lambda n: since[n]):
            if number in left and room(number):
                running.add(number)
        now += 1
        for number in list(running):
            left[number] -= 1
            if not left[number]:
                del left[number]
                running.discard(number)
    return now


@settings(max_examples=200, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(1, 4))
def test_between_the_bounds(graph: tuple[list[Job], list[int]], gpus: int, cores: int) -> None:
    jobs, seconds = graph
    slots = Slots(gpus=gpus, cores=cores)
    found = wall_time(jobs, seconds, slots)
    to_do = [(job, length) for job, length in zip(jobs, seconds, strict=True) if not job.done]
    work = {
        "gpus": sum(min(job.gpus, gpus) * length for job, length in to_do) / gpus,
        "cores": sum(min(job.threads, cores) * length for job, length in to_do) / cores,
    }
    longest = critical_path(jobs, seconds)
    assert max(longest, *work.values()) <= found + 1e-9
    assert found <= sum(length for _, length in to_do)
    # Nothing waits for a job that may run: without limits, only for what it needs.
    assert wall_time(jobs, seconds, Slots()) == longest


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(1, 3))
def test_one_slot_a_job_is_never_twice_the_best(
    graph: tuple[list[Job], list[int]], slots: int
) -> None:
    """Graham 1966: at most (2 − 1/m) times the best, which is at least the two bounds."""
    jobs, seconds = graph
    lengths = [0 if job.done else length for job, length in zip(jobs, seconds, strict=True)]
    best = max(critical_path(jobs, seconds), math.ceil(sum(lengths) / slots))
    bound = critical_path(jobs, seconds) + sum(lengths) / slots
    found = wall_time(jobs, seconds, Slots(jobs=slots))
    assert best <= found <= bound


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(1, 3), st.integers(1, 3))
def test_as_a_clock_that_ticks(graph: tuple[list[Job], list[int]], gpus: int, cores: int) -> None:
    jobs, seconds = graph
    slots = Slots(gpus=gpus, cores=cores)
    got, expected = wall_time(jobs, seconds, slots), ticking(jobs, seconds, slots)
    # Ties of one moment may be taken in another order; the length of one job at most.
    assert abs(got - expected) <= max(seconds)


@pytest.mark.parametrize(("gpus", "hours"), [(1, 72), (2, 36), (4, 18), (5, 15), (72, 1), (99, 1)])
def test_equal_trainings_on_so_many_gpus(gpus: int, hours: int) -> None:
    jobs = chain(*[()] * 72)
    assert wall_time(jobs, [1.0] * 72, Slots(gpus)) == hours == math.ceil(72 / min(gpus, 72))


def test_a_chain_gains_nothing_and_a_fan_does() -> None:
    assert wall_time(chain((), (0,), (1,)), [3, 4, 5], Slots(8)) == 12
    fan = chain((), (0,), (0,), (0,), (1, 2, 3))
    assert wall_time(fan, [1, 2, 2, 2, 1], Slots(1)) == 8
    assert wall_time(fan, [1, 2, 2, 2, 1], Slots(2)) == 6
    assert wall_time(fan, [1, 2, 2, 2, 1], Slots(3)) == 4


def test_jobs_without_a_gpu_run_beside_those_with_one() -> None:
    jobs = [*chain((), ()), Job("scan_corpus"), Job("scan_corpus")]
    assert wall_time(jobs, [5, 5, 4, 4], Slots(gpus=1)) == 10
    assert wall_time(jobs, [5, 5, 4, 4], Slots(gpus=1, cores=1)) == 18


def test_the_first_in_line_waits_for_room_while_a_smaller_one_passes() -> None:
    jobs = [Job("train_arm", gpus=1), Job("train_arm", gpus=2), Job("train_arm", gpus=1)]
    assert wall_time(jobs, [4, 3, 4], Slots(gpus=2)) == 7


def test_a_higher_priority_goes_first() -> None:
    jobs = [Job("a", needs=(), priority=0), Job("b", priority=9), Job("c", needs=(1,))]
    assert wall_time(jobs, [10, 1, 10], Slots(jobs=2)) == 11
    last = [Job("a"), Job("b", priority=0), Job("c", needs=(1,))]
    assert wall_time(last, [10, 1, 10], Slots(jobs=1)) == 21


def test_what_is_done_takes_no_time_and_holds_nobody_up() -> None:
    jobs = [Job("a", done=True), Job("b", needs=(0,)), Job("c", needs=(1,), done=False)]
    assert wall_time(jobs, [100, 2, 3], Slots(1)) == 5 == critical_path(jobs, [100, 2, 3])
    assert wall_time([Job("a", done=True)], [100], Slots(1)) == 0


def test_a_training_on_more_gpus_than_there_are() -> None:
    assert wall_time(chain((), gpus=4), [6], Slots(gpus=2)) == 6
