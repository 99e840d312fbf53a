"""What is shown of a job that failed."""

import logging
from pathlib import Path
from typing import Any

import pytest
from melablate.cluster.failures import LINES, Failures


def record(**more: Any) -> logging.LogRecord:
    """As Snakemake logs one."""
    fields = {
        "event": "job_error",
        "rule_name": "train_arm",
        "rule_msg": None,
        "jobid": 3,
        "input": ["a", "b"],
        "output": ["results/train.safetensors"],
        "log": [],
        "shellcmd": "python train_lora.py --settings '{…}'",
        "aux": {"external_jobid": "12"},
    }
    return logging.makeLogRecord(fields | more)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "seed-0.log"
    lines = [f"step {number}" for number in range(100)]
    path.write_text("\n".join([*lines, "the loss became nan at step 7. Lower lr"]) + "\n\n")
    return path


@pytest.fixture
def slurm_log(tmp_path: Path) -> Path:
    path = tmp_path / "12.log"
    said = "slurmstepd: error: *** JOB 12 ON gpu1 CANCELLED DUE TO TIME LIMIT ***"
    path.write_text(f"host: gpu1\nBuilding DAG of jobs...\n{said}\nExiting\n")
    return path


def test_the_end_of_the_log_and_its_path_are_shown(log: Path) -> None:
    said, failures = record(log=[str(log)]), Failures(whole=False)
    assert failures.filter(said)
    shown = vars(said)["rule_msg"]
    assert shown.count("\n") == 1 + LINES and shown.endswith("Lower lr")
    assert f"last lines of {log}:" in shown and "step 98" in shown and "step 50" not in shown
    assert vars(said)["shellcmd"] is None and vars(said)["input"] == []


def test_of_slurms_own_log_only_what_slurm_says(log: Path, slurm_log: Path) -> None:
    said = record(log=[str(log), str(slurm_log)])
    Failures(whole=False).filter(said)
    shown = vars(said)["rule_msg"]
    assert "DUE TO TIME LIMIT" in shown and "Building DAG" not in shown and "Lower lr" in shown


def test_without_a_log_of_the_program_slurms_log_speaks(tmp_path: Path) -> None:
    lines = ["Building DAG", "Reason: Forced execution", "python: not found"]
    lines += ["Error in rule train_arm:", "    jobid: 0"]
    (tmp_path / "12.log").write_text("\n".join([*lines, "srun: error: gpu1: task 0: Exited"]))
    said = record(log=[str(tmp_path / "none.log"), str(tmp_path / "12.log")])
    Failures(whole=False).filter(said)
    shown = vars(said)["rule_msg"]
    assert "python: not found" in shown and "task 0" in shown
    assert "jobid" not in shown and "DAG" not in shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "SLURM-job '12' failed, SLURM status is: 'FAILED'. Detailed failure reason unavailable "
            "(status command is not 'sacct').For further error details see the cluster/cloud log "
            "and the log files of the involved rule(s).",
            "SLURM-job '12' failed, SLURM status is: 'FAILED'.",
        ),
        (
            "SLURM sbatch failed. The error message was 'sbatch: error: invalid account'.\n"
            "    sbatch call:\n        sbatch --parsable …\nFor further error details see the "
            "cluster/cloud log and the log files of the involved rule(s).",
            "SLURM sbatch failed. The error message was 'sbatch: error: invalid account'.",
        ),
    ],
)
def test_the_executors_commands_are_left_out(said: str, shown: str) -> None:
    shortened = record(rule_msg=said)
    Failures(whole=False).filter(shortened)
    assert vars(shortened)["rule_msg"] == shown


def test_whole_logs_are_not_shown_twice(log: Path) -> None:
    said = record(log=[str(log)])
    Failures(whole=True).filter(said)
    assert "Lower lr" not in vars(said)["rule_msg"]


def test_the_end_of_a_run_tells_what_failed_for_good(log: Path, tmp_path: Path) -> None:
    called = []
    failures = Failures(whole=False, on_failure=lambda: called.append(1))
    made = tmp_path / "made"
    for job, output in ((3, tmp_path / "lacking"), (3, tmp_path / "lacking"), (4, made)):
        failures.filter(record(jobid=job, output=[str(output)], log=[str(log)]))
    failures.filter(logging.makeLogRecord({"event": "job_finished"}))
    assert len(called) == 3
    made.touch()  # at a later try
    lines = failures.summary().splitlines()
    assert len(lines) == 2 and "train_arm" in lines[1] and "Lower lr" in lines[1]
    assert str(log) in lines[1]
    assert not Failures(whole=False).summary()


def test_the_command_that_failed_is_not_told_again() -> None:
    said = "RuleException:\nCalledProcessError in file train.smk: Command 'set …' returned 1"
    again = logging.makeLogRecord({"exception": "RuleException", "msg": said})
    other = logging.makeLogRecord({"exception": "RuleException", "msg": "NameError in file …"})
    failures = Failures(whole=False)
    assert not failures.filter(again) and failures.filter(other)
