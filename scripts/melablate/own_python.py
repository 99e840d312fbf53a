"""Which `python` the rules' commands find."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def prefer_own_python() -> None:
    """That of Snakemake's own environment, where it holds what they need.

    Nobody need have activated it (`.venv/bin/snakemake`, also in jobs). Conda's comes before it.
    """
    own, known = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if find_spec("torch") and own not in known.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, known])
