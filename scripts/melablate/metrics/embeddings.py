"""Embeddings on disk: safetensors, tensor `audio` [n, d]."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..files import writing


def write_embeddings(path: Path, audio: NDArray[np.float32]) -> None:
    """Write them whole or not at all."""
    with writing(path) as aside:
        save_file({"audio": np.ascontiguousarray(audio, np.float32)}, aside)


def read_embeddings(path: Path) -> NDArray[np.float32]:
    """Read them, or say what is wrong with the file."""
    try:
        audio: NDArray[np.float32] = load_file(path)["audio"]
    except FileNotFoundError:
        raise SystemExit(f"{path}: missing; make it with scripts/embed_reference.py") from None
    except (SafetensorError, KeyError) as error:
        raise SystemExit(f"{path}: not an embeddings file ({error}); delete it") from None
    return audio
