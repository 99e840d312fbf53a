"""Slurm jobs that a killed Snakemake has left in its folder.

Started again, Snakemake does not know them: it would give their work to new jobs, and both would
write the same files at once. So they are ended first; training saves its state and goes on.
"""

import getpass
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

FIELDS = "%i\t%u\t%k\t%Z"
"""Id, user, comment (the executor writes the rule there), working directory."""
PATIENCE = 300.0
"""Seconds in which cancelled jobs must be gone; sites give them up to minutes to end."""


@dataclass(frozen=True)
class SlurmJob:
    """A job in Slurm's queue."""

    number: str
    user: str
    rule: str


def leftovers(folder: Path) -> list[SlurmJob]:
    """Jobs of Snakemake's Slurm executor that wait or run in this folder."""
    try:
        listed = subprocess.run(
            ["squeue", "--noheader", "--format", FIELDS],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        # Where it is not used, a Slurm that is not set up must stop nothing; where it is, the first
        # submission tells.
        said = (getattr(error, "stderr", None) or str(error)).strip().partition("\n")[0]
        print(
            f"squeue does not answer ({said}). Where this folder has run on Slurm before: see that "
            "no job of an earlier run still writes in it",
            file=sys.stderr,
        )
        return []
    return [job for line in listed.stdout.splitlines() if (job := _of(line, folder))]


def _of(line: str, folder: Path) -> SlurmJob | None:
    number, user, comment, directory = line.split("\t", 3)
    ours = comment.startswith(("rule_", "group_")) and number != os.environ.get("SLURM_JOB_ID")
    if not ours or not _same(Path(directory), folder):
        return None
    return SlurmJob(number, user, comment.partition("_")[2].replace("_wildcards_", " "))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def end_leftovers(folder: Path) -> None:
    """Cancel them and wait until they are gone; nothing where there is no Slurm."""
    if shutil.which("squeue") is None or not (jobs := leftovers(folder)):
        return
    others = [job for job in jobs if job.user != getpass.getuser()]
    if others:
        raise SystemExit(
            f"{_told(others)} of {others[0].user} in this folder, left by a run that was killed: "
            f"wait for them, or have {others[0].user} end them: scancel {_numbers(others)}"
        )
    print(f"{_told(jobs)} left by a run that was killed: ended first", file=sys.stderr)
    subprocess.run(["scancel", *(job.number for job in jobs)], check=False, timeout=60)
    end = time.monotonic() + PATIENCE
    while jobs := leftovers(folder):
        if time.monotonic() > end:
            raise SystemExit(
                f"{_told(jobs)} not gone after {PATIENCE:.0f} s: end them "
                f"(scancel --signal=KILL {_numbers(jobs)}) and start again"
            )
        time.sleep(2)


def _told(jobs: list[SlurmJob]) -> str:
    shown = ", ".join(f"{job.number} ({job.rule})" for job in jobs[:3])
    more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
    return f"Slurm jobs {shown}{more}"


def _numbers(jobs: list[SlurmJob]) -> str:
    return " ".join(job.number for job in jobs)
