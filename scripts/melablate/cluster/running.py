"""Whose Snakemake runs in a folder: each leaves a note there as long as it lives.

Snakemake's own lock says that there is one, not whose, nor whether it is still alive.
"""

import atexit
import logging
import os
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from .holder import Holder

FOLDER = Path(".snakemake/running")
JOB = os.environ.get("SLURM_JOB_ID", "")
"""Kept from when the rules are read: Snakemake's Slurm executor takes it out later."""
AGAIN = "SLURM_RESTART_COUNT" in os.environ
"""Whether Slurm runs the job of this Snakemake again."""


def job_name(scheduler: Any) -> str:
    """The name that the Slurm executor gives all jobs of this run; none with other executors."""
    return getattr(getattr(scheduler, "_executor", None), "run_uuid", "")


def leave_note(run: str = "", folder: Path = FOLDER) -> None:
    """Say that this process runs here; the note goes when it ends."""
    this = replace(Holder.this(uuid.uuid4().hex), job=JOB, run=run)
    folder.mkdir(parents=True, exist_ok=True)
    for path, holder in _notes(folder):
        if _over(holder):
            path.unlink(missing_ok=True)
    note = folder / f"{this.token}.json"
    note.write_text(this.text(), encoding="utf-8")
    atexit.register(note.unlink, missing_ok=True)


def told(folder: Path = FOLDER) -> str:
    """Who holds the lock of this folder, and what to do."""
    notes = list(_notes(folder))
    living = at_work(folder)
    here = f"Directory cannot be locked: {Path.cwd()}"
    unlock = "snakemake --unlock, with the same options, then the same command again"
    ended = "Jobs left in Slurm's queue are ended first, and training goes on from its last state"
    if not living and (not notes or len(notes) < len(list(folder.glob("*.json")))):
        return (
            f"{here} holds the lock of a run that left no word to read. See that none is at work "
            f"here (ps on each machine that is used; squeue); only then: {unlock}. {ended}"
        )
    if not living:
        who = _told(*notes[-1])
        return f"{here} holds the lock of {who} that was killed. Lift it: {unlock}. {ended}"
    path, holder = living[-1]
    said = f"{here} is in use by {_told(path, holder)}"
    if holder.system != Holder.this("").system:
        return (
            f"{said}. See first whether it still runs: {holder.look()}. If it does, wait "
            f"for it, or clone the project into a folder of your own; only if it does not: {unlock}"
        )
    return (
        f"{said}. Two runs that make the same files would spoil each other's: wait for it, or "
        f"clone the project into a folder of your own. Do not --unlock while it runs; "
        f"to end it: kill -INT {holder.process}"
    )


def at_work(folder: Path) -> list[tuple[Path, Holder]]:
    """Notes of those that are not known to be over, the last one last."""
    return [(path, holder) for path, holder in _notes(folder) if not _over(holder)]


def _over(holder: Holder) -> bool:
    """Also the try before this one of the same Slurm job, on a node that may be lost."""
    return holder.gone() or (
        AGAIN and holder.job == JOB and holder.system != Holder.this("").system
    )


class WhoHolds(logging.Filter):
    """A filter of Snakemake's logger that puts these words in place of its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through."""
        exception = getattr(record, "exception", None)
        if exception == "LockException":
            record.msg, record.args = told(), ()
        if exception == "PermissionError" and ".snakemake" in record.getMessage():
            record.msg, record.args = not_ours(), ()
        return True


def not_ours(folder: Path = FOLDER.parent) -> str:
    """What to do where Snakemake may not write its own folder."""
    try:
        owner = folder.owner()
    except (KeyError, OSError):
        owner = "another user"
    return (
        f"{Path.cwd()} is the folder of {owner}, and you may not write in it: clone the project "
        f"into a folder of your own, or have {owner} share this one with your group "
        "(chmod -R g+rwX ., find . -type d -exec chmod g+s {} +)"
    )


def _notes(folder: Path) -> list[tuple[Path, Holder]]:
    paths = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    return [(path, holder) for path in paths if (holder := Holder.read(path))]


def _told(path: Path, holder: Holder) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
    return f"a run of {holder.user} since {since} (process {holder.process} on {holder.host})"
