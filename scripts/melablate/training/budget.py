"""When a run must have left by itself: its own budget, or the end of its Slurm job."""

import os
import time
from dataclasses import dataclass

UNMEASURED = 10.0
"""Seconds that a save is taken to need before one was seen."""
SLURM_END = "SLURM_JOB_END_TIME"


@dataclass
class Budget:
    """Time that is left, less what the next stretch and a save would take."""

    ends: float | None = None
    """On the clock of `time.monotonic`; none: no limit."""
    slowest: float = 0.0
    """Seconds of the longest stretch between two looks at the clock."""
    saving: float = UNMEASURED
    """Seconds of the longest save."""
    looked: float | None = None

    @classmethod
    def of_job(cls, start: float, seconds: float | None) -> "Budget":
        """So many seconds from the start of the job, but not beyond what Slurm gives it."""
        ends = [] if seconds is None else [start + seconds]
        if SLURM_END in os.environ:
            ends.append(time.monotonic() + float(os.environ[SLURM_END]) - time.time())
        return cls(min(ends, default=None))

    def begin(self) -> None:
        """The loop begins: what comes before its first step is a stretch too."""
        self.looked = time.monotonic()

    def over(self) -> bool:
        """Whether to save and leave now; asked once a step."""
        now = time.monotonic()
        if self.looked is not None:
            self.slowest = max(self.slowest, now - self.looked)
        self.looked = now
        # Twice, for a busy file system may be slower the next time.
        return self.ends is not None and now + self.slowest + 2 * self.saving >= self.ends

    def saved(self, seconds: float) -> None:
        """A save took so long; it is no part of a stretch."""
        self.saving = seconds if self.saving == UNMEASURED else max(self.saving, seconds)
        self.looked = time.monotonic()
