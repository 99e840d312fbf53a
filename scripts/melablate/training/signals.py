"""Signals that ask a run to save and leave: Slurm sends one before it kills, and so does Ctrl-C."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType

TEMPORARY = 75
"""Exit code of a run that saved its state and left: EX_TEMPFAIL, run it again to go on."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Stop:
    """Remembers that a signal came; the loop asks after every step. A second Ctrl-C ends it.

    Before the loop there is nothing to save: then a signal ends the process at once, and not by an
    exception, which libraries that are being imported may catch.
    """

    def __init__(self) -> None:
        self.asked = False
        self.looping = False
        self.lock: Path | None = None
        """The run's lock, which goes too."""
        self.interrupted = False
        for number in SIGNALS:
            signal.signal(number, self._ask)

    @contextmanager
    def covering(self, held: AbstractContextManager[bool], lock: Path) -> Iterator[bool]:
        """Hold the run's lock; no signal comes between taking it and knowing of it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        with held as waited:
            self.lock = lock
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            yield waited

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.asked = True
        if not self.looping:
            said = f"{signal.Signals(number).name} before the first step: nothing to save\n"
            os.write(2, said.encode())
            if self.lock is not None:
                self.lock.unlink(missing_ok=True)
            os._exit(TEMPORARY)
