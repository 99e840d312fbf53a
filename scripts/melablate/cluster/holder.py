"""Who holds a run, and whether that process may still write: by its process, its Slurm job."""

import json
import os
import platform
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from getpass import getuser
from pathlib import Path

OVER = {"CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"}
"""States of a job whose processes have ended. Not NODE_FAIL: a node that nobody can reach may
still be at work."""

ASK = 15.0
"""Seconds for which an answer of Slurm holds: jobs that wait look more often."""
HIDDEN = "?"
"""Of a process that lives, or whose end cannot be seen: where /proc hides those of other users."""


@dataclass(frozen=True)
class Holder:
    """One process of one machine."""

    token: str
    user: str
    host: str
    system: str
    """The running system and its table of processes; another one after a restart, and in a
    container that numbers processes anew."""
    process: int
    born: str
    """When it started, for numbers are used again."""
    job: str
    run: str = ""
    """Of a Snakemake: the name of all jobs that it sends to Slurm."""

    @classmethod
    def this(cls, token: str) -> "Holder":
        """This process."""
        return cls(
            token=token,
            user=_user(),
            host=os.environ.get("SLURMD_NODENAME") or platform.node(),
            system=_system(),
            process=os.getpid(),
            born=_born(os.getpid()),
            job=os.environ.get("SLURM_JOB_ID", ""),
        )

    @classmethod
    def read(cls, path: Path) -> "Holder | None":
        """Of a lease; none where there is none, or none that can be read."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def text(self) -> str:
        """What `read` reads."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        job = f" (Slurm job {self.job})" if self.job else ""
        return f"process {self.process} on {self.host}{job} of {self.user}"

    def look(self) -> str:
        """The command that shows from another machine whether it runs."""
        return f"squeue --jobs {self.job}" if self.job else f"ssh {self.host} ps -p {self.process}"

    def out_of_sight(self) -> bool:
        """Whether nobody here can tell that it is over."""
        return self.system != _system() and not self.job

    def gone(self) -> bool:
        """Whether it surely writes no more; False where that cannot be known from here."""
        if self.system == _system():
            return _born(self.process) not in (self.born, HIDDEN)
        return (
            bool(self.job)
            and self.job != os.environ.get("SLURM_JOB_ID")
            and _is_over(self.job, time.monotonic() // ASK)
        )


@cache
def _is_over(job: str, when: float) -> bool:
    """Whether Slurm knows that a job has ended; asked once in each `when`."""
    try:
        asked = subprocess.run(
            ["squeue", "--noheader", "--states=all", "--format=%T", "--jobs", job],
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    if asked.returncode:
        return "invalid job id" in asked.stderr.lower()  # it has been forgotten
    return set(asked.stdout.split()) <= OVER


@cache
def _system() -> str:
    """The kernel's start and its namespace of processes; off Linux the machine's name."""
    with suppress(OSError):
        started = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{started} {Path('/proc/self/ns/pid').readlink()}"
    return platform.node()


def _born(process: int) -> str:
    """Clock ticks from the kernel's start to the process's; nothing where it is over."""
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return HIDDEN if _runs(process) else ""
    state, *fields = told.rpartition(")")[2].split()  # its name may hold anything
    return "" if state in "ZX" else fields[18]


def _runs(process: int) -> bool:
    """Asked of the system itself, which /proc may not show."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _user() -> str:
    with suppress(OSError, KeyError):
        return getuser()
    return str(os.getuid())
