"""Further processes of one run on this machine: the same command, told its rank as torchrun does.

This process is the first: it alone writes, and it alone minds signals. The others live as long as
it does, however it ends.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .signals import SIGNALS, TEMPORARY

LIFELINE = "MELABLATE_LIFELINE"
"""A pipe whose other end the first process holds."""
PATIENCE = 30.0
"""Seconds that the others get to end by themselves."""


def launched() -> bool:
    """Whether a launcher has told this process its rank: accelerate, torchrun, or this module."""
    return "RANK" in os.environ


def is_helper() -> bool:
    """Whether this is a further process of a run."""
    return os.environ.get("RANK", "0") != "0"


@contextmanager
def helpers(processes: int) -> Iterator[None]:
    """Start the other processes of the run; nothing to do where there are none, or already."""
    # None: a site that wants --gres is not asked by the number of GPUs.
    if processes <= 1 or launched():
        yield
        return
    held, given = os.pipe()
    world = _world(processes)
    started = [
        subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            env=os.environ
            | world
            | {"RANK": str(rank), "LOCAL_RANK": str(rank), LIFELINE: str(held)},
            pass_fds=[held],
        )
        for rank in range(1, processes)
    ]
    os.close(held)
    os.environ.update(world, RANK="0", LOCAL_RANK="0")
    try:
        yield
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
    finally:
        os.close(given)  # whoever is still there ends now
        for process in started:
            process.wait()


def follow() -> None:
    """In a further process: leave signals to the first one, and end when it ends."""
    if LIFELINE not in os.environ:
        return
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(int(os.environ[LIFELINE]),), daemon=True).start()


def _watch(held: int) -> None:
    os.read(held, 1)  # nothing is ever written: it returns when the other end is closed
    os._exit(TEMPORARY)


def _world(processes: int) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    size = str(processes)
    return {
        "WORLD_SIZE": size,
        "LOCAL_WORLD_SIZE": size,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
