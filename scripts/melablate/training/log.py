"""The training log: means over a few steps, and the check that losses and gradients are numbers."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

COLUMNS = ("step", "epoch", "loss", "lr", "grad_norm")


MOST_SKIPPED = 50
"""Steps in a row that may overflow: halved so often, the scale of fp16 is next to nothing."""


class NotFiniteError(Exception):
    """The loss of a step, or the norm of its gradient, is not a number."""

    def __init__(self, step: int, what: str, value: float, of_batch: bool = True) -> None:
        super().__init__(f"{what} {value} at step {step}")
        self.step, self.what, self.value, self.of_batch = step, what, value, of_batch


@dataclass
class Log:
    """Values stay on the device until a line is due, so that the device need not wait."""

    every: int
    epoch_steps: float
    scaled: bool = False
    """Losses are scaled (fp16): a gradient that overflows only makes the optimizer skip a step."""
    rows: list[list[float]] = field(default_factory=list)
    pending: list[list[float]] = field(default_factory=list)
    """Loss and gradient norm of the steps since the last line."""
    waiting: list[torch.Tensor] = field(default_factory=list)
    skipped: int = 0
    """Steps in a row, up to now, whose gradient overflowed."""

    def add(self, step: int, loss: torch.Tensor, norm: torch.Tensor, lr: float, last: bool) -> bool:
        """Note step 0, 1, …; True when a line was written."""
        self.waiting.append(torch.stack([loss.detach().float(), norm.detach().float()]))
        if (step + 1) % self.every and not last:
            return False
        self.settle(step + 1)
        losses, norms = zip(*self.pending, strict=True)
        row = [step + 1, (step + 1) / self.epoch_steps, _mean(losses), lr, _mean(norms)]
        self.rows.append(row)
        self.pending = []
        return True

    def settle(self, done: int) -> None:
        """Fetch what is on the device, and check it; `done` steps are finished."""
        if not self.waiting:
            return
        values: list[list[float]] = torch.stack(self.waiting).tolist()
        first = done - len(values)
        self.waiting = []
        for step, (loss, norm) in enumerate(values, first):
            if not math.isfinite(loss):
                raise NotFiniteError(step, "loss", loss)
            self.skipped = 0 if math.isfinite(norm) else self.skipped + 1
            if self.skipped > (MOST_SKIPPED if self.scaled else 0):
                raise NotFiniteError(step, "gradient's norm", norm)
        self.pending += values

    def csv(self) -> str:
        """The lines as CSV; no times in it: the same run gives the same file."""
        return table(COLUMNS, self.rows)

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"rows": self.rows, "pending": self.pending, "skipped": self.skipped}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.rows, self.pending = state["rows"], state["pending"]
        self.skipped = state["skipped"]


def table(columns: Sequence[str], rows: Iterable[Sequence[float]]) -> str:
    """Rows that begin with a step, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for step, *rest in rows:
        writer.writerow([int(step), *(f"{value:.9g}" for value in rest)])
    return out.getvalue()


def _mean(values: Sequence[float]) -> float:
    """Of the finite ones: a skipped step has no norm."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
