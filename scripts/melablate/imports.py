"""Heavy imports, made quickly, by processes that share their cores politely."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import torch, diffusers and the like within this: a fifth less time.

    They make millions of objects that live to the end, and the collector looks at them all
    again and again; afterwards it never does.
    """
    # Threads that wait by spinning take the cores from other jobs; read when OpenMP starts.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()
