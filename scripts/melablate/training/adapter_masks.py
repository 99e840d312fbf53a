"""Dropout of adapters' inputs, inner values, ranks and whole adapters, with explicit generators.

Each mask is a function of seed, layer and sample (of the step, for whole adapters). So it is the
same where activations are computed twice, where a run goes on, and in micro-batches of any size.
"""

from collections.abc import Sequence
from typing import Any

import torch

from ..models.base import Base
from ..models.lora import ADAPTER
from .draws import Draws
from .dropouts import Dropouts
from .settings import Train


class Masks:
    """Hooks on the adapters of a base; they do nothing while no samples are named."""

    def __init__(self, base: Base, settings: Train, draws: Draws, now: Dropouts) -> None:
        self.shares, self.draws, self.now = settings.adapter_dropout, draws, now
        self.generator: torch.Generator | None = None
        for network, module in base.networks.items():
            for place, layer in module.named_modules():
                if hasattr(layer, "lora_A") and ADAPTER in layer.lora_A:
                    self._hook(f"{network}.{place}", layer)

    def _hook(self, name: str, layer: Any) -> None:
        down, up, shares = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER], self.shares

        def inputs(_: Any, given: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
            return (self._elements("input", shares.input, name, given[0]),)

        def between(_: Any, __: Any, values: torch.Tensor) -> torch.Tensor:
            values = self._elements("neuron", shares.neuron, name, values)
            return self._ranks(name, values)

        def whole(_: Any, __: Any, update: torch.Tensor) -> torch.Tensor:
            dropped = self.draws.uniform("module dropout", name, self.now.step) < shares.module
            # Not left out: every weight has a gradient, as distributed training expects.
            return update * 0.0 if self.now.samples and dropped else update

        if shares.input:
            down.register_forward_pre_hook(inputs)
        if shares.neuron or shares.rank:
            down.register_forward_hook(between)
        if shares.module:
            up.register_forward_hook(whole)

    def _elements(self, what: str, share: float, name: str, values: torch.Tensor) -> torch.Tensor:
        if not share or not self.now.samples:
            return values
        return values * self._masks(what, share, name, values, values.shape[1:])

    def _ranks(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """Of a linear layer they are last, of a convolution first after the samples."""
        if not self.shares.rank or not self.now.samples:
            return values
        place = 1 if values.ndim == 4 else values.ndim - 1
        shape = [1] * (values.ndim - 1)
        shape[place - 1] = values.shape[place]
        return values * self._masks("rank", self.shares.rank, name, values, shape)

    def _masks(
        self, what: str, share: float, name: str, values: torch.Tensor, shape: Sequence[int]
    ) -> torch.Tensor:
        """0 or 1 / (1 − share) for every sample, drawn on the device: inputs are large."""
        if len(values) != len(self.now.samples):
            raise ValueError(f"{name}: {len(values)} rows for {len(self.now.samples)} samples")
        if self.generator is None or self.generator.device != values.device:
            self.generator = torch.Generator(device=values.device)
        drawn = torch.empty((len(values), *shape), device=values.device)
        for sample, row in zip(self.now.samples, drawn, strict=True):
            self.generator.manual_seed(self.draws.number(f"{what} dropout", name, *sample.key))
            row.uniform_(generator=self.generator)
        return (drawn >= share).to(values.dtype) / (1.0 - share)
