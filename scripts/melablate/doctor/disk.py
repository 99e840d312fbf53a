"""Room on the disk for what the study will write, files included, and quotas."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..forecast.disk import Sizes, disk_to_do
from ..plan import Plan
from .findings import Finding, failure, ok, warning
from .patient import Patient
from .quotas import quotas
from .sizes import SPARE, size_words

TEMPORARY = 2e9
"""Bytes below which a temporary folder is small."""
FEW = 1000
FILES_OF_A_RUN = 20
"""Outputs, logs and Snakemake's own notes of them, samples apart."""


def check(patient: Patient) -> Iterator[Finding]:
    """What must fit, the room there is, and what the user may fill of it."""
    parts = to_write(patient.plan, existing(patient.root) / "results")
    needed, files = sum(parts.values()), files_to_write(patient.plan)
    told = ", ".join(f"{name} {size_words(size)}" for name, size in parts.items() if size)
    results = existing(patient.root / "results")
    yield space(results, needed, told)
    yield inodes(results, files)
    yield from quotas(patient.root, needed, files)
    yield temporary(Path(tempfile.gettempdir()))


def to_write(plan: Plan, results: Path) -> dict[str, int]:
    """Bytes by stage that are not there yet, and of the largest state that a training saves."""
    parts, sizes = disk_to_do(plan, results), Sizes(plan, results)
    if parts.get("train"):
        parts["a state meanwhile"] = max(map(sizes.state, plan.arms))
    return parts


def files_to_write(plan: Plan) -> int:
    """About so many files: what quotas of inodes are for."""
    asked = plan.study.prompts
    samples = (asked.heldout + len(asked.extra)) * asked.per_prompt
    return len(plan.rows()) * (FILES_OF_A_RUN + 2 * samples)


def space(folder: Path, needed: float, told: str) -> Finding:
    """Free bytes against what will be written."""
    stat = os.statvfs(folder)
    free = stat.f_bavail * stat.f_frsize
    what = f"{size_words(free)} free for {folder}, about {size_words(needed)} needed"
    what += f" ({told})" if told else ""
    mend = f"make room, or make {folder.name} a link to a folder on a larger disk"
    if free < needed:
        return failure(what, "jobs stop when the disk is full, after hours of training", mend)
    if free < SPARE * needed:
        return warning(what, "it is an estimate, and logs and others need room too", mend)
    return ok(what)


def inodes(folder: Path, needed: int) -> Finding:
    """Free files; some file systems do not count them."""
    stat = os.statvfs(folder)
    free = stat.f_favail
    if not stat.f_files:
        return ok(f"the file system of {folder} does not limit the number of files")
    what = f"{free} files free for {folder}, about {needed} needed"
    if free < needed:
        why = "no file can be made then, however much room there is"
        return failure(what, why, "remove folders of many small files (old environments, caches)")
    return ok(what)


def temporary(folder: Path) -> Finding:
    """Where programs put what they need for a moment, on this machine."""
    stat = os.statvfs(folder)
    free = stat.f_bavail * stat.f_frsize
    what = f"{size_words(free)} free for temporary files in {folder}"
    if free < TEMPORARY or (stat.f_files and stat.f_favail < FEW):
        why = "pip, compilers and audio decoders write there"
        return warning(what, why, "export TMPDIR=/a/larger/folder before the run")
    return ok(what)


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder
