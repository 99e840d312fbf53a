"""How many numbers a training writes: of adapters by the layers of its base, or of all weights."""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..training.settings import Train
from .bases import Family

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "out_proj")
WITHIN = ("transformer_blocks.", "proj_in.", "proj_out.", ".encoder.layers.")
"""In transformer blocks, and around them."""
AROUND = ("resnets.", "downsamplers.", "upsamplers.")


@dataclass(frozen=True)
class Layers:
    """Of one network: inputs plus outputs of the layers that get an adapter, by `targets`."""

    attention: int
    transformer: int
    all: int
    convolutions: int
    """Of 3 × 3 convolutions in ResNet blocks and samplers: 9 × inputs + outputs."""
    around: int
    """Of the other layers there."""
    weights: int


# Counted in the true architectures (benchmarks/random_bases.py).
KNOWN: dict[Family, dict[str, Layers]] = {
    "sd15": {
        "unet": Layers(199_296, 423_936, 510_976, 544_000, 82_880, 859_520_964),
        "text_encoder": Layers(73_728, 165_888, 165_888, 0, 0, 123_060_480),
    },
    "sdxl": {
        "unet": Layers(1_451_520, 2_659_840, 2_729_216, 355_840, 58_560, 2_567_463_684),
        "text_encoder": Layers(73_728, 165_888, 165_888, 0, 0, 123_060_480),
        "text_encoder_2": Layers(327_680, 737_280, 739_840, 0, 0, 694_659_840),
    },
    "tiny": {
        "unet": Layers(1_152, 3_072, 10_000, 18_000, 1_000, 400_000),
        "text_encoder": Layers(1_024, 2_304, 2_304, 0, 0, 3_230_000),
    },
}


def trained_numbers(train: Train, family: Family, folder: str = "") -> int:
    """Numbers in a file of weights; by the base's own files where they are there."""
    found = {**KNOWN[family], **_in_files(folder)}
    if train.weights == "full":
        return weights_of(family, folder)
    return sum(_of(train, layers) for name, layers in found.items() if train.rate(name))


def weights_of(family: Family, folder: str = "") -> int:
    """Numbers in a base's U-Net."""
    return {**KNOWN[family], **_in_files(folder)}["unet"].weights


def _of(train: Train, layers: Layers) -> int:
    numbers: int = train.rank * getattr(layers, train.targets)
    if train.conv_rank is not None:
        numbers += train.conv_rank * layers.convolutions
        numbers += train.rank * layers.around * (train.targets != "all")
    return numbers


@cache
def _in_files(folder: str) -> dict[str, Layers]:
    """From the headers of a base's files; nothing of networks that are not there."""
    found = {}
    for name in ("unet", "text_encoder", "text_encoder_2"):
        files = sorted(Path(folder, name).glob("*.safetensors")) if folder else []
        shapes = {k: v for file in files[:1] for k, v in _shapes(file)}
        if shapes:
            found[name] = _count(shapes)
    return found


def _shapes(file: Path) -> Iterator[tuple[str, list[int]]]:
    """Names and shapes (the format's header: its length, then JSON)."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, told in header.items():
            if name != "__metadata__":
                yield name, told["shape"]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return


def _count(shapes: Mapping[str, list[int]]) -> Layers:
    """As `training/lora.py` chooses them; embeddings are no layers."""
    sums = dict.fromkeys(("attention", "transformer", "all", "convolutions", "around"), 0)
    for name, shape in shapes.items():
        layer = f".{name.removesuffix('.weight')}"
        if not name.endswith(".weight") or len(shape) not in (2, 4) or "embeddings." in name:
            continue
        wide, around = len(shape) == 4 and shape[2:] != [1, 1], any(a in name for a in AROUND)
        size = shape[0] + shape[1] * (9 if wide else 1)
        if wide:
            sums["convolutions"] += size * around
            continue
        sums["all"] += size
        sums["around"] += size * around
        sums["attention"] += size * layer.endswith(tuple(f".{part}" for part in ATTENTION))
        sums["transformer"] += size * any(part in f"{layer}." for part in WITHIN)
    weights = sum(_product(shape) for shape in shapes.values())
    return Layers(**sums, weights=weights)


def _product(shape: list[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
