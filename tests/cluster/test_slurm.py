"""`snakemake --profile slurm` on a real Slurm, and what happens to its jobs there."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from slurm_project import RUN, SlurmProject, asked, full_disk, on_node, tries, without
from workflow_project import Project

TRIAL = """\
#!/bin/sh
test "$SLURMD_NODENAME" != {node} || {{ echo "CUDA error: device lost" >&2; exit 1; }}
"""


def test_a_time_limit_is_chained(project: SlurmProject, undisturbed: Project) -> None:
    training = project.began()
    # Slurm looks at limits every half minute; until then the training must not be done.
    training.freeze()
    asked("scontrol", "update", f"jobid={training.number}", "EndTime=now")
    training.ends_like(undisturbed)


def test_a_cancelled_job_is_told_and_tried_again(
    project: SlurmProject, undisturbed: Project
) -> None:
    training = project.began()
    assert "gres/gpu=1" in asked("sacct", "-nXPo", "AllocTRES", "-j", training.number)
    asked("scancel", training.number)
    said = training.ends_like(undisturbed)
    assert f"SLURM-job '{training.number}' failed, SLURM status is: 'CANCELLED'" in said
    # The end of its log, not its command.
    assert "    last lines of " in said and "CANCELLED AT" in said
    assert "train_lora.py --settings" not in said and "Traceback" not in said


def test_a_job_that_makes_way_for_another_comes_back(
    project: SlurmProject, undisturbed: Project
) -> None:
    training = project.began()
    words = ("--partition", "urgent", "--nodelist", training.node, "--exclusive", "--mem=0")
    urgent = asked("sbatch", "--parsable", "--output=/dev/null", *words, "--wrap=sleep 8")
    said = training.ends_like(undisturbed)
    assert asked("sacct", "-nXPo", "State", "-j", urgent) == "COMPLETED"
    states = asked("sacct", "-nXPDo", "State", "-j", training.number).split()
    assert states == ["PREEMPTED", "COMPLETED"] and "Error in rule" not in said


def test_a_broken_gpu_is_named_and_its_node_left_out(
    project: SlurmProject, undisturbed: Project, tmp_path: Path
) -> None:
    trial = tmp_path / "trial"
    trial.write_text(TRIAL.format(node="gpu1"))
    trial.chmod(0o755)
    process = project.start(MELABLATE_GPU_TRIAL=str(trial))
    said = project.end_of(process)
    assert "gpu1: its GPU does not work: CUDA error: device lost" in said
    # Once, for no job goes there again.
    assert said.count("Error in rule train_arm") == 1 and "gpu2:" not in said
    project.same_as(undisturbed)
    assert (project.root / "logs/broken-gpus/gpu1.txt").is_file()


def test_a_killed_snakemake_leaves_nothing_that_writes(
    project: SlurmProject, undisturbed: Project
) -> None:
    training = project.began()
    os.killpg(training.snakemake.pid, signal.SIGKILL)
    training.snakemake.wait()
    assert project.training() == training.number  # an orphan, still at work
    assert project.start("--unlock").wait() == 0
    said = project.end_of(project.start())
    assert f"{training.number} (train_arm long_0)" in said and "ended first" in said
    assert "resuming at step" in project.log()
    project.same_as(undisturbed)


@pytest.mark.slow
def test_snakemake_as_a_job_itself(project: SlurmProject, undisturbed: Project) -> None:
    """For sites that forbid it on login nodes; asked to stop before its time is up, then again."""
    first = project.as_a_job()
    project.until(project.training, "saved state")
    asked("scancel", "--batch", "--signal=INT", first)
    project.until(lambda: not project.jobs(), "empty queue")
    assert not project.trained() and "resuming" not in project.log()
    second = project.as_a_job()
    project.until(lambda: not project.jobs(), "empty queue")
    assert tries(second)[-1][1] == "COMPLETED", project.said
    assert "resuming at step" in project.log()
    project.same_as(undisturbed)


@pytest.mark.slow
def test_a_lost_node_is_left_for_another(project: SlurmProject, undisturbed: Project) -> None:
    training = project.began()
    node = training.node
    on_node("crash", node)
    try:
        training.ends_like(undisturbed)
    finally:
        on_node("start", node)
    first, *_, last = tries(training.number)
    assert first == (node, "NODE_FAIL") and last[0] != node and last[1] == "COMPLETED"


@pytest.mark.slow
def test_a_node_that_is_lost_but_lives_is_waited_for(
    project: SlurmProject, undisturbed: Project
) -> None:
    """Slurm runs its job a second time; what the first one makes is taken."""
    training = project.began()
    node = training.node
    on_node("orphan", node)

    def second() -> bool:
        """It is held up meanwhile, but for signs of life, so that it is still at work then."""
        training.freeze()
        time.sleep(5)
        training.thaw()
        time.sleep(0.3)
        return "is training this run already" in project.log()

    try:
        project.until(second, "a second job")
        project.end_of(training.snakemake)
    finally:
        on_node("start", node)
    assert "trained by the process that was waited for" in project.log()
    assert tries(training.number)[0] == (node, "NODE_FAIL")
    project.same_as(undisturbed)


@pytest.mark.slow
def test_out_of_memory_is_tried_with_more(project: SlurmProject, undisturbed: Project) -> None:
    said = project.end_of(project.start("--set-resources", "train_arm:mem_mb=300*attempt"))
    (first, *_) = re.findall(r"SLURM-job '(\d+)' failed, SLURM status is:", said)
    ends = asked("sacct", "-nPo", "State,ExitCode", "-j", first)
    assert "OUT_OF_MEMORY" in ends or "0:9" in ends, ends  # by cgroups, or by looking
    project.same_as(undisturbed)


@pytest.mark.slow
def test_a_controller_that_restarts_is_waited_for(
    project: SlurmProject, undisturbed: Project
) -> None:
    training = project.began()
    with without("slurmctld"):
        project.until(project.trained, "weights while Slurm is away")
    project.end_of(training.snakemake)
    project.same_as(undisturbed)


@pytest.mark.slow
def test_accounting_that_does_not_answer_is_waited_for(
    project: SlurmProject, undisturbed: Project
) -> None:
    """Also where its command, sacct, is what tells Snakemake of its jobs."""
    training = project.began("--slurm-status-command", "sacct")
    with without("slurmdbd"):
        project.until(project.trained, "weights while accounting is away")
    project.end_of(training.snakemake)
    project.same_as(undisturbed)


@pytest.mark.slow
def test_a_full_disk_is_told_and_gone_on_from(project: SlurmProject, undisturbed: Project) -> None:
    with full_disk(project.root / RUN):
        process = project.start()
        project.until(lambda: "Make room below" in project.said, "word of the disk")
    said = project.end_of(process)
    assert "No space left on device" in said and "Traceback" not in said
    project.same_as(undisturbed)
