"""Sizes in words, and how much more than an estimate there should be."""

SPARE = 1.5
"""Estimates are rough, and logs, conda environments and other people need room too."""


def size_words(size: float) -> str:
    """`3.2 GB`."""
    for unit, one in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= one:
            return f"{size / one:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"
