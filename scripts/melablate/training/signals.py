"""Signals that ask a run to save and leave: Slurm sends one before it kills, and so does Ctrl-C."""

import signal
import sys
from types import FrameType

TEMPORARY = 75
"""Exit code of a run that saved its state and left: EX_TEMPFAIL, run it again to go on."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Stop:
    """Remembers that a signal came; the loop asks after every step. A second Ctrl-C ends it.

    Before the loop there is nothing to save: then a signal ends the process at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self.looping = False
        self.interrupted = False
        for number in SIGNALS:
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.asked = True
        if not self.looping:
            name = signal.Signals(number).name
            print(f"{name} before the first step: left as it was", file=sys.stderr)
            raise SystemExit(TEMPORARY)
