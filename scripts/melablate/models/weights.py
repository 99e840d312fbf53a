"""Safetensors files, read with clear errors and written with the same bytes every time."""

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ..files import writing

ZIP, PICKLES = b"PK\x03\x04", tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
"""How files of PyTorch begin, new and old."""


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; anything else (a pickle too) is refused."""
    with _opened(path) as file:
        metadata = dict(file.metadata() or {})
        names = file.keys()  # the file itself is not a mapping
        return {name: file.get_tensor(name) for name in names}, metadata


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata alone; a file that is cut short is refused all the same."""
    with _opened(path) as file:
        return dict(file.metadata() or {})


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise SystemExit(f"{path}: no such file")
    refuse_pickle(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            yield file
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise SystemExit(
            f"{path} is not a whole safetensors file ({error}); "
            "it may be cut short or of another format: delete it and make it again"
        ) from None


def refuse_pickle(path: Path) -> None:
    """What PyTorch saves by default (.bin, .ckpt, .pt) is told apart from a broken file."""
    with path.open("rb") as file:
        start = file.read(9)
    # A whole file's header begins after eight bytes of its length.
    if start[8:] != b"{" and start.startswith((ZIP, *PICKLES)):
        raise SystemExit(
            f"{path} is a pickle, not a whole safetensors file: pickles can run code when they are "
            "read and are refused; convert it to safetensors"
        )


def save_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors and metadata, whole or not at all, equal input as equal bytes."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with writing(path) as aside:
        aside.write_bytes(_ordered(safetensors.torch.save(plain, metadata=dict(metadata))))


def _ordered(blob: bytes) -> bytes:
    """The same file with its header's keys sorted: safetensors writes metadata in random order."""
    (length,) = struct.unpack("<Q", blob[:8])
    header = json.dumps(
        json.loads(blob[8 : 8 + length]), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + blob[8 + length :]
