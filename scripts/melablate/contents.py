"""One small file that changes with any byte of a folder: what later stages compare.

Snakemake compares small inputs by content, large ones and folders by time. A file that lists
the checksums of all that a stage wrote is small, so later stages run again when a result differs,
in whichever run it was made, and stay when it came out the same.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from .files import sha256, write_text

END = ".sha256"


def write_contents(path: Path) -> None:
    """List every file beside and below `path` as `sha256sum --check` reads it."""
    files = sorted(_files(path.parent))
    write_text(path, "".join(f"{sha256(path.parent / name)}  {name}\n" for name in files))


def _files(folder: Path) -> Iterator[str]:
    """Names below the folder; hidden files and lists like this one are none of its contents."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        kept = (name for name in names if not name.startswith(".") and not name.endswith(END))
        yield from ((Path(root) / name).relative_to(folder).as_posix() for name in kept)
