"""What a job of a cluster makes of the workflow, which it reads anew."""

from workflow_project import ARMS, Project

SCRIPTS = {"train_arm": "train_lora.py", "generate_samples": "generate_samples.py"}


def commands(project: Project, *words: str) -> dict[str, str]:
    """The commands of a dry run by the name of the script."""
    said = project.run(*words, "--dry-run", "--printshellcmds").said
    lines = [line.strip() for line in said.splitlines() if "MELABLATE_SCRIPTS" in line]
    return {name: line for name in SCRIPTS.values() for line in lines if f"/{name} " in line}


def test_a_job_reads_its_own_arm_alone_and_runs_the_same_command(project: Project) -> None:
    """As `snakemake` starts itself in a job: with the mode and the job that it is for."""
    run = "results/tiny/arms/rank/seed-1"
    main = commands(project, f"{run}/scores.csv", "--forcerun", *SCRIPTS)
    assert main.keys() == set(SCRIPTS.values())
    for name in set(ARMS) - {"baseline", "rank"}:
        (project.root / f"config/tiny-arms/{name}.yaml").unlink()
    for rule, script in SCRIPTS.items():
        job = ("--target-jobs", f"{rule}:row=rank,seed=1", "--allowed-rules", rule)
        assert commands(project, "--mode", "remote", *job) == {script: main[script]}
    assert "there is no huber" in project.run("--dry-run", fails=True).said  # all are read here
