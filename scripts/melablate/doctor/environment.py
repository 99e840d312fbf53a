"""The environments that jobs run in: every package in the version of its lock, and importable."""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from .findings import Finding, failure, ok, unknown, warning
from .patient import Patient
from .tools import ask, present

LOCKS = ("melablate.lock.txt", "data-packages.lock.txt")
OWN = ("workflow.lock.txt",)
"""Where conda makes the environments of jobs: what Snakemake itself and this script need."""
LOADED = ("torch", "diffusers", "transformers", "peft", "pyarrow", "soundfile", "tinysoundfont")
"""Imported for real: what breaks on a library of the system shows only then."""
OLDEST_CONDA = (24, 7, 1)
"""Which Snakemake asks for."""
SHOWN = 4
MEND = "make env"


def check(patient: Patient) -> Iterator[Finding]:
    """The Python that this runs in, and conda where the profile makes environments with it."""
    yield from _python()
    by_conda = "conda" in patient.site.deployment
    yield from _packages(patient.project / "envs", OWN if by_conda else LOCKS)
    yield from _conda(patient) if by_conda else _imports()
    if "apptainer" in patient.site.deployment and not present("apptainer"):
        why = "the profile runs jobs in containers"
        yield failure("apptainer: not in PATH", why, "module load apptainer, or another deployment")


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info < (3, 14):
        why = "the lock holds packages for Python 3.11 to 3.13"
        yield warning(f"Python {version}", why, "PYTHON=python3.12 make env")


def _packages(folder: Path, locks: Iterable[str] = LOCKS) -> Iterator[Finding]:
    wanted: dict[str, str] = {}
    for lock in locks:
        wanted |= pinned((folder / lock).read_text(encoding="utf-8"))
    absent, other = [], []
    for name, version in wanted.items():
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
            continue
        if have.partition("+")[0] != version.partition("+")[0]:
            other.append(f"{name} {have}, not {version}")
    if absent:
        yield failure(
            f"packages missing in {sys.prefix}: {_some(absent)}", "jobs import them", MEND
        )
    if other:
        why = "other versions were never tested, and may give other figures"
        yield warning(f"packages of other versions: {_some(other)}", why, MEND)
    if not absent and not other:
        yield ok(f"{len(wanted)} packages, each as in its lock ({sys.prefix})")


def pinned(lock: str) -> dict[str, str]:
    """Version by name, of the packages that this Python and system need."""
    found = {}
    for line in lock.splitlines():
        if text := line.partition("#")[0].strip():
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate():
                found[one.name] = next(iter(one.specifier)).version
    return found


def _imports() -> Iterator[Finding]:
    """In another process: a library that crashes takes nothing here with it."""
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: importlib.import_module(name)\n"
        "    except BaseException as error: print(f'{name}: {error!r}'.splitlines()[0])\n"
        "print('done')\n"
    )
    answer = ask(sys.executable, "-c", program, *LOADED, patience=300)
    *said, last = answer.out.splitlines() or [""]
    for line in said:
        yield failure(f"cannot be imported: {line}", "jobs import it", MEND)
    if last != "done":
        yield failure(
            f"importing {', '.join(LOADED)}: {answer.complaint}", "jobs import them", MEND
        )
    elif not said:
        yield ok(f"importable: {', '.join(LOADED)}")


def _conda(patient: Patient) -> Iterator[Finding]:
    why = "the profile makes an environment for every rule with it (software-deployment-method)"
    mend = "module load conda (or miniforge …), or comment software-deployment-method out"
    if not present("conda"):
        yield failure("conda: not in PATH", why, mend)
        return
    answer = ask("conda", "--version", patience=120)
    version = tuple(map(int, re.findall(r"\d+", answer.out)[:3]))
    if not answer.good or not version:
        yield failure(f"conda: {answer.complaint}", why, mend)
    elif version < OLDEST_CONDA:
        yield failure(f"{answer.out.strip()}: Snakemake needs 24.7.1 or newer", why, mend)
    else:
        yield ok(answer.out.strip())
        yield _made(patient)


def _made(patient: Patient) -> Finding:
    """Whether the rules' environments stand already."""
    folder = patient.root / ".snakemake" / "conda"
    made = list(folder.glob("*.env_setup_done")) if folder.is_dir() else []
    if made:
        return ok(f"{len(made)} conda environments in {folder}")
    return unknown(
        f"no conda environments in {folder} yet: the first run makes them, which needs a network",
        patient.site.command("") + " --conda-create-envs-only",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")
