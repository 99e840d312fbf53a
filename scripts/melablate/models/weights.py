"""Safetensors files, read with clear errors and written with the same bytes every time."""

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import torch

from ..files import writing

ZIP, PICKLES = b"PK\x03\x04", tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
"""How files of PyTorch begin, new and old."""
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""What the format calls them (github.com/huggingface/safetensors, 'Format')."""


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
    """Write tensors and metadata, whole or not at all, equal input as equal bytes.

    Not by the library: it puts metadata in random order, and holds the whole file in memory twice,
    which is 20 GB for the state of a whole UNet. Here one tensor at a time is copied.
    """
    # Wide types first, so that every tensor is aligned (as the library has it), then by name.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        start, end = end, end + tensors[name].numel() * tensors[name].element_size()
        shape = list(tensors[name].shape)
        header[name] = {
            "dtype": DTYPES[tensors[name].dtype],
            "shape": shape,
            "data_offsets": [start, end],
        }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with writing(path) as aside, aside.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            plain = tensors[name].detach().cpu().contiguous().reshape(-1)
            file.write(plain.view(torch.uint8).numpy().data)
