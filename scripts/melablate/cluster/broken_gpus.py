"""A job's GPUs are tried before work begins, and nodes whose GPUs fail are remembered.

A GPU that has fallen off its bus looks like none at all, and hours of training would go on on the
CPU; one that hangs would hold its job to the end of its time.
"""

import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..files import write_text

FOLDER = Path("logs/broken-gpus")
"""A file for each node, named as the node."""
REMEMBERED = 24 * 3600.0
"""Seconds after which a node is taken to have been mended."""
PATIENCE = 180.0
"""Seconds that a trial may take; drivers that were asleep need up to a minute."""
TRIAL = "MELABLATE_GPU_TRIAL"
"""Names another program to try GPUs by, such as a site's own."""


def check_gpus(folder: Path = FOLDER) -> None:
    """SystemExit where this job's GPUs do not work; `folder` is told, and `LeaveOut` reads it."""
    said = _trouble()
    if said is None:
        return
    node, job = os.environ.get("SLURMD_NODENAME") or platform.node(), _job()
    write_text(folder / f"{node}.txt", f"{said}\n")
    raise SystemExit(
        f"the GPU of {node} does not work: {said}. {job} ends before any work, and the next try "
        f"goes to another node. Tell the cluster's administrators; {node} is left out for a day, "
        f"or until {folder / node}.txt is removed"
    )


def broken_nodes(folder: Path = FOLDER) -> dict[str, str]:
    """Nodes whose GPU has failed of late, and how."""
    found = {}
    for path in sorted(folder.glob("*.txt")):
        with suppress(OSError):  # removed meanwhile
            if path.stat().st_mtime > time.time() - REMEMBERED:
                found[path.stem] = path.read_text(encoding="utf-8").strip()
    return found


class LeaveOut:
    """Tells Slurm's executor of broken nodes, each once, in its own list of nodes to exclude."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder, self.known = folder, set[str]()

    def __call__(self, scheduler: Any) -> None:
        """Called before jobs are sent: at the start, and after each failure."""
        executor = getattr(scheduler, "_executor", None)
        listed = getattr(executor, "_failed_nodes", None)
        if listed is None:
            return
        broken = broken_nodes(self.folder)
        # "None assigned" is what sacct says of a job that waits to be run again.
        others = {node for node in listed if " " not in node} - self.known
        self.known &= set(broken)  # the rest is mended, or forgotten after a day
        for node in sorted(set(broken) - self.known):
            self.known.add(node)
            print(
                f"{node}: its GPU does not work: {broken[node]}. Jobs go to other nodes; tell the "
                f"administrators. Once it is mended, remove {self.folder / node}.txt",
                file=sys.stderr,
            )
        executor._failed_nodes = others | set(broken)  # type: ignore[union-attr]


def _trouble() -> str | None:
    """What is wrong; in a process of its own, for one that hangs can then be left."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    program = os.environ.get(TRIAL)
    line = [program] if program else [sys.executable, str(Path(__file__).with_name("gpu_trial.py"))]
    trial = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    try:
        _, said = trial.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        trial.kill()  # and not waited for: a process that waits for a driver cannot be killed
        return f"no answer within {PATIENCE:.0f} s (CUDA_VISIBLE_DEVICES={given})"
    if not trial.returncode:
        sys.stderr.write(said)
        return None
    last = (said.strip().splitlines() or [f"exit code {trial.returncode}"])[-1]
    return f"{last} (CUDA_VISIBLE_DEVICES={given})"


def _job() -> str:
    return f"Slurm job {os.environ['SLURM_JOB_ID']}" if "SLURM_JOB_ID" in os.environ else "The job"
