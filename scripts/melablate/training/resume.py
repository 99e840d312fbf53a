"""Exact resume: one file that holds all that a run has come to, beside the run's outputs.

`<prefix>.resume-<identity>/state.safetensors` is replaced by a rename, so a kill at any moment
leaves the old state or the new one. A run of another identity does not touch it: a change that is
taken back goes on from it. All states are removed when a run has written its outputs.
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

from ..models.weights import read_metadata, read_tensors, save_tensors
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
    earlier stage made of them. Every save asks for it, so it is to be kept."""

    @property
    def folder(self) -> Path:
        """Beside the outputs: Snakemake deletes the outputs of a failed job, not this."""
        return self.prefix.with_name(f"{self.prefix.name}.resume-{self.identity[:12]}")

    @property
    def path(self) -> Path:
        """The one file."""
        return self.folder / "state.safetensors"

    @property
    def folders(self) -> list[Path]:
        """Of this and of other identities."""
        return sorted(self.prefix.parent.glob(f"{self.prefix.name}.resume-*"))

    def tell_stale(self) -> None:
        """Say of states of other identities that they are not gone on from."""
        for folder in self.folders:
            if folder != self.folder:
                print(
                    f"{folder}: of another identity (settings, inputs or code differ), not taken; "
                    "it is removed when this run is done",
                    file=sys.stderr,
                )

    def check(self) -> None:
        """Whether a state that is found is whole, and of this run; before anything is loaded."""
        if not self.path.exists():
            return
        try:
            whose = json.loads(read_metadata(self.path)["state"])["identity"]
        except (KeyError, ValueError):
            raise SystemExit(
                f"{self.path} is no state of a run: remove its folder, and the run begins anew"
            ) from None
        if whose != self.identity:
            raise SystemExit(
                f"{self.path} is of another identity ({whose}, this run is {self.identity}): put "
                "it back where it came from, or remove its folder, and this run begins anew"
            )

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

    def keep_best(self, step: int, parameters: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights that did best so far, beside those of the saved state's best."""
        save_tensors(self._best(step), parameters, {})

    def best(self, step: int) -> dict[str, torch.Tensor]:
        """The weights that were kept."""
        return read_tensors(self._best(step))[0]

    def forget_but(self, step: int | None) -> None:
        """Remove what was kept of steps that are no longer the best one."""
        for path in self.folder.glob("best-*.safetensors"):
            if step is None or path != self._best(step):
                path.unlink()

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step}.safetensors"

    def load(
        self,
        parameters: dict[str, nn.Parameter],
        optimizer: torch.optim.Optimizer,
        averages: Mapping[str, torch.Tensor] = NONE,
    ) -> tuple[int, dict[str, Any]] | None:
        """Put the saved state back; the step it stands at and `rest`, or None without one."""
        if not self.path.exists():
            return None
        tensors, metadata = read_tensors(self.path)
        state = json.loads(metadata["state"])
        if state["contents"] != self.contents():
            said = "its input files have changed since, starting anew"
            print(f"{self.path}: {said}", file=sys.stderr)
            return None
        weights = {name: tensors[f"weight.{name}"] for name in parameters}
        averaged = {name: tensors[f"average.{name}"] for name in averages}
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
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
