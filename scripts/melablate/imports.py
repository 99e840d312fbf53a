"""Heavy imports without garbage collection, and without what nothing here uses."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import torch, diffusers and the like within this: a fifth less time.

    They make millions of objects that live to the end, and the collector looks at them all
    again and again; afterwards it never does. peft would also load bitsandbytes wherever it is
    installed, for layers of 4 bits, which takes seconds: within this it does not find it.
    """
    was_on = gc.isenabled()
    gc.disable()
    unwanted = [name for name in ("bitsandbytes",) if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unwanted))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in unwanted:
            del sys.modules[name]
        if was_on:
            gc.freeze()
            gc.enable()
