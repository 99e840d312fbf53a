"""Packages against their locks, and conda where a profile needs it."""

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from melablate.doctor import environment
from melablate.doctor.patient import Site
from patients import bad, levels, path, patient, program

__all__ = ["path"]


def locks(folder: Path, *lines: str) -> None:
    (folder / "envs").mkdir(exist_ok=True)
    for lock in environment.LOCKS:
        (folder / "envs" / lock).write_text("\n".join(["# a lock", *lines, ""]))


def packages(folder: Path) -> list[str]:
    found = list(environment._packages(folder / "envs"))
    bad(found)
    return [f"{one.level.name} {one.what}" for one in found]


def test_packages_are_compared_with_the_lock(tmp_path: Path) -> None:
    numpy = metadata.version("numpy")
    locks(tmp_path, f"numpy=={numpy}", "nothing==1 ; python_version < '3.0'")
    (said,) = packages(tmp_path)
    assert said.startswith("OK 1 packages")
    locks(tmp_path, "numpy==0.1", "no-such-package==2.0  # why")
    missing, other = packages(tmp_path)
    assert missing.startswith("FAILURE") and "no-such-package" in missing
    assert other.startswith("WARNING") and f"numpy {numpy}, not 0.1" in other


def test_a_package_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "LOADED", ("json", "no_such_module"))
    (found,) = bad(list(environment._imports()))
    assert found.level.name == "FAILURE" and "no_such_module" in found.what
    monkeypatch.setattr(environment, "LOADED", ("json", "csv"))
    assert levels(list(environment._imports())) == ["OK"]


def test_conda_where_the_profile_wants_it(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(deployment=("conda",), program="snakemake", options=("--profile", "slurm"))
    study = replace(patient(tmp_path, site), root=tmp_path)
    program(path, "conda", "conda 4.12.0\n")
    (old,) = bad(list(environment._conda(study)))
    assert "24.7.1" in old.what
    program(path, "conda", "conda 25.1.1\n")
    right, made = environment._conda(study)
    assert right.level.name == "OK" and made.level.name == "UNKNOWN"
    assert made.mend == "snakemake --profile slurm --conda-create-envs-only"
    (tmp_path / ".snakemake/conda").mkdir(parents=True)
    (tmp_path / ".snakemake/conda/0123_.env_setup_done").touch()
    assert levels(list(environment._conda(study))) == ["OK", "OK"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert levels(bad(list(environment._conda(study)))) == ["FAILURE"]
