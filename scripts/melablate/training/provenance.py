"""Where weights come from: settings, inputs, code, machine, time and memory."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "numpy")
OPTIMIZERS = ("bitsandbytes", "lion-pytorch", "prodigyopt", "schedulefree")


def commit() -> str | None:
    """The git commit of the code, marked where the code has since been edited."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},  # others may be committing
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def machine() -> dict[str, Any]:
    """What the run ran on."""
    found: dict[str, Any] = {
        "node": platform.node(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def peak_memory() -> dict[str, int]:
    """Most memory that this process held, MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20}
    if torch.cuda.is_available():
        found["gpu_memory_mib"] = torch.cuda.max_memory_allocated() // 2**20
    return found


def versions() -> dict[str, str]:
    """Versions of what takes part in a step."""
    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *OPTIMIZERS):
        with suppress(importlib.metadata.PackageNotFoundError):  # an optimizer that nobody chose
            found[package] = importlib.metadata.version(package)
    return found
