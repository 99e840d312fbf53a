"""What turns gradients into weights: groups and their rates, the optimizer, the average."""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .schedules import factor, warmup_steps
from .settings import Train


class Optimizing:
    """The optimizer of a run, and the average of its weights where there is one."""

    def __init__(self, parameters: dict[str, nn.Parameter], settings: Train, steps: int) -> None:
        self.parameters, self.settings, self.steps = parameters, settings, steps
        groups = rate_groups(parameters, settings)
        self.peaks = [group["lr"] for group in groups]
        plugin = importlib.import_module(f"{__package__}.optimizers.{settings.optimizer.kind}")
        try:
            self.optimizer: torch.optim.Optimizer = plugin.make(
                groups, settings.optimizer, warmup_steps(settings, steps)
            )
        except ModuleNotFoundError as error:
            raise SystemExit(
                f"optimizer {settings.optimizer.kind} needs the package {error.name}, which this "
                "environment has not: make the environment again from envs/melablate.lock.txt"
            ) from None
        self.average: Any = None
        if settings.ema is not None:
            ema = importlib.import_module(f"{__package__}.ema")
            self.average = ema.Average(parameters, settings.ema)
        self._mode(True)

    @property
    def averages(self) -> dict[str, torch.Tensor]:
        """The average, for the saved state."""
        found: dict[str, torch.Tensor] = {} if self.average is None else self.average.tensors
        return found

    def set_rates(self, step: int) -> float:
        """The learning rates of step 0, 1, …; that of the UNet."""
        scale = factor(step, self.steps, self.settings)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * scale
        return float(self.optimizer.param_groups[0]["lr"])

    def stepped(self, step: int) -> None:
        """After the optimizer's step 0, 1, …"""
        if self.average is not None:
            self.average.update(step)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the weights are those that are validated, sampled from and saved.

        Afterwards they are the old ones to the bit: when it is entered changes no result.
        """
        if self.average is None and not hasattr(self.optimizer, "eval"):
            yield  # they are the same, and a copy of whole weights takes gigabytes
            return
        trained = {name: weight.detach().clone() for name, weight in self.parameters.items()}
        self.finish()
        try:
            yield
        finally:
            self._mode(True)
            copy_into(self.parameters, trained)

    def finish(self) -> None:
        """Put the average in place of the weights, for good."""
        self._mode(False)
        copy_into(self.parameters, self.averages)

    def _mode(self, training: bool) -> None:
        """Schedule-free trains at one point and has its average in another."""
        change: Any = getattr(self.optimizer, "train" if training else "eval", None)
        if change is not None:
            change()


def rate_groups(parameters: Mapping[str, nn.Parameter], settings: Train) -> list[dict[str, Any]]:
    """The weights of each network with its peak learning rate; the UNet's first."""
    networks = dict.fromkeys(name.partition(".")[0] for name in parameters)
    return [
        {
            "params": [w for name, w in parameters.items() if name.startswith(f"{network}.")],
            "lr": settings.rate(network),
        }
        for network in networks
    ]


@torch.no_grad()
def copy_into(parameters: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor]) -> None:
    """Copy the values that there are."""
    for name, value in values.items():
        parameters[name].copy_(value)
