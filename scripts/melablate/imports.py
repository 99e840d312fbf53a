"""Heavy imports without garbage collection, and without what nothing here uses."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import torch, diffusers and the like within this: a fifth less time.

    They make millions of objects that live to the end, and the collector looks at them all
    again and again; afterwards it never does.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        with without_quantized_layers():
            yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


@contextmanager
def without_quantized_layers() -> Iterator[None]:
    """Within this nothing finds bitsandbytes, unless its optimizer has been loaded already.

    peft would load it wherever it is installed, for layers of 4 and 8 bits: seconds for nothing.
    """
    if "bitsandbytes" in sys.modules:
        yield
        return
    sys.modules["bitsandbytes"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["bitsandbytes"]
