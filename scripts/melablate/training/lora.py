"""Low-rank adapters that train: added to a base, saved, started from another arm's."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..models.base import Base
from ..models.lora import ADAPTER
from ..models.lora_file import read, write_diffusers, write_kohya
from ..models.lora_keys import bare
from ..models.weights import read_tensors
from .draws import Draws
from .settings import Train

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "out_proj")


def target_layers(network: nn.Module, targets: str) -> list[str]:
    """Names of the layers that get an adapter."""
    # Where kohya's trainer looks for layers, UNet and CLIP.
    blocks = [
        name
        for name, module in network.named_modules()
        if type(module).__name__ in ("Transformer2DModel", "CLIPEncoderLayer")
    ]
    found = []
    for name, module in network.named_modules():
        pointwise = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
        if not (pointwise or isinstance(module, nn.Linear)):
            continue
        within = any(name.startswith(block + ".") for block in blocks)
        attention = name.endswith(tuple("." + part for part in ATTENTION))
        if targets == "all" or (within and (targets == "transformer" or attention)):
            found.append(name)
    return found


def add_lora(base: Base, settings: Train, draws: Draws) -> dict[str, nn.Parameter]:
    """Put adapters on the UNet and, where it trains, the text; their weights by name.

    The update is alpha/rank · B·A; A starts as Kaiming-uniform (√5), B as zero (Hu et al. 2021).
    """
    from peft import LoraConfig, inject_adapter_in_model

    parameters: dict[str, nn.Parameter] = {}
    weight: nn.Parameter
    for name, network in base.networks.items():
        if name != "unet" and settings.lr_text is None:
            continue
        layers = target_layers(network, settings.targets)
        if not layers:
            raise SystemExit(f"the base's {name} has no layer for targets: {settings.targets}")
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            target_modules=layers,
            init_lora_weights=False,
        )
        inject_adapter_in_model(config, network, adapter_name=ADAPTER)
        for layer in layers:
            adapted: Any = network.get_submodule(layer)
            for side in ("lora_A", "lora_B"):
                weight = adapted.get_submodule(f"{side}.{ADAPTER}").weight
                weight.data = weight.data.float()
                parameters[f"{name}.{layer}.{side}.weight"] = weight
    for name, weight in parameters.items():
        if ".lora_A." in name:
            nn.init.kaiming_uniform_(
                weight, a=math.sqrt(5), generator=draws.generator("adapter", name)
            )
        else:
            nn.init.zeros_(weight)
    return parameters


def check_finite(run: str, parameters: Mapping[str, torch.Tensor]) -> None:
    """No state and no weights are written that hold anything but numbers."""
    odd = [name for name, weight in parameters.items() if not weight.isfinite().all()]
    if odd:
        raise SystemExit(
            f"{run}: {len(odd)} of {len(parameters)} weights are not finite, such as {odd[0]}: "
            "lower lr, or use precision bf16 or no"
        )


def save(
    path: Path,
    parameters: Mapping[str, torch.Tensor],
    settings: Train,
    identity: str,
    runs_before: int = 0,
    kohya: Base | None = None,
) -> None:
    """Write adapter weights in diffusers' keys or, for a base that is given, in kohya's."""
    metadata = {
        "targets": settings.targets,
        "clip_skip": str(settings.clip_skip),
        "identity": identity,
        "runs_before": str(runs_before),
    }
    # What the weights predict, where it is not what the base predicts.
    if settings.prediction_type is not None:
        metadata["prediction_type"] = settings.prediction_type
    if settings.zero_terminal_snr:
        metadata["zero_terminal_snr"] = "true"
    if kohya is None:
        write_diffusers(path, parameters, settings.rank, settings.alpha, metadata)
    else:
        write_kohya(path, parameters, settings.rank, settings.alpha, kohya, metadata)


def runs_before(warm_start: Path | None) -> int:
    """Runs that led to a warm start's weights; of an adapter made elsewhere, one is known."""
    if warm_start is None:
        return 0
    return 1 + int(read_tensors(warm_start)[1].get("runs_before", "0"))


def start_from(
    path: Path, parameters: Mapping[str, nn.Parameter], settings: Train, base: Base
) -> None:
    """Copy another adapter in, of this project or made elsewhere, in diffusers' keys or kohya's.

    A lower rank fills up, another scale is made good.
    """
    layers = read(path, base)
    given = {f"{name}.lora_A.weight": layer.down for name, layer in layers.items()}
    own = settings.alpha / settings.rank
    for name, layer in layers.items():
        given[f"{name}.lora_B.weight"] = layer.up * (layer.scale / own)
    own_names = {bare(name) for name in parameters}
    if given.keys() != own_names:
        odd = sorted(given.keys() ^ own_names)
        raise SystemExit(
            f"warm start: {path} and this arm adapt different layers ({len(odd)}, such as "
            f"{odd[0]}): give both the same base, targets and lr_text (set in both or in none)"
        )
    for name, weight in parameters.items():
        # Flat, as a 1×1 convolution and a linear layer are the same here.
        side, flat = int(".lora_B." in name), weight.data.flatten(1)
        new = given[bare(name)].flatten(1)
        if new.shape[side] > settings.rank or new.shape[1 - side] != flat.shape[1 - side]:
            raise SystemExit(
                f"warm start: {name} of {path} is {list(new.shape)}, larger than this arm's "
                f"{list(flat.shape)}: use at least its rank"
            )
        flat.narrow(side, 0, new.shape[side]).copy_(new)
