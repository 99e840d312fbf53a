"""Progress is told where somebody listens, and work goes on where nobody does."""

import io
from contextlib import suppress
from pathlib import Path

from melablate.progress import Progress


class Gone(io.StringIO):
    """A pipe whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_the_last_step_is_told() -> None:
    out = io.StringIO()
    progress = Progress("training", 3, out=out)
    for done in (1, 2, 3):
        progress.step(done, loss=0.5)
    assert out.getvalue().startswith("training: 3/3  loss 0.5") and out.getvalue().count("\n") == 1


def test_nobody_listening_stops_no_work() -> None:
    Progress("training", 1, out=Gone()).step(1)
    with Path("/dev/full").open("w", buffering=1) as full:
        Progress("training", 1, out=full).step(1)
        with suppress(OSError):
            full.close()
