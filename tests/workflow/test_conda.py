"""Each rule in an environment of its own; and no environment runs a finished study again."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from workflow_project import HERE, ROOT, Project, everything, fresh_project

CONDA = HERE / "conda/bin"


def with_conda(python: Path = Path(sys.executable)) -> dict[str, str]:
    """The stand-in's and this Python's programs first."""
    path = os.pathsep.join([str(CONDA), str(python.parent), os.environ["PATH"]])
    return {"PATH": path, "CONDA_STAND_IN_PYTHON": str(Path(sys._base_executable))}


@pytest.mark.parametrize("profile", ["local", "slurm", "cluster-generic"])
def test_environments_run_nothing_again(project: Project, profile: str) -> None:
    """Made without conda; then asked for with it, and with other versions in every file."""

    def would_run(*words: str, profile: str = profile) -> Counter[str]:
        return project.run("--dry-run", *words, profile=profile, **with_conda()).jobs

    assert would_run("--sdm", "conda") == Counter()
    for path in (project.root / "envs").iterdir():
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(==\d+)\.", r"\g<1>0.", text), encoding="utf-8")
    assert would_run("--sdm", "conda") == would_run() == Counter()
    # What the profiles' triggers are for: Snakemake's own ones would make everything anew.
    assert len(would_run("--sdm", "conda", profile="test")) > 10


@pytest.mark.slow
def test_a_study_made_in_clean_environments(tmp_path: Path) -> None:
    """Snakemake in a venv of its own lock alone, without torch; each rule in a venv of its own."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", bare], check=True)
    lock = ROOT / "envs/workflow.lock.txt"
    pip = [bare / "bin/python", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-deps", "-r", lock], check=True)
    assert subprocess.run(
        [bare / "bin/python", "-c", "import torch"], capture_output=True
    ).returncode
    project = Bare(fresh_project(tmp_path / "project").root)
    done = project.run("--sdm", "conda", profile="local", **with_conda(bare / "bin/python"))
    assert done.jobs == Counter(everything())
    made = {path.name for path in (project.root / ".snakemake/conda").glob("*.yaml")}
    assert len(made) == 4  # audio, diffusion, scoring, report
    assert (project.root / "results/tiny/report/index.html").is_file()


class Bare(Project):
    """Its Snakemake is the one of `bare/`."""

    def command(self, *words: str, profile: str = "test") -> list[str]:
        return [
            str(self.root.parent / "bare/bin/snakemake"),
            *super().command(*words, profile=profile)[1:],
        ]
