"""The GPUs that a process may use, by names that mean one device each."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CHOSEN = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Gpu:
    """A device, or a part of one."""

    word: str
    """What CUDA_VISIBLE_DEVICES calls it."""
    name: str
    """A name that no other device has: numbers start anew in every job of a scheduler."""


def any_shown() -> bool:
    """Whether there is one; quick, as the workflow is parsed in every job."""
    if CHOSEN in os.environ:
        return bool(chosen())
    return DEVICES.is_dir() and any(DEVICES.iterdir())


def visible() -> list[Gpu]:
    """All of them, in the driver's order."""
    known = _of_driver()
    if CHOSEN not in os.environ:
        # By name: the driver's numbers and CUDA's own may be in another order.
        return [Gpu(uuid, uuid) for uuid in known.values()]
    job = os.environ.get("SLURM_JOB_ID")
    return [
        Gpu(word, known.get(word, f"{job}-{word}" if job and word.isdecimal() else word))
        for word in chosen()
    ]


def chosen() -> list[str]:
    """What the environment shows, as it calls them."""
    words = [word.strip() for word in os.environ.get(CHOSEN, "").split(",")]
    # CUDA stops at the first that is none.
    end = next((place for place, word in enumerate(words) if word in ("", "-1")), len(words))
    return words[:end]


def _of_driver() -> dict[str, str]:
    """Number → name, as nvidia-smi has them; nothing where there is none."""
    if shutil.which("nvidia-smi") is None:
        return {}
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    pairs = (line.partition(",") for line in asked.stdout.splitlines() if "," in line)
    return {number.strip(): uuid.strip() for number, _, uuid in pairs}
