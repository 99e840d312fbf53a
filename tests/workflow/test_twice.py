"""The same study in another folder gives the same bytes."""

from collections import Counter
from pathlib import Path

import pytest
from workflow_project import CEILINGS, Project, everything, fresh_project

RUN = "tiny/arms/rank/seed-1"
TIMED = {"train.json", "index.html"}
"""They tell how long training took, on purpose: its record, and the report's page."""


@pytest.fixture
def second(tmp_path: Path) -> Project:
    """A fresh folder with a space in its path."""
    return fresh_project(tmp_path / "a second folder")


def same(first: Project, second: Project, files: set[str]) -> None:
    """These files are equal byte for byte."""
    assert files
    different = [
        name
        for name in sorted(files)
        if first.results(name).read_bytes() != second.results(name).read_bytes()
    ]
    assert not different


def files_of(project: Project) -> set[str]:
    """All results that should be the same."""
    return {
        path.relative_to(project.results()).as_posix()
        for path in project.results().rglob("*")
        if path.is_file() and path.name not in TIMED and not path.name.startswith(".")
    }


def test_a_run_in_another_folder_has_the_same_bytes(finished: Project, second: Project) -> None:
    """One arm and all that it needs: music, images, models, weights, samples, scores."""
    done = second.run(f"results/{RUN}/scores.csv")
    assert set(done.jobs) <= set(everything()) and "train_arm rank 1" in done.jobs
    made = files_of(second)
    assert {f"{RUN}/train.safetensors", f"{RUN}/train.csv", f"{RUN}/scores.csv"} <= made
    same(finished, second, made)


@pytest.mark.slow
def test_a_study_in_another_folder_has_the_same_bytes(finished: Project, second: Project) -> None:
    assert second.run().jobs == Counter(everything())
    made = files_of(second)
    assert {f"tiny/table.{end}" for end in ("csv", "md", "json", "parquet")} <= made
    assert {f"tiny/arms/{row}/seed-0/scores.csv" for row in CEILINGS} <= made
    assert made == files_of(finished)
    same(finished, second, made)
