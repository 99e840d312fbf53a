"""A job's GPUs are tried before work begins, and nodes whose GPUs fail are remembered.

A GPU that has fallen off its bus looks like none at all, and hours of training would go on on the
CPU; one that hangs would hold its job to the end of its time.
"""

import os
import platform
import select
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
LOADING = 1800.0
"""Seconds for torch to be imported before: slow from a file system that many jobs read."""
ENVIRONMENT = 78
"""A trial's exit code where the fault is not the node's; as in `gpu_trial`, which needs torch."""
TRIAL = "MELABLATE_GPU_TRIAL"
"""Names another program to try GPUs by, such as a site's own, with the same exit codes."""


def check_gpus(folder: Path = FOLDER) -> None:
    """SystemExit where this job's GPUs do not work; `folder` is told, and `LeaveOut` reads it."""
    code, said = _tried()
    if not code:
        return
    node, job = os.environ.get("SLURMD_NODENAME") or platform.node(), _job()
    if code == ENVIRONMENT:
        raise SystemExit(
            f"this environment cannot use the GPU of {node}: {said}. {job} ends before any work, "
            "and would on all nodes like it: see docs/environments.md for builds of torch"
        )
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
        with suppress(OSError, UnicodeDecodeError):  # removed meanwhile, or not ours
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


def _tried() -> tuple[int, str]:
    """Exit code and reason; of a process of its own, for one that hangs can then be left."""
    seen = f"(CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', '')})"
    program = os.environ.get(TRIAL)
    line = [program] if program else [sys.executable, str(Path(__file__).with_name("gpu_trial.py"))]
    out = None if program else subprocess.PIPE
    trial = subprocess.Popen(line, stdout=out, stderr=subprocess.PIPE, text=True)
    # Ours says when torch is there, or ends; another program's time counts from its start.
    if trial.stdout and not select.select([trial.stdout], [], [], LOADING)[0]:
        trial.kill()
        return ENVIRONMENT, f"torch was not loaded within {LOADING:.0f} s"
    try:
        _, said = trial.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        trial.kill()  # and not waited for: a process that waits for a driver cannot be killed
        return 1, f"no answer within {PATIENCE:.0f} s {seen}"
    if not trial.returncode:
        sys.stderr.write(said)
    last = (said.strip().splitlines() or [f"exit code {trial.returncode}"])[-1]
    return trial.returncode, f"{last} {seen}"


def _job() -> str:
    return f"Slurm job {os.environ['SLURM_JOB_ID']}" if "SLURM_JOB_ID" in os.environ else "The job"
