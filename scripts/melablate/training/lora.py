"""Low-rank adapters that train: added to a base, saved, started from another arm's."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..imports import quick_imports, without_quantized_layers
from ..models.base import Base
from ..models.lora import ADAPTER
from ..models.lora_file import read, stems, write_diffusers, write_kohya
from ..models.lora_keys import bare
from ..models.weights import read_metadata
from .draws import Draws
from .settings import Train

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "out_proj")


TRANSFORMERS = ("Transformer2DModel", "CLIPEncoderLayer")
CONVOLUTIONAL = ("ResnetBlock2D", "Downsample2D", "Upsample2D")
"""Where kohya's trainer looks for layers; in the second kind only with a rank for convolutions."""


def target_layers(network: nn.Module, targets: str, convolutions: bool = False) -> list[str]:
    """Names of the layers that get an adapter."""
    transformers = _named(network, TRANSFORMERS)
    resnets = _named(network, CONVOLUTIONAL) if convolutions else ()
    found = []
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        attention = name.endswith(tuple("." + part for part in ATTENTION))
        within = name.startswith(transformers) and (targets == "transformer" or attention)
        pointwise = not is_convolution(module.weight)
        if name.startswith(resnets) or (pointwise and (targets == "all" or within)):
            found.append(name)
    return found


def _named(network: nn.Module, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Beginnings of the names of what stands in such modules."""
    modules = network.named_modules()
    return tuple(f"{name}." for name, module in modules if type(module).__name__ in kinds)


def is_convolution(weight: torch.Tensor) -> bool:
    """Of more than one pixel; 1×1 is as good as linear."""
    return weight.ndim == 4 and weight.shape[2:] != (1, 1)


def add_lora(base: Base, settings: Train, draws: Draws) -> dict[str, nn.Parameter]:
    """Put adapters on the UNet and, where it trains, the text; their weights by name.

    The update is alpha/rank · B·A; A starts as Kaiming-uniform (√5), B as zero (Hu et al. 2021).
    """
    if settings.lr_text_2 is not None and "text_encoder_2" not in base.networks:
        raise SystemExit(f"lr_text_2 is set, but the base {base.folder} has one text encoder")
    parameters: dict[str, nn.Parameter] = {}
    for name, network in base.networks.items():
        if not settings.rate(name):
            continue
        layers = target_layers(network, settings.targets, settings.conv_rank is not None)
        if not layers:
            raise SystemExit(f"the base's {name} has no layer for targets: {settings.targets}")
        for layer, weights in _inject(network, layers, settings).items():
            for side, weight in zip(("lora_A", "lora_B"), weights, strict=True):
                parameters[f"{name}.{layer}.{side}.weight"] = weight
    for name, weight in parameters.items():
        if ".lora_A." in name:
            nn.init.kaiming_uniform_(
                weight, a=math.sqrt(5), generator=draws.generator("adapter", name)
            )
        else:
            nn.init.zeros_(weight)
    return parameters


def _inject(
    network: nn.Module, layers: list[str], settings: Train
) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
    """Put an adapter beside each layer; its A and B, in float32."""
    with quick_imports():
        from peft import LoraConfig, inject_adapter_in_model

    weights: dict[str, torch.Tensor] = {
        layer: network.get_submodule(layer).get_parameter("weight") for layer in layers
    }
    sizes = {layer: settings.adapter(is_convolution(weights[layer])) for layer in layers}
    config = LoraConfig(
        r=settings.rank,
        rank_pattern={layer: r for layer, (r, _) in sizes.items() if r != settings.rank},
        target_modules=layers,
        init_lora_weights=False,
    )
    with without_quantized_layers():
        inject_adapter_in_model(config, network, adapter_name=ADAPTER)
    found = {}
    for layer, (_, scale) in sizes.items():
        adapted: Any = network.get_submodule(layer)
        adapted.scaling[ADAPTER] = scale
        pair = tuple(adapted.get_submodule(f"{side}.{ADAPTER}") for side in ("lora_A", "lora_B"))
        for part in pair:
            part.weight.data = part.weight.data.float()
        found[layer] = (pair[0].weight, pair[1].weight)
    return found


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
    metadata: Mapping[str, str],
    kohya: Base | None = None,
) -> None:
    """Write adapter weights in diffusers' keys or, for a base that is given, in kohya's."""
    metadata = {"targets": settings.targets, **metadata}
    alphas = {}
    for stem in stems(parameters):
        down = parameters[f"{stem}.lora_A.weight"]
        alphas[stem] = len(down) * settings.adapter(is_convolution(down))[1]
    if kohya is None:
        write_diffusers(path, parameters, alphas, metadata)
    else:
        write_kohya(path, parameters, alphas, kohya, metadata | _network_args(settings))


def _network_args(settings: Train) -> dict[str, str]:
    """As kohya's trainer tells of the adapters."""
    rank, scale = settings.adapter(convolution=False)
    found = {"ss_network_dim": str(rank), "ss_network_alpha": repr(rank * scale)}
    if settings.conv_rank is not None:
        rank, scale = settings.adapter(convolution=True)
        arguments = {"conv_dim": str(rank), "conv_alpha": repr(rank * scale)}
        found["ss_network_args"] = json.dumps(arguments)
    return found


def runs_before(warm_start: Path | None) -> int:
    """Runs that led to a warm start's weights; of an adapter made elsewhere, one is known."""
    if warm_start is None:
        return 0
    return 1 + int(read_metadata(warm_start).get("runs_before", "0"))


def start_from(
    path: Path, parameters: Mapping[str, nn.Parameter], settings: Train, base: Base
) -> None:
    """Copy another adapter in, of this project or made elsewhere, in diffusers' keys or kohya's.

    A lower rank fills up, another scale is made good.
    """
    layers = read(path, base)
    given = {f"{name}.lora_A.weight": layer.down for name, layer in layers.items()}
    for name, layer in layers.items():
        own = settings.adapter(is_convolution(layer.down))[1]
        given[f"{name}.lora_B.weight"] = layer.up * (layer.scale / own)
    own_names = {bare(name) for name in parameters}
    if given.keys() != own_names:
        odd = sorted(given.keys() ^ own_names)
        raise SystemExit(
            f"warm start: {path} and this arm adapt different layers ({len(odd)}, such as "
            f"{odd[0]}): give both the same base, targets, conv_rank and lr_text (set in both or "
            "in none)"
        )
    for name, weight in parameters.items():
        # Flat, as a 1×1 convolution and a linear layer are the same here.
        side, flat = int(".lora_B." in name), weight.data.flatten(1)
        new = given[bare(name)].flatten(1)
        if new.shape[side] > flat.shape[side] or new.shape[1 - side] != flat.shape[1 - side]:
            raise SystemExit(
                f"warm start: {name} of {path} is {list(new.shape)}, larger than this arm's "
                f"{list(flat.shape)}: use at least its rank"
            )
        flat.narrow(side, 0, new.shape[side]).copy_(new)
