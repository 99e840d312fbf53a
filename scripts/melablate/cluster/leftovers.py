"""Slurm jobs that a killed Snakemake has left in its folder.

Started again, Snakemake does not know them: it would give their work to new jobs, and both would
write the same files at once. So they are ended first; training saves its state and goes on. Jobs
of a run that is at work here beside this one, on other files, are left alone.
"""

import getpass
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .running import FOLDER, at_work

FIELDS = "%i\t%u\t%j\t%k\t%Z"
"""Id, user, name (of its run), comment (the executor writes the rule there), working directory."""
PATIENCE = 300.0
"""Seconds in which cancelled jobs must be gone; sites give them up to minutes to end."""
NO_ANSWER = (OSError, subprocess.SubprocessError)


@dataclass(frozen=True)
class SlurmJob:
    """A job in Slurm's queue."""

    number: str
    user: str
    rule: str
    run: str


def leftovers(folder: Path) -> list[SlurmJob]:
    """Jobs of Snakemake's Slurm executor in this folder, of no run that is at work there."""
    jobs, notes = _queued(folder), at_work(folder / FOLDER)
    for path, holder in notes:
        its = [job for job in jobs if job.run == holder.run]
        if its and holder.out_of_sight():
            raise SystemExit(
                f"{_told(its)} in this folder are of a run of {holder.user} on {holder.host}. See "
                f"whether it is still at work: {holder.look()}. If it is, start this one on "
                f"{holder.host} too; only if it is not: rm {path}, then the same command again"
            )
    return [job for job in jobs if job.run not in {holder.run for _, holder in notes}]


def _queued(folder: Path) -> list[SlurmJob]:
    asked = ["squeue", "--noheader", "--format", FIELDS]
    listed = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    return [job for line in listed.stdout.splitlines() if (job := _of(line, folder))]


def _of(line: str, folder: Path) -> SlurmJob | None:
    number, user, run, comment, directory = line.split("\t", 4)
    ours = comment.startswith(("rule_", "group_")) and number != os.environ.get("SLURM_JOB_ID")
    if not ours or not _same(Path(directory), folder):
        return None
    return SlurmJob(number, user, comment.partition("_")[2].replace("_wildcards_", " "), run)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def end_leftovers(folder: Path, needed: bool) -> None:
    """Cancel them and wait until they are gone; `needed` where this run has jobs in Slurm too."""
    if shutil.which("squeue") is None or not (jobs := _first(folder, needed)):
        return
    others = [job for job in jobs if job.user != getpass.getuser()]
    if others:
        raise SystemExit(
            f"{_told(others)} of {others[0].user} in this folder, of no run that is known to be "
            f"at work: wait for them, or have {others[0].user} end them: scancel {_numbers(others)}"
        )
    print(f"{_told(jobs)} left by a run that was killed: ended first", file=sys.stderr)
    with suppress(*NO_ANSWER):  # whether they go is seen below
        subprocess.run(["scancel", *(job.number for job in jobs)], check=False, timeout=60)
    end = time.monotonic() + PATIENCE
    while jobs := _still(folder, jobs):
        if time.monotonic() > end:
            raise SystemExit(
                f"{_told(jobs)} not known to be gone after {PATIENCE:.0f} s: end them "
                f"(scancel --signal=KILL {_numbers(jobs)}) and start again"
            )
        time.sleep(2)


def _first(folder: Path, needed: bool) -> list[SlurmJob]:
    try:
        return leftovers(folder)
    except NO_ANSWER as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().partition("\n")[0]
    if needed:
        raise SystemExit(
            f"squeue does not answer ({said}): an earlier run may have left jobs that still write "
            "in this folder. Start again once it does"
        )
    # Where it is not used, a Slurm that is not set up must stop nothing.
    print(
        f"squeue does not answer ({said}). Where this folder has run on Slurm before: see that "
        "no job of an earlier run still writes in it",
        file=sys.stderr,
    )
    return []


def _still(folder: Path, jobs: list[SlurmJob]) -> list[SlurmJob]:
    """The same ones while squeue does not answer, as when its controller starts anew."""
    try:
        return leftovers(folder)
    except NO_ANSWER:
        return jobs


def _told(jobs: list[SlurmJob]) -> str:
    shown = ", ".join(f"{job.number} ({job.rule})" for job in jobs[:3])
    more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
    return f"Slurm jobs {shown}{more}"


def _numbers(jobs: list[SlurmJob]) -> str:
    return " ".join(job.number for job in jobs)
