"""Files of a UNet's whole weights, as full fine-tuning writes them: read, checked, put in."""

from collections.abc import Mapping
from pathlib import Path

import torch

from .base import Base
from .lora_keys import sai_place
from .weights import read_metadata, read_tensors, save_tensors

CHECKPOINT = "model.diffusion_model."
"""Before a UNet's names in Stability AI's checkpoints."""


def is_whole(path: Path) -> bool:
    """Not an adapter; the file says so itself."""
    return read_metadata(path).get("weights") == "full"


@torch.no_grad()
def put_whole(base: Base, path: Path) -> None:
    """Put a file's weights in place of the UNet's, in the type that these have."""
    given, _ = read_tensors(path)
    own = {f"unet.{name}": weight for name, weight in base.unet.named_parameters()}
    odd = sorted(given.keys() ^ own.keys()) or [
        name for name in sorted(own) if given[name].shape != own[name].shape
    ]
    if odd:
        raise SystemExit(
            f"{path} does not hold the UNet of a base like {base.folder}: {len(odd)} weights are "
            f"missing, foreign or of another shape, such as {odd[0]}"
        )
    for name, weight in own.items():
        weight.copy_(given[name])


def write_whole(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """By diffusers' names, `unet.<name>`."""
    save_tensors(path, tensors, {"format": "pt", "weights": "full"} | dict(metadata))


def write_checkpoint(
    path: Path, tensors: Mapping[str, torch.Tensor], base: Base, metadata: Mapping[str, str]
) -> None:
    """By Stability AI's names, `model.diffusion_model.<name>`, as other programs load a UNet."""
    renamed = {}
    for name, tensor in tensors.items():
        place, _, end = name.removeprefix("unet.").rpartition(".")
        renamed[f"{CHECKPOINT}{sai_place(place, base.unet)}.{end}"] = tensor
    save_tensors(path, renamed, {"format": "pt"} | dict(metadata))
