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
    with hidden("bitsandbytes"):
        yield


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Within this nothing finds a package that can be done without, unless it is loaded."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


@contextmanager
def quick_networks() -> Iterator[None]:
    """Import diffusers' and transformers' networks within this.

    Without scipy, which some of their schedulers and losses want that nothing here uses.
    """
    with quick_imports(), hidden("scipy"):
        yield
