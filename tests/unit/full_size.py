"""Random bases of the true size, made once a module and removed again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKER = ROOT / "benchmarks" / "random_bases.py"
GIB = 2**30
DISK = {"sd15": 9, "sdxl": 24}
"""GiB: the base, and a pipeline exported from it in float32."""


def made(kind: str, parent: Path) -> Iterator[Path]:
    """The folder of `sd15` or `sdxl`."""
    folder, free = parent / kind, shutil.disk_usage(parent).free
    if free < DISK[kind] * GIB:
        pytest.fail(f"{folder}: {free / GIB:.1f} GiB are free, {DISK[kind]} are needed")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    try:
        subprocess.run([sys.executable, MAKER, kind, folder], env=environment, check=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
