"""One process at a time trains a run: two would write the same state and the same outputs.

A Snakemake that was killed leaves its training processes alive, and does not know them again.
"""

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def lock_of(prefix: Path) -> Path:
    """The lock of the run that writes `<prefix>.*`."""
    return prefix.with_name(f".{prefix.name}.lock")


@contextmanager
def alone(prefix: Path) -> Iterator[None]:
    """Hold the run's lock; the system lets go of it however the process ends."""
    path = lock_of(prefix)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _locked(path, prefix)
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _locked(path: Path, prefix: Path) -> IO[str]:
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise SystemExit(
                f"{prefix}: {holder} is training this run already, perhaps left over from a "
                "Snakemake that was killed: wait for it or end it, then run the same command again"
            ) from None
        # The last holder may have removed the file between our opening and locking it.
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()
