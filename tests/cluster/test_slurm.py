"""`snakemake --profile slurm` on a real Slurm, and the faults that clusters have."""

import os
import signal
import subprocess

from slurm_project import SlurmProject, on_node
from workflow_project import Project


def scontrol(*words: str) -> None:
    subprocess.run(["scontrol", *words], check=True, capture_output=True)


def node_of(number: str) -> str:
    listed = subprocess.run(
        ["squeue", "--noheader", "--format", "%N", "--jobs", number],
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.strip()


def test_a_time_limit_is_chained(project: SlurmProject, undisturbed: Project) -> None:
    process = project.start()
    number = project.until(lambda: project.training(0), "saved state")
    scontrol("update", f"jobid={number}", "EndTime=now")
    project.end_of(process)
    assert "resuming at step" in project.log()
    project.same_as(undisturbed)


def test_a_cancelled_job_is_told_and_tried_again(
    project: SlurmProject, undisturbed: Project
) -> None:
    process = project.start()
    number = project.until(lambda: project.training(0), "saved state")
    subprocess.run(["scancel", number], check=True)
    said = project.end_of(process)
    assert f"SLURM-job '{number}' failed, SLURM status is: 'CANCELLED'" in said
    assert "resuming at step" in project.log()
    project.same_as(undisturbed)


def test_a_lost_node_is_left_for_another(project: SlurmProject, undisturbed: Project) -> None:
    process = project.start()
    number = project.until(lambda: project.training(0), "saved state")
    node = node_of(number)
    on_node("crash", node)
    try:
        project.end_of(process)
    finally:
        on_node("start", node)
    assert "resuming at step" in project.log()
    project.same_as(undisturbed)


def test_out_of_memory_is_tried_with_more(project: SlurmProject, undisturbed: Project) -> None:
    process = project.start("--set-resources", "train_arm:mem_mb=300*attempt")
    said = project.end_of(process)
    assert "failed, SLURM status is:" in said
    project.same_as(undisturbed)


def test_a_killed_snakemake_leaves_nothing_that_writes(
    project: SlurmProject, undisturbed: Project
) -> None:
    first = project.start()
    number = project.until(lambda: project.training(0), "saved state")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert project.training(0) == number  # an orphan, still at work
    assert project.start("--unlock").wait() == 0
    said = project.end_of(project.start())
    assert f"{number} (train_arm long_0)" in said and "ended first" in said
    assert "resuming at step" in project.log()
    project.same_as(undisturbed)
