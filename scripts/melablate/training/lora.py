"""Low-rank adapters: added to a base, saved, started from another arm's, fused into a base."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..models.base import Base
from ..models.weights import read_tensors, save_tensors
from .draws import Draws
from .settings import Train

ADAPTER = "default"
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


def save(
    path: Path, parameters: Mapping[str, torch.Tensor], settings: Train, identity: str
) -> None:
    """Write adapter weights with what is needed to apply them."""
    metadata = {
        "format": "pt",
        "rank": str(settings.rank),
        "alpha": repr(settings.alpha),
        "targets": settings.targets,
        "clip_skip": str(settings.clip_skip),
        "identity": identity,
    }
    save_tensors(path, parameters, metadata)


def read(path: Path) -> tuple[dict[str, torch.Tensor], float]:
    """Adapter weights of a file and their scale alpha/rank."""
    tensors, metadata = read_tensors(path)
    try:
        scale = float(metadata["alpha"]) / int(metadata["rank"])
    except (KeyError, ValueError, ZeroDivisionError):
        raise SystemExit(f"{path} is no adapter of this project: rank and alpha missing") from None
    ends = (".lora_A.weight", ".lora_B.weight")
    foreign = [name for name in tensors if not name.endswith(ends)]
    if foreign or not tensors:
        raise SystemExit(f"{path} is no adapter: foreign keys {foreign[:3]}")
    return tensors, scale


def start_from(path: Path, parameters: Mapping[str, nn.Parameter], settings: Train) -> None:
    """Copy another run's adapter in: a lower rank fills up, another scale is made good."""
    tensors, scale = read(path)
    if tensors.keys() != parameters.keys():
        odd = sorted(tensors.keys() ^ parameters.keys())
        raise SystemExit(
            f"warm start: {path} and this arm adapt different layers ({len(odd)}, such as "
            f"{odd[0]}): give both the same base, targets and lr_text (set in both or in none)"
        )
    for name, weight in parameters.items():
        side = 0 if ".lora_A." in name else 1
        given = tensors[name].float()
        rank = given.shape[side]
        fits = [given.shape[axis] == weight.shape[axis] for axis in range(1, given.ndim)]
        if rank > settings.rank or (side == 0 and not all(fits)):
            raise SystemExit(
                f"warm start: {name} of {path} is {list(given.shape)}, larger than this arm's "
                f"{list(weight.shape)}: use at least its rank"
            )
        if side == 1:
            given = given * (scale / (settings.alpha / settings.rank))
        weight.data.narrow(side, 0, rank).copy_(given)


@torch.no_grad()
def load_into(base: Base, path: Path) -> None:
    """Fuse an adapter into the weights of a plain base: W + alpha/rank · B·A."""
    tensors, scale = read(path)
    networks = base.networks
    for name in sorted(tensors):
        if not name.endswith(".lora_A.weight"):
            continue
        stem = name.removesuffix(".lora_A.weight")
        network, _, layer = stem.partition(".")
        if network not in networks and network.startswith("text_encoder") and base.text_encoders:
            raise SystemExit(f"{path} adapts {network}, which the base {base.folder} has not")
        if network not in networks:
            raise SystemExit(f"{path} adapts {network}: load that part of the base too")
        try:
            adapted: Any = networks[network].get_submodule(layer)
            weight: torch.Tensor = adapted.weight
            down, up = tensors[name].float().flatten(1), tensors[f"{stem}.lora_B.weight"].float()
            update = (up.flatten(1) @ down * scale).view(weight.shape)
        except (AttributeError, KeyError, RuntimeError) as error:
            raise SystemExit(
                f"{path} does not fit the base {base.folder} at {stem}: {error}"
            ) from None
        weight.copy_((weight.float() + update.to(weight.device)).to(weight.dtype))
