"""Trained weights of a file, low-rank adapters or whole, put into a base that samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..imports import quick_imports, without_quantized_layers
from .base import Base
from .lora_file import Layer, read
from .lora_keys import WRAPPING, wrapped
from .whole import is_whole, put_whole

ADAPTER = "default"


@torch.no_grad()
def load_into(base: Base, path: Path) -> None:
    """Put an adapter, or whole weights, into a plain base that samples.

    Weights of float32 are fused: W + alpha/rank · B·A. Those of fewer bits cannot hold a small
    update (bf16 keeps 8 bits: an update of .3 % of W would be off by half), so there the adapter
    stays beside them in float32, as it was in training.
    """
    if is_whole(path):
        put_whole(base, path)
        return
    by_network: dict[str, dict[str, Layer]] = {}
    for name, layer in read(path, base).items():
        network, _, place = name.partition(".")
        by_network.setdefault(network, {})[place] = layer
    for network, layers in by_network.items():
        found: Any = base.networks[network]
        if hasattr(found, WRAPPING.removesuffix(".")):
            names = [wrapped(f"{network}.{place}").partition(".")[2] for place in layers]
            layers = dict(zip(names, layers.values(), strict=True))
        put = fuse if found.dtype == torch.float32 else attach
        put(found, layers)


def fuse(network: nn.Module, layers: Mapping[str, Layer]) -> None:
    """Add every layer's update to its weight."""
    for place, layer in layers.items():
        weight: torch.Tensor = network.get_submodule(place).weight  # type: ignore[assignment]
        weight += layer.update().view(weight.shape).to(weight.device)


def attach(network: nn.Module, layers: Mapping[str, Layer]) -> None:
    """Leave the weights as they are and let every layer's update run beside it."""
    with quick_imports():
        from peft import LoraConfig, inject_adapter_in_model

    ranks = {place: len(layer.down) for place, layer in layers.items()}
    config = LoraConfig(
        r=max(ranks.values()),
        rank_pattern=ranks if len(set(ranks.values())) > 1 else {},
        target_modules=list(layers),
        init_lora_weights=False,
    )
    with without_quantized_layers():
        inject_adapter_in_model(config, network, adapter_name=ADAPTER)
    for place, layer in layers.items():
        adapted: Any = network.get_submodule(place)
        adapted.scaling[ADAPTER] = layer.scale
        for side, values in (("lora_A", layer.down), ("lora_B", layer.up)):
            weight = adapted.get_submodule(f"{side}.{ADAPTER}").weight
            weight.data = values.to(weight.device).view(weight.shape)
    network.requires_grad_(False)
