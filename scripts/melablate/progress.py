"""Progress of long work: a line that redraws on a terminal, a line every few seconds elsewhere."""

import sys
import time
from contextlib import suppress
from typing import TextIO


def duration(seconds: float) -> str:
    """`75` → `1:15`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def say(text: str) -> None:
    """A line beside the progress; that nobody listens any more loses no work."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


class Progress:
    """`step(i, loss=…)` prints step, values, steps per second and time left."""

    def __init__(
        self, what: str, total: int, done: int = 0, every: float = 5.0, out: TextIO = sys.stderr
    ) -> None:
        self.what, self.total, self.first, self.out = what, total, done, out
        self.every = 0.2 if out.isatty() else every
        self.start = self.shown = time.monotonic()

    def step(self, done: int, **values: float) -> None:
        """`done` of `total` are finished; prints at most every few seconds, and at the end."""
        now = time.monotonic()
        if now - self.shown < self.every and done < self.total:
            return
        self.shown = now
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = (self.total - done) / rate if rate > 0 else 0.0
        shown = "".join(f"  {key} {value:.4g}" for key, value in values.items())
        line = f"{self.what}: {done}/{self.total}{shown}  {rate:.3g}/s  " + (
            f"{duration(left)} left" if done < self.total else f"took {duration(now - self.start)}"
        )
        # Whoever listened may be gone (Ctrl-C ends `tee` too): no reason to lose the work.
        with suppress(OSError):
            if self.out.isatty():
                self.out.write("\r\x1b[K" + line + ("\n" if done >= self.total else ""))
            else:
                self.out.write(line + "\n")
            self.out.flush()
