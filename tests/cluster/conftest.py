"""A Slurm of our own, and a finished study that gets one more arm on it."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_project import HERE, SlurmProject, for_slurm
from workflow_project import Project, copy_of, everything, fresh_project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def slurm() -> Iterator[None]:
    """Up for all tests of a session; one that runs already is used and left as it is."""
    if os.getuid() or not shutil.which("apt-get"):
        # Where these tests are asked for, their lack is no success.
        stop = pytest.fail if "MELABLATE_NEEDS_SLURM" in os.environ else pytest.skip
        stop("a test cluster needs root on Debian or Ubuntu")
    ours = not Path("/etc/slurm/slurm.conf").exists()
    up = subprocess.run([HERE / "slurm-up"], capture_output=True, text=True)
    assert up.returncode == 0, up.stdout + up.stderr
    yield
    if ours:
        subprocess.run([HERE / "slurm-down"], check=True, capture_output=True)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny study, made without Slurm; only to be copied."""
    project = fresh_project(tmp_path_factory.mktemp("finished") / "project")
    assert project.run().jobs == Counter(everything())
    return project


@pytest.fixture(scope="session")
def undisturbed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with the long arm, made without Slurm and in one go."""
    project = copy_of(finished, tmp_path_factory.mktemp("undisturbed") / "project")
    with_long_arm(project)
    project.run()
    return project


@pytest.fixture
def project(slurm: None, finished: Project, tmp_path: Path) -> Iterator[SlurmProject]:
    """The finished study with the long arm yet to be made, and the profile filled in."""
    copied = copy_of(finished, tmp_path / "project")
    with_long_arm(copied)
    made = for_slurm(copied)
    yield made
    made.end()


def with_long_arm(project: Project) -> None:
    """Seconds of training on an idle machine, a state every few steps, one seed."""
    project.arm("long", train={"steps": 600})
    project.set(checkpoint={"steps": 5}, seeds=[0])
