"""Signals that ask a run to save and leave: Slurm sends one before it kills."""

import signal
from types import FrameType

TEMPORARY = 75
"""Exit code of a run that saved its state and left: EX_TEMPFAIL, run it again to go on."""


class Stop:
    """Remembers that SIGTERM or SIGUSR1 came; the loop asks after every step."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
