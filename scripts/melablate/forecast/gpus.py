"""How fast GPUs are, where nothing was measured here.

Stable Diffusion 1.5 at 512 × 512 in half precision, PyTorch without compiling, from the tables of
diffusers' documentation ('Torch 2.0', docs/source/en/optimization/torch2.0.md): iterations a second
at batch 16, each of 32 latents (guidance), and at batch 1, where starting the kernels is what
takes the time.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

VARIABLE = "MELABLATE_FORECAST_GPU"
"""Names the GPU to count with, where the forecast is made on another machine."""


@dataclass(frozen=True)
class Gpu:
    """One kind."""

    name: str
    latents: float
    """Of 64 × 64, through the U-Net of SD 1.5, a second."""
    call: float
    """Seconds that a call takes at least."""


GPUS = {
    "a100": Gpu("A100", 32 * 3.60, 1 / 23.13),
    "v100": Gpu("V100", 32 * 1.66, 1 / 19.14),
    "t4": Gpu("T4", 32 / 2.30, 1 / 19.14),
    "3090": Gpu("RTX 3090", 32 * 1.69, 1 / 22.84),
    "4090": Gpu("RTX 4090", 32 * 3.20, 1 / 41.89),
}


def chosen_gpu() -> Gpu:
    """The one that is named, else the one in this machine, else an A100."""
    if asked := os.environ.get(VARIABLE):
        if found := _known(asked):
            return found
        raise SystemExit(
            f"{VARIABLE}: {asked} is not in the built-in table; name one of {', '.join(GPUS)}"
        )
    return _known(visible_gpu()) or GPUS["a100"]


def visible_gpu() -> str:
    """The name of this machine's first GPU, or nothing."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip() if not done.returncode else ""


def _known(name: str) -> Gpu | None:
    found = (gpu for key, gpu in GPUS.items() if re.search(rf"{key}(?!\d)", name.lower()))
    return next(found, None)
