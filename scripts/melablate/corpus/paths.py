"""Paths that tables hold: which are inside the corpus, and names made of them."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aif", ".aiff"}
)
PLAIN = re.compile(r"[\w-][\w.-]{0,99}")
LONGEST = 200
"""Bytes of an id: a file's name, which has more to say, may have 255."""
LONGEST_SLUG = 60


def path_fault(path: str) -> str:
    """Why a path of a table is not one of a file inside the corpus; empty if it is."""
    pure = PurePosixPath(path)
    if not pure.name:
        return f"path {path!r} names no file"
    if "\0" in path or "\n" in path:
        return f"path {path!r} holds a character that no path may have"
    if pure.is_absolute() or re.match(r"[A-Za-z]:[\\/]", path):
        return f"path {path} is absolute, needed is one inside the folder"
    if ".." in pure.parts or ".." in path.split("\\"):
        return f"path {path} leads out of the folder"
    return ""


def told(name: str) -> str:
    """A file's name as UTF-8 can hold it: what is none stands as `\\udce4`."""
    return name.encode("utf-8", "backslashreplace").decode()


def plain(name: str) -> bool:
    """Whether an id can name a file on every system."""
    return PLAIN.fullmatch(name) is not None and len(name.encode()) <= LONGEST


def name_of(path: str) -> str:
    """A plain name for a path that depends on nothing else: `rock/a b.wav` → `rock-a-b-1f0c2d3e`.

    The hash tells apart what the rest of the name does not (`a b.wav`, `a-b.mp3`).
    """
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    stem = str(PurePosixPath(path).with_suffix("")) if PurePosixPath(path).name else path
    slug = re.sub(r"[^\w.]+", "-", stem).strip("-.")[-LONGEST_SLUG:]
    slug = slug.encode()[-3 * LONGEST_SLUG :].decode(errors="ignore").strip("-.")
    return f"{slug or 'track'}-{digest}"


def audio_files(folder: Path) -> Iterator[str]:
    """All audio files below a folder, hidden ones left out, in one order.

    Links are followed, to outside too (archives are often linked); each folder is entered once.
    """
    entered: set[tuple[int, int]] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        stat = Path(root).stat()
        again = (stat.st_dev, stat.st_ino) in entered
        entered.add((stat.st_dev, stat.st_ino))
        folders[:] = [] if again else sorted(n for n in folders if not n.startswith("."))
        for name in [] if again else sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES:
                yield (Path(root) / name).relative_to(folder).as_posix()


def file_fault(path: Path) -> str:
    """Why there is nothing to read at a path; empty if there is a file."""
    try:
        stat = path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "cyclic link: the link leads to itself"
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            link = path.is_symlink()
            return f"missing: {'the link leads to no file' if link else 'no such file'}"
        return f"unreadable: {error.strerror}"
    if not path.is_file():
        return "missing: a folder, no file" if path.is_dir() else "unreadable: no plain file"
    return "" if stat.st_size else "empty: 0 bytes"
