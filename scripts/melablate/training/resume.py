"""Exact resume: one file that holds all that a run has come to, beside the run's outputs.

`<prefix>.resume-<identity>/state.safetensors` is replaced by a rename, so a kill at any moment
leaves the old state or the new one. It is of no use to a run of another identity, and is
removed then, and when the run has written its outputs.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from ..models.weights import read_tensors, save_tensors
from .optimizer_state import recall, remembered

NONE: Mapping[str, torch.Tensor] = MappingProxyType({})


@dataclass(frozen=True)
class Cadence:
    """How often the state is saved. It changes no result, so it is no part of the settings."""

    seconds: float | None = None
    steps: int | None = None

    def due(self, done: int, seconds: float) -> bool:
        """Save after `done` steps, so many seconds after the last time?"""
        by_time = self.seconds is not None and seconds >= self.seconds
        return by_time or (self.steps is not None and done % self.steps == 0)


@dataclass
class Resume:
    """Where the state of one run lives."""

    prefix: Path
    identity: str
    contents: Callable[[], str] = str
    """Digest of the input files: the identity tells settings and code apart, not what a changed
    earlier stage made of them. Asked for only when a state is saved or found."""

    @property
    def folder(self) -> Path:
        """Beside the outputs: Snakemake deletes the outputs of a failed job, not this."""
        return self.prefix.with_name(f"{self.prefix.name}.resume-{self.identity[:12]}")

    @property
    def path(self) -> Path:
        """The one file."""
        return self.folder / "state.safetensors"

    def remove_stale(self) -> None:
        """Remove states of other identities: their settings, inputs or code were others."""
        for folder in sorted(self.prefix.parent.glob(f"{self.prefix.name}.resume-*")):
            if folder != self.folder:
                print(f"{folder}: of another identity, removed", file=sys.stderr)
                shutil.rmtree(folder, ignore_errors=True)

    def save(
        self,
        step: int,
        parameters: dict[str, nn.Parameter],
        optimizer: torch.optim.Optimizer,
        rest: dict[str, Any],
        averages: Mapping[str, torch.Tensor] = NONE,
    ) -> None:
        """Keep the state after `step` steps; `rest` is anything that JSON can hold."""
        moments, numbers = remembered(optimizer)
        parts = {"weight": parameters, "average": averages, "optimizer": moments}
        tensors = {
            f"{kind}.{name}": tensor.detach()
            for kind, part in parts.items()
            for name, tensor in part.items()
        }
        state = {
            "identity": self.identity,
            "contents": self.contents(),
            "step": step,
            "numbers": numbers,
            "rest": rest,
        }
        save_tensors(self.path, tensors, {"state": json.dumps(state)})

    def load(
        self,
        parameters: dict[str, nn.Parameter],
        optimizer: torch.optim.Optimizer,
        averages: Mapping[str, torch.Tensor] = NONE,
    ) -> tuple[int, dict[str, Any]] | None:
        """Put the saved state back; the step it stands at and `rest`, or None without one."""
        if not self.path.exists():
            return None
        try:
            tensors, metadata = read_tensors(self.path)
            state = json.loads(metadata["state"])
            if state["identity"] != self.identity:
                raise KeyError("identity")
            if state["contents"] != self.contents():
                raise ValueError("its input files have changed since")
            weights = {name: tensors[f"weight.{name}"] for name in parameters}
            averaged = {name: tensors[f"average.{name}"] for name in averages}
        except (SystemExit, KeyError, ValueError) as error:
            print(f"{self.path} is of no use ({error}): starting anew", file=sys.stderr)
            return None
        moments = {
            name.removeprefix("optimizer."): tensor
            for name, tensor in tensors.items()
            if name.startswith("optimizer.")
        }
        recall(optimizer, moments, state["numbers"])
        for name, weight in parameters.items():
            weight.data.copy_(weights[name])
        for name, average in averages.items():
            average.copy_(averaged[name])
        return state["step"], state["rest"]

    def remove(self) -> None:
        """The run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
