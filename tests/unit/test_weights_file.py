"""Safetensors files that we write ourselves, read by the library whose format it is."""

import json
import struct
from pathlib import Path

import safetensors.torch
import torch
from melablate.models.weights import save_tensors

TENSORS = {
    "float32": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "bf16": torch.linspace(-2, 2, 5).bfloat16(),
    "fp16, transposed": torch.arange(24.0).half().view(4, 6).t(),
    "double": torch.tensor([1e-300], dtype=torch.float64),
    "scalar": torch.tensor(3),
    "flags": torch.tensor([True, False, True]),
    "bytes": torch.arange(7, dtype=torch.uint8),
    "signed": torch.tensor([[-3, 4]], dtype=torch.int8),
    "none": torch.empty(0, 4),
}


def test_the_library_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, TENSORS, {"words": "ü", "alpha": "8.0"})
    found = safetensors.torch.load_file(path)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata() == {"words": "ü", "alpha": "8.0"}


def test_equal_input_is_equal_bytes_in_whatever_order(tmp_path: Path) -> None:
    one, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_tensors(one, TENSORS, {"a": "1", "b": "2"})
    save_tensors(other, dict(reversed(TENSORS.items())), {"b": "2", "a": "1"})
    assert one.read_bytes() == other.read_bytes()


def test_tensors_begin_where_their_type_may(tmp_path: Path) -> None:
    """Readers that map the file need each tensor at a multiple of its element's size."""
    path = tmp_path / "a.safetensors"
    save_tensors(path, TENSORS, {})
    blob = path.read_bytes()
    (length,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + length])
    for name, tensor in TENSORS.items():
        assert (8 + length + header[name]["data_offsets"][0]) % tensor.element_size() == 0, name
