"""Which weights train, adapters or the whole UNet, and their files."""

import importlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..models.base import Base
from ..models.whole import is_whole, put_whole, write_checkpoint, write_whole
from . import lora
from .draws import Draws
from .objective import told
from .settings import Train

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def add_trained(base: Base, settings: Train, draws: Draws) -> dict[str, nn.Parameter]:
    """The weights that train, in float32, by `<network>.<name>`."""
    if settings.gradient_checkpointing:
        recompute = importlib.import_module(f"{__package__}.recompute")
        recompute.recompute_activations(base, settings)
    if settings.weights == "lora":
        return lora.add_lora(base, settings, draws)
    base.unet.requires_grad_(True)
    return {f"unet.{name}": weight for name, weight in base.unet.named_parameters()}


def start_from(
    path: Path, parameters: Mapping[str, nn.Parameter], settings: Train, base: Base
) -> None:
    """Take over the weights of an earlier run; of the same kind, for neither becomes the other."""
    kinds = {True: "whole weights (train.weights: full)", False: "an adapter (train.weights: lora)"}
    whole = settings.weights == "full"
    if is_whole(path) != whole:
        raise SystemExit(
            f"warm start: {path} holds {kinds[not whole]}, this arm trains {kinds[whole]}: "
            "set the same train.weights for both"
        )
    if whole:
        put_whole(base, path)
    else:
        lora.start_from(path, parameters, settings, base)


def save(
    path: Path,
    parameters: Mapping[str, torch.Tensor],
    settings: Train,
    identity: str,
    runs_before: int = 0,
    kohya: Base | None = None,
) -> None:
    """Write the weights by diffusers' names or, for a base that is given, by other programs'."""
    dtype = DTYPES[settings.save_precision]
    cast = {name: weight.detach().to(dtype) for name, weight in parameters.items()}
    lora.check_finite(f"{path} ({settings.save_precision})", cast)
    metadata = {
        "clip_skip": str(settings.clip_skip),
        "identity": identity,
        "runs_before": str(runs_before),
        **told(settings),
    }
    if settings.weights == "lora":
        lora.save(path, cast, settings, metadata, kohya)
    elif kohya is None:
        write_whole(path, cast, metadata)
    else:
        write_checkpoint(path, cast, kohya, metadata)
