"""How findings are told, and checks that break."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from melablate.doctor.examination import CHECKS, guarded
from melablate.doctor.findings import Finding, failure, ok, unknown, warning
from melablate.doctor.patient import Patient
from melablate.doctor.telling import summary, tell
from patients import ROOT, patient
from rich.console import Console

LONG = "sbatch " + " ".join(f"--option-{number}=value" for number in range(20))
FOUND = [
    ok("fine"),
    unknown("dark", "look"),
    warning("odd", "why so", LONG),
    failure("bad", "w", "m"),
]


def told(**options: object) -> str:
    out = io.StringIO()
    tell("disk", FOUND, Console(file=out, width=60, **options))  # type: ignore[arg-type]
    return out.getvalue()


def test_a_mark_a_line_a_reason_and_a_mend() -> None:
    lines = told(color_system=None).splitlines()
    assert lines[0] == "disk" and lines[1] == "  ok   fine"
    assert [line[:7].strip() for line in lines[1:]] == [
        "ok",
        "?",
        "",
        "warn",
        "",
        "",
        "FAIL",
        "",
        "",
    ]
    assert f"       mend {LONG}" in lines  # whole, to be copied
    assert "\x1b[" not in told() and "\x1b[" in told(force_terminal=True)
    assert summary(FOUND) == "1 would stop the run, 1 to look at, 1 not known from here"
    assert summary(FOUND[:1]) == "nothing found that would stop the run"


def test_a_check_that_breaks_is_a_finding(tmp_path: Path) -> None:
    def check(study: Patient) -> Iterator[Finding]:
        yield ok("first")
        raise KeyError("second")

    first, broken = guarded(check, patient(tmp_path))
    assert first.what == "first" and broken.level.name == "WARNING"
    assert "KeyError: 'second'" in broken.what and "test_doctor_told.py" in broken.what


def examine(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, ROOT / "scripts/check_setup.py", "--only", "models"]
    return subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True)


def test_by_hand_it_ends_with_1_where_something_would_stop(tmp_path: Path) -> None:
    good = examine(tmp_path, "--configfile", str(ROOT / "config/demo.yaml"))
    assert good.returncode == 0 and "nothing found that would stop" in good.stdout, good
    real = examine(tmp_path, "--log", "said/log", "--configfile", str(ROOT / "config/config.yaml"))
    assert real.returncode == 1 and "snakemake fetch" in real.stdout and not real.stderr, real
    assert "4 would stop" in (tmp_path / "said/log").read_text()
    assert "models" in CHECKS
