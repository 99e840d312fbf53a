"""Studies to be examined, and programs that a machine has not, as they would answer."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from melablate.doctor.findings import Finding, Level
from melablate.doctor.patient import Patient, Site
from melablate.plan import make_plan

ROOT = Path(__file__).parents[2]


def patient(root: Path, site: Site | None = None, **changes: Any) -> Patient:
    """The embedded study in a folder, with other keys."""
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8")) | changes
    return Patient(make_plan(config), site or Site(), root)


def levels(findings: list[Finding]) -> list[str]:
    """`["OK", "FAILURE"]`, in order."""
    return [finding.level.name for finding in findings]


def bad(findings: list[Finding]) -> list[Finding]:
    """What is to be mended; each says why and how."""
    found = [one for one in findings if one.level >= Level.WARNING]
    assert all(one.what and one.why and one.mend for one in found)
    return found


def program(folder: Path, name: str, out: str, code: int = 0, err: str = "") -> None:
    """A program in PATH that says this, whatever it is asked."""
    (folder / f"{name}.out").write_text(out, encoding="utf-8")
    (folder / f"{name}.err").write_text(err, encoding="utf-8")
    path = folder / name
    path.write_text(
        f'#!/bin/sh\ncat "{folder}/{name}.out"\ncat "{folder}/{name}.err" >&2\nexit {code}\n',
        encoding="utf-8",
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder
