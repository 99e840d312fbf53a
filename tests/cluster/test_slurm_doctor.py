"""`snakemake --profile slurm doctor` on a real Slurm: a sound profile, and wrong ones."""

import subprocess

from slurm_project import SlurmProject

PROFILE = "profiles/slurm/config.yaml"


def doctor(project: SlurmProject, code: int) -> str:
    command = [project.command()[0], "doctor", "--profile", "slurm", "--configfile", project.config]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment(), capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_a_sound_profile(project: SlurmProject) -> None:
    said = doctor(project, 0)
    assert "account lab" in said and "Slurm would take a job of every rule" in said
    assert "partition gpu: enough for the embedded base" in said
    assert not project.jobs()  # nothing was submitted


def test_a_wrong_account_and_a_wrong_partition(project: SlurmProject) -> None:
    project.edit(PROFILE, "slurm_account: lab", "slurm_account: nobody")
    said = doctor(project, 1)
    assert "FAIL account nobody: not one of yours" in said and "slurm_account: " in said
    project.edit(PROFILE, "slurm_account: nobody", "slurm_account: lab")
    project.edit(
        "profiles/slurm/config.yaml", "  # slurm_partition: cpu", "  slurm_partition: cpus"
    )
    said = doctor(project, 1)
    assert "FAIL partition cpus" in said and "not there; known: cpu, short, gpu" in said


def test_requests_beyond_a_partition(project: SlurmProject) -> None:
    project.edit(
        "profiles/slurm/config.yaml", "  # slurm_partition: cpu", "  slurm_partition: short"
    )
    said = doctor(project, 1)
    assert "train_arm: run time of 720 min, partition short has 5" in said
