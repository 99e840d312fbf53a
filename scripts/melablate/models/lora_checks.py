"""What is wrong with a file of adapters, in words: it is found out before anything is computed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from .base import Base
from .lora_keys import TEXT, WRAPPING, is_xl, wrapped

OTHERS = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_w": "LoHa",
    "lokr_w": "LoKr",
    "oft_": "OFT",
    "lora_mid": "LoCon in Tucker's form",
    "on_input": "IA³",
}
"""Kinds of adapters whose update is no product of two matrices, by a part of their keys."""
OF_XL = ("lora_te1_", "lora_te2_", "lora_unet_input_blocks_", "lora_unet_output_blocks_")


def refuse_foreign(path: Path, base: Base, foreign: Sequence[str]) -> None:
    """Say what the keys that were not understood look like."""
    kinds = sorted({kind for key in foreign for part, kind in OTHERS.items() if part in key})
    said = f"{path} is no adapter of a base like {base.folder}: {len(foreign)} foreign keys, such "
    said += f"as {list(foreign[:3])}"
    if kinds:
        raise SystemExit(f"{said}. They are {' and '.join(kinds)}; only plain LoRA can be read")
    xl = base.unet is not None and is_xl(base.unet)
    if not xl and any(key.startswith(OF_XL) for key in foreign):
        raise SystemExit(f"{said}. It was made for SDXL, and this base is none")
    if xl and any(key.startswith("lora_te_") for key in foreign):
        raise SystemExit(f"{said}. It was made for SD 1.5, and this base is SDXL")
    raise SystemExit(said)


def check_layer(path: Path, base: Base, name: str, down: torch.Tensor, up: torch.Tensor) -> None:
    """An update must be of numbers, of one rank, and of the size of the weight that it changes."""
    if len(down) != up.flatten(1).shape[1] or not len(down):
        raise SystemExit(
            f"{path}: {name} has {len(down)} rows down, but {up.flatten(1).shape[1]} columns up"
        )
    if not (down.isfinite().all() and up.isfinite().all()):
        raise SystemExit(f"{path}: {name} holds what is no number; make the file again")
    network, _, place = name.partition(".")
    if network not in ("unet", *TEXT):
        raise SystemExit(f"{path} adapts {network}, which no base here has")
    found: Any = base.networks.get(network)
    if found is None:
        _refuse_network(path, base, network)
    if hasattr(found, WRAPPING.removesuffix(".")):
        place = wrapped(name).partition(".")[2]
    said = f"{path} does not fit the base {base.folder} at {name}"
    try:
        layer = found.get_submodule(place)
        wanted = list(getattr(layer, "base_layer", layer).weight.flatten(1).shape)
    except AttributeError as error:
        raise SystemExit(f"{said}: {error}") from None
    given = [up.flatten(1).shape[0], down.flatten(1).shape[1]]
    if given != wanted:
        raise SystemExit(f"{said}: its update is {given}, the weight {wanted}")


def check_alpha(path: Path, name: str, alpha: float) -> float:
    """The number that an update is scaled by."""
    if not abs(alpha) < float("inf"):
        raise SystemExit(f"{path}: alpha of {name} is {alpha}; make the file again")
    return alpha


def number(path: Path, metadata: Mapping[str, str], key: str) -> float:
    """A number of a file's metadata."""
    try:
        return float(metadata[key])
    except ValueError:
        raise SystemExit(f"{path}: its metadata say {key} {metadata[key]!r}, no number") from None


def _refuse_network(path: Path, base: Base, network: str) -> None:
    if network in TEXT and base.text_encoders:
        raise SystemExit(
            f"{path} adapts {network}, which the base {base.folder} has not: it is of another base"
        )
    raise SystemExit(f"{path} adapts {network}: load that part of the base too")
