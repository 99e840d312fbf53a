"""The training log: means over a few steps, and the check that every loss is a number."""

import csv
import io
import math
from dataclasses import dataclass, field
from typing import Any

import torch

COLUMNS = ("step", "epoch", "loss", "lr", "grad_norm")


class NotFiniteError(Exception):
    """The loss of a step is not a number."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(f"loss {value} at step {step}")
        self.step, self.value = step, value


@dataclass
class Log:
    """Values stay on the device until a line is due, so that the device need not wait."""

    every: int
    epoch_steps: float
    rows: list[list[float]] = field(default_factory=list)
    pending: list[list[float]] = field(default_factory=list)
    """Loss and gradient norm of the steps since the last line."""
    waiting: list[torch.Tensor] = field(default_factory=list)

    def add(self, step: int, loss: torch.Tensor, norm: torch.Tensor, lr: float, last: bool) -> bool:
        """Note step 0, 1, …; True when a line was written."""
        self.waiting.append(torch.stack([loss.detach().float(), norm.detach().float()]))
        if (step + 1) % self.every and not last:
            return False
        self.settle(step + 1)
        means = [math.fsum(values) / len(values) for values in zip(*self.pending, strict=True)]
        self.rows.append([step + 1, (step + 1) / self.epoch_steps, means[0], lr, means[1]])
        self.pending = []
        return True

    def settle(self, done: int) -> None:
        """Fetch what is on the device, and check it; `done` steps are finished."""
        if not self.waiting:
            return
        values: list[list[float]] = torch.stack(self.waiting).tolist()
        first = done - len(values)
        self.waiting = []
        for offset, (loss, _) in enumerate(values):
            if not math.isfinite(loss):
                raise NotFiniteError(first + offset, loss)
        self.pending += values

    def csv(self) -> str:
        """The lines as CSV; no times in it: the same run gives the same file."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for step, *rest in self.rows:
            writer.writerow([int(step), *(f"{value:.9g}" for value in rest)])
        return out.getvalue()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"rows": self.rows, "pending": self.pending}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.rows, self.pending = state["rows"], state["pending"]
