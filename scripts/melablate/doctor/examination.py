"""All checks, one after the other; one that breaks is a finding itself and stops no other."""

import importlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .findings import Finding, warning
from .patient import Patient

Check = Callable[[Patient], Iterable[Finding]]
CHECKS = {
    "models": "given",
    "environment": "environment",
    "disk": "disk",
    "files": "shared_files",
    "gpu": "gpu",
    "slurm": "slurm",
}
"""Modules by what they look at; each has a function `check`."""


def examine(
    patient: Patient, titles: Iterable[str] = tuple(CHECKS)
) -> Iterator[tuple[str, list[Finding]]]:
    """The findings of each check, as soon as it is done."""
    for title in titles:
        check: Check = importlib.import_module(f".{CHECKS[title]}", __package__).check
        yield title, guarded(check, patient)


def guarded(check: Check, patient: Patient) -> list[Finding]:
    """Its findings, and that it broke, where it did."""
    found: list[Finding] = []
    try:
        for finding in check(patient):
            found.append(finding)
    except (Exception, SystemExit) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        found.append(
            warning(
                f"this check broke: {type(error).__name__}: {error} ({place})",
                "what it looks at is not known to be right",
                "look at it by hand, and tell the authors",
            )
        )
    return found
