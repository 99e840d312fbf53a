"""Signals that ask a run to save and leave: Slurm sends one before it kills, and so does Ctrl-C."""

import signal
from types import FrameType

TEMPORARY = 75
"""Exit code of a run that saved its state and left: EX_TEMPFAIL, run it again to go on."""


class Stop:
    """Remembers that a signal came; the loop asks after every step. A second Ctrl-C ends it."""

    def __init__(self) -> None:
        self.asked = False
        self.interrupted = False
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.asked = True
