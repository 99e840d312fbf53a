"""Weights on disk by their headers alone: shapes of gigabytes in milliseconds, without torch."""

import math
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

Shapes = Mapping[str, tuple[int, ...]]


def shapes_of(path: Path) -> Shapes:
    """Shape by name; the header also says whether the file is as long as it must be."""
    with safe_open(path, "numpy") as file:
        names = file.keys()
        return {name: tuple(file.get_slice(name).get_shape()) for name in names}


def count(shapes: Shapes) -> int:
    """Numbers in all of them."""
    return sum(map(math.prod, shapes.values()))


def broken(path: Path) -> str:
    """Why a file of weights is not whole; empty if it is."""
    try:
        shapes_of(path)
    except (SafetensorError, OSError) as error:
        return str(error)
    return ""
