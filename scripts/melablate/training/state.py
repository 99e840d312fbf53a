"""All that changes in the course of a run, saved and put back."""

import time
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..progress import say
from .dropouts import Dropouts
from .log import Log
from .lora import check_finite
from .micro_batches import MicroBatches
from .optimizing import Optimizing
from .provenance import peak_memory
from .resume import Resume
from .run import Run
from .terms import Terms


@dataclass
class State:
    """What steps read and change."""

    optimizing: Optimizing
    dropouts: Dropouts
    terms: Terms
    scaler: Any
    """Scales the loss where gradients are of fp16, lest small ones vanish (Micikevicius et al.
    2018); elsewhere it does nothing."""
    log: Log
    micro: MicroBatches
    validation: list[tuple[int, float]] = field(default_factory=list)
    """Steps that were done, and the loss on held-out clips."""
    first: int = 0
    """Step at which this try began."""
    before: float = 0.0
    """Seconds in the loop of the tries before."""
    start: float = 0.0
    """When the loop of this try began."""
    peak_before: dict[str, int] = field(default_factory=dict)
    """Most memory that a try before held, MiB."""

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The weights that train, by name."""
        return self.optimizing.parameters

    @property
    def best(self) -> tuple[int, float] | None:
        """The step of the smallest loss on held-out clips; the first of equal ones."""
        return min(self.validation, key=lambda seen: seen[1], default=None)

    @property
    def seconds(self) -> float:
        """Time in the loop, over all tries."""
        return self.before + time.monotonic() - self.start

    @property
    def peak(self) -> dict[str, int]:
        """Most memory that a process held, over all tries, MiB."""
        now = peak_memory()
        return {what: max(mib, self.peak_before.get(what, 0)) for what, mib in now.items()}

    def restore(self, resume: Resume) -> None:
        """Go on where an earlier try of the same run left off."""
        optimizing = self.optimizing
        found = resume.load(optimizing.parameters, optimizing.optimizer, optimizing.averages)
        if found is not None:
            self.first, rest = found
            self.before, self.peak_before = rest["seconds"], rest["peak"]
            self.log.restore(rest["log"])
            self.scaler.load_state_dict(rest["scaler"])
            self.micro = MicroBatches(**rest["micro"])
            self.validation = [(step, loss) for step, loss in rest["validation"]]
            say(f"resuming at step {self.first}")
        self.start = time.monotonic()

    def save(self, run: Run, done: int, leaving: bool) -> None:
        """Keep the state after `done` steps, in the first process."""
        began = time.monotonic()
        self.log.settle(done)
        check_finite(run.name, self.parameters)
        if run.processes.first:
            rest = {
                "log": self.log.state(),
                "seconds": self.seconds,
                "peak": self.peak,
                "scaler": self.scaler.state_dict(),
                "micro": vars(self.micro),
                "validation": self.validation,
            }
            try:
                optimizing = self.optimizing
                run.resume.save(
                    done, optimizing.parameters, optimizing.optimizer, rest, optimizing.averages
                )
                run.resume.forget_but(self.best[0] if self.best else None)
            except OSError as error:
                _unsaved(run, done, error, leaving)
        run.budget.saved(time.monotonic() - began)


def _unsaved(run: Run, done: int, error: OSError, leaving: bool) -> None:
    """The disk is full, say: the state of the last save is still there."""
    said = (
        f"{run.name}: step {done} could not be saved ({error}); the state saved before it is as it "
        f"was. Make room below {run.resume.prefix.parent}"
    )
    if leaving:
        raise SystemExit(f"{said}, then run the same command again")
    say(f"{said}; training goes on and tries again")
