"""`snakemake doctor`: it looks, says, and leaves nothing to run again."""

from pathlib import Path

from workflow_project import Project

HEADS = ("models", "environment", "disk", "files", "gpu", "slurm")


def written(root: Path) -> dict[str, int]:
    """Every file of the results, and when it was changed; not what is known of others' content."""
    found = {str(p): p.stat().st_mtime_ns for p in (root / "results").rglob("*") if p.is_file()}
    return {path: when for path, when in found.items() if "fingerprints" not in path}


def test_a_sound_study_is_told_so_and_nothing_reruns(project: Project) -> None:
    before = written(project.root)
    done = project.run("doctor")
    assert done.jobs == {"doctor": 1}
    lines = done.said.splitlines()
    assert [line for line in lines if line in HEADS] == [*HEADS], done.said
    assert "FAIL" not in done.said and "nothing found that would stop the run" in done.said
    assert written(project.root) == before
    assert "Nothing to be done" in project.would_run().said


def test_nobody_need_activate_the_environment(project: Project) -> None:
    """`.venv/bin/snakemake`, as docs/cluster.md has it: the jobs' python is its own too."""
    programs = project.root / "programs"
    programs.mkdir()
    (programs / "python").write_text("#!/bin/sh\nexit 3\n")
    (programs / "python").chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    assert project.run("doctor", PATH=path).jobs == {"doctor": 1}


def test_what_would_stop_it_is_told_once_with_its_mend(project: Project) -> None:
    project.set(embedder={"kind": "clap", "path": "assets/models/clap-htsat-unfused"})
    done = project.run("doctor", "--retries", "3", fails=True)
    assert done.said.count("FAIL clap-htsat-unfused: about 0.62 GB to fetch") == 1, done.said
    assert "fetch --retries 3 --profile profiles/test" in done.said
    assert "1 would stop the run" in done.said
